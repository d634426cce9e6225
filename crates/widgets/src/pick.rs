//! Features by the id that tiles give their geometry: the pick model, and widgets limited to chosen features.

use serde_json::{Value, json};
use sources::{Parameters, Source};
use warehouse::quote;

use crate::Widget;
use crate::error::Result;
use crate::measures::columns;

/// The property of tiles that holds the id.
const FEATURE_ID: &str = "_carto_feature_id";
/// More ids than this are refused, as CARTO's clients do themselves.
const MOST_IDS: usize = 1000;
/// Rows given when the client does not say.
const USUAL_LIMIT: i64 = 1000;

/// The condition that a row's geometry is among `featureIds`, if the widget has them.
pub(crate) fn is_feature(source: &Source, params: &Parameters) -> Result<Option<String>> {
    let Some(ids) = feature_ids(params)? else {
        return Ok(None);
    };
    let id = id_of(source)?;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Ok(Some(if ids.is_empty() {
        "FALSE".to_owned()
    } else {
        format!("{id} IN ({})", ids.join(", "))
    }))
}

fn id_of(source: &Source) -> Result<String> {
    let geometry = source.require_geometry()?;
    let column = quote(&geometry.column);
    if !geometry.is_lon_lat() {
        return Ok(format!("carto_feature_id(ST_Transform({column}, 'EPSG:4326'))"));
    }
    Ok(format!("carto_feature_id({column})"))
}

fn feature_ids(params: &Parameters) -> Result<Option<Vec<u64>>> {
    let invalid = || sources::Error::invalid("featureIds", "must be a list of ids as tiles give them");
    let Some(ids) = params.json("featureIds")? else {
        return Ok(None);
    };
    let ids = ids.as_array().ok_or_else(invalid)?;
    if ids.len() > MOST_IDS {
        return Err(
            sources::Error::invalid("featureIds", format!("may be {MOST_IDS} at most, not {}", ids.len())).into(),
        );
    }
    let ids: Option<Vec<u64>> = ids
        .iter()
        .map(|id| match id {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.as_u64().or_else(|| number.as_f64().map(|id| id as u64)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
        .collect();
    Ok(Some(ids.ok_or_else(invalid)?))
}

/// Rows of the chosen features, in the order of the ids.
pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let params = &widget.params;
    let ids = feature_ids(params)?.ok_or_else(|| sources::Error::MissingParameter {
        name: "featureIds".to_owned(),
        hint: "ids of features as tiles give them".to_owned(),
    })?;
    let names = columns(params, "columns")?.unwrap_or_else(|| vec![FEATURE_ID.to_owned()]);
    let id = id_of(widget.source)?;
    let items = names
        .iter()
        .map(|name| {
            let expression = match widget.source.field(name) {
                Ok(field) => quote(&field.name),
                Err(_) if name == FEATURE_ID => id.clone(),
                Err(error) => return Err(error),
            };
            Ok(format!("{expression} AS {}", quote(name)))
        })
        .collect::<sources::Result<Vec<_>>>()?;
    let wanted: Vec<String> = ids.iter().map(|id| format!("CAST({id} AS BIGINT UNSIGNED)")).collect();
    let mut selection = widget.select(items);
    if !wanted.is_empty() {
        selection = selection.ordered_by(format!("array_position([{}], {id})", wanted.join(", ")));
    }
    selection.limit = Some(params.integer("limit")?.unwrap_or(USUAL_LIMIT).max(0).unsigned_abs());
    selection.offset = params
        .integer("offset")?
        .filter(|offset| *offset > 0)
        .map(i64::unsigned_abs);
    Ok(json!({ "rows": widget.rows(&selection).await?, "metadata": {} }))
}
