//! The category widget: one value per distinct value of a column.

use futures::TryStreamExt;
use serde_json::{Value, json};
use sources::{FieldType, Filters, LogicalOperator, Selection};
use warehouse::quote;

use crate::Widget;
use crate::error::{Error, Result};
use crate::measures::{Operation, aggregate, required_column, value_of};

/// The order of categories; ties go by the other of value and name.
fn order(params: &sources::Parameters) -> Result<[&'static str; 2]> {
    match params.text("orderBy")?.as_deref() {
        None | Some("frequency_desc") => Ok(["2 DESC NULLS LAST", "1 ASC NULLS LAST"]),
        Some("frequency_asc") => Ok(["2 ASC NULLS LAST", "1 ASC NULLS LAST"]),
        Some("alphabetical_asc") => Ok(["1 ASC NULLS LAST", "2 DESC NULLS LAST"]),
        Some("alphabetical_desc") => Ok(["1 DESC NULLS LAST", "2 DESC NULLS LAST"]),
        Some(other) => Err(sources::Error::invalid(
            "orderBy",
            format!("must be frequency_desc, frequency_asc, alphabetical_asc or alphabetical_desc, not {other}"),
        )
        .into()),
    }
}

pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let params = &widget.params;
    let field = required_column(widget.source, params, "column")?;
    if field.field_type == FieldType::Geometry {
        return Err(Error::WrongType {
            column: field.name.clone(),
            column_type: field.field_type.as_str(),
            operation: "a category widget".to_owned(),
            needs: "a column of texts, numbers or dates",
        });
    }
    let column = quote(&field.name);
    let value = aggregate(widget.source, params, "operationColumn")?;
    let threshold = match params.integer("othersThreshold")? {
        None | Some(0) => None,
        Some(threshold) => Some(
            usize::try_from(threshold)
                .map_err(|_| sources::Error::invalid("othersThreshold", "must be a positive number"))?,
        ),
    };
    let mut items = vec![format!("{column} AS \"name\""), format!("{value} AS \"value\"")];
    if threshold.is_some() && Operation::of(params)? == Operation::Avg {
        items.extend(parts_of_average(widget)?);
    }
    let [first, second] = order(params)?;
    let selection = widget
        .select(items)
        .grouped_by(&column)
        .ordered_by(first)
        .ordered_by(second);
    let Some(threshold) = threshold else {
        return Ok(json!({ "rows": widget.rows(&selection).await? }));
    };
    let (rows, others) = top(widget, &selection, threshold).await?;
    match others {
        Others::None => Ok(json!({ "rows": rows })),
        Others::Value(value) => Ok(json!({ "rows": rows, "metadata": { "others": value } })),
        Others::Unknown => {
            let others = widget
                .select([format!("{value} AS \"value\"")])
                .only(is_none_of(&field.name, widget, &rows)?);
            let others = widget
                .rows(&others)
                .await?
                .first()
                .map_or(Value::Null, |row| row["value"].clone());
            Ok(json!({ "rows": rows, "metadata": { "others": others } }))
        }
    }
}

/// The sum and the number of values, from which averages of several categories are put together.
fn parts_of_average(widget: &Widget<'_>) -> Result<[String; 2]> {
    let value = value_of(widget.source, &widget.params, "operationColumn", &Operation::Avg)?;
    Ok([
        format!("sum(CAST({value} AS DOUBLE)) AS \"sum\""),
        format!("count({value}) AS \"count\""),
    ])
}

/// What the operation gives over the rows of all categories that are not shown.
enum Others {
    /// Every category is shown.
    None,
    Value(Value),
    /// It cannot be put together from the categories' own values.
    Unknown,
}

/// The first categories, and the operation over the rest.
async fn top(widget: &Widget<'_>, selection: &Selection, threshold: usize) -> Result<(Vec<Value>, Others)> {
    let operation = Operation::of(&widget.params)?;
    let mut stream = widget.source.run(selection, widget.limits).await?;
    let schema = stream.schema();
    let mut rows = Vec::new();
    let mut rest: Option<Rest> = None;
    while let Some(batch) = stream.try_next().await? {
        for mut row in sources::rows::objects(&schema, &[batch]) {
            if rows.len() < threshold {
                if let Value::Object(columns) = &mut row {
                    columns.retain(|name, _| name == "name" || name == "value");
                }
                rows.push(row);
                continue;
            }
            if operation == Operation::Custom {
                return Ok((rows, Others::Unknown));
            }
            rest.get_or_insert_default().add(&operation, &row);
        }
    }
    Ok((
        rows,
        rest.map_or(Others::None, |rest| Others::Value(rest.value(&operation))),
    ))
}

/// The operation so far over the categories that are not shown.
#[derive(Debug, Default)]
struct Rest {
    value: Option<f64>,
    count: f64,
}

impl Rest {
    fn add(&mut self, operation: &Operation, row: &Value) {
        let number = |name: &str| row.get(name).and_then(Value::as_f64);
        let Some(next) = number(if *operation == Operation::Avg { "sum" } else { "value" }) else {
            return;
        };
        self.count += number("count").unwrap_or(0.0);
        self.value = Some(match (operation, self.value) {
            (_, None) => next,
            (Operation::Min, Some(value)) => value.min(next),
            (Operation::Max, Some(value)) => value.max(next),
            (Operation::Count | Operation::Sum | Operation::Avg | Operation::Custom, Some(value)) => value + next,
        });
    }

    fn value(&self, operation: &Operation) -> Value {
        let Some(value) = self.value else { return Value::Null };
        match operation {
            Operation::Count => Value::from(value as u64),
            Operation::Avg => Value::from(value / self.count),
            Operation::Sum | Operation::Min | Operation::Max | Operation::Custom => Value::from(value),
        }
    }
}

/// The condition that a row's category is not among those shown. Null is a category of its own.
fn is_none_of(name: &str, widget: &Widget<'_>, rows: &[Value]) -> Result<String> {
    let shown: Vec<&Value> = rows.iter().map(|row| &row["name"]).collect();
    let filter = Filters::parse(Some(&json!({ name: { "in": { "values": shown } } })))?;
    let condition = sources::filter_sql::condition(&filter, LogicalOperator::And, widget.source.fields())?;
    Ok(format!(
        "NOT coalesce({}, FALSE)",
        condition.unwrap_or_else(|| "FALSE".to_owned())
    ))
}
