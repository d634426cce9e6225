//! The table widget: a page of rows, and how many there are.

use serde_json::{Value, json};
use sources::{Field, FieldType, Filters, LogicalOperator, Selection};
use warehouse::quote;

use crate::Widget;
use crate::error::{Error, Result};
use crate::measures::columns;

/// Rows of a page when the client does not say.
const USUAL_LIMIT: i64 = 10;
/// The longest page.
const LONGEST_LIMIT: i64 = 10_000;
/// Columns that put rows of equal rank in a fixed order, so that pages do not overlap.
const TIE_BREAKERS: usize = 8;

pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let params = &widget.params;
    let names = match columns(params, "column")? {
        Some(names) => names,
        None => widget.source.fields().iter().map(|field| field.name.clone()).collect(),
    };
    let fields = names
        .iter()
        .map(|name| widget.source.field(name))
        .collect::<sources::Result<Vec<_>>>()?;
    // Keys are what was asked for, whatever the letters of the column.
    let items: Vec<String> = names
        .iter()
        .zip(&fields)
        .map(|(name, field)| format!("{} AS {}", quote(&field.name), quote(name)))
        .collect();
    let limit = size(params, "limit", USUAL_LIMIT)?;
    let offset = size(params, "offset", 0)?;
    if limit > LONGEST_LIMIT as u64 {
        return Err(sources::Error::invalid("limit", format!("may be {LONGEST_LIMIT} at most")).into());
    }
    let mut page = Selection {
        order_by: order(widget, &fields)?,
        ..searched(widget, widget.select(items))?
    };
    page.limit = Some(limit);
    page.offset = (offset > 0).then_some(offset);
    let total = searched(widget, widget.select(["count(*) AS \"total\""]))?;
    let (rows, total) = futures::try_join!(widget.rows(&page), widget.rows(&total))?;
    let total = total.first().map_or(Value::Null, |row| row["total"].clone());
    Ok(json!({ "rows": rows, "metadata": { "total": total } }))
}

fn size(params: &sources::Parameters, name: &str, usual: i64) -> Result<u64> {
    let size = params.integer(name)?.unwrap_or(usual);
    u64::try_from(size).map_err(|_| sources::Error::invalid(name, "must not be negative").into())
}

/// The search box of the table, as older clients send it.
fn searched(widget: &Widget<'_>, selection: Selection) -> Result<Selection> {
    let params = &widget.params;
    let (Some(column), Some(text)) = (params.text("searchFilterColumn")?, params.text("searchFilterText")?) else {
        return Ok(selection);
    };
    let filter = Filters::parse(Some(&json!({ column: { "stringSearch": { "values": [text] } } })))?;
    let condition = sources::filter_sql::condition(&filter, LogicalOperator::And, widget.source.fields())?;
    Ok(match condition {
        Some(condition) => selection.only(condition),
        None => selection,
    })
}

/// What rows are ordered by: what was asked for, then the other columns.
fn order(widget: &Widget<'_>, fields: &[&Field]) -> Result<Vec<String>> {
    let direction = match widget
        .params
        .text("sortDirection")?
        .map(|text| text.to_ascii_lowercase())
        .as_deref()
    {
        None | Some("asc") => "ASC",
        Some("desc") => "DESC",
        Some(other) => {
            return Err(sources::Error::invalid("sortDirection", format!("must be asc or desc, not {other}")).into());
        }
    };
    let sort_by = columns(&widget.params, "sortBy")?.unwrap_or_default();
    let mut order = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for name in &sort_by {
        let field = widget.source.field(name)?;
        if !has_order(field) {
            return Err(Error::WrongType {
                column: field.name.clone(),
                column_type: field.field_type.as_str(),
                operation: "sorting".to_owned(),
                needs: "a column of texts, numbers or dates",
            });
        }
        used.push(&field.name);
        order.push(format!("{} {direction} NULLS LAST", quote(&field.name)));
    }
    for field in fields.iter().filter(|field| has_order(field)).take(TIE_BREAKERS) {
        if !used.contains(&field.name.as_str()) {
            used.push(&field.name);
            order.push(format!("{} ASC NULLS LAST", quote(&field.name)));
        }
    }
    Ok(order)
}

fn has_order(field: &Field) -> bool {
    match field.field_type {
        FieldType::Number | FieldType::Bigint | FieldType::String | FieldType::Timestamp | FieldType::Boolean => true,
        FieldType::Geometry | FieldType::Object | FieldType::Variant | FieldType::Unknown => false,
    }
}
