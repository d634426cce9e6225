//! The aggregations model: several numbers at once.

use serde_json::{Value, json};
use sources::Parameters;
use warehouse::quote;

use crate::Widget;
use crate::error::Result;
use crate::measures::{Operation, aggregate_of, columns};

pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let items = match widget.params.value("aggregations") {
        None => {
            return Err(sources::Error::MissingParameter {
                name: "aggregations".to_owned(),
                hint: "a list of {column, operation, alias}, or SQL such as sum(pop) AS pop".to_owned(),
            }
            .into());
        }
        Some(Value::String(text)) if !text.trim_start().starts_with('[') => {
            sources::expressions::items("aggregations", text, &widget.source.request().parameters)?
        }
        Some(_) => {
            let list = widget.params.json("aggregations")?;
            let list = list.as_ref().and_then(Value::as_array).ok_or_else(|| {
                sources::Error::invalid(
                    "aggregations",
                    "must be a list of {column, operation, alias} or an SQL text",
                )
            })?;
            list.iter()
                .map(|item| of_item(widget, item))
                .collect::<Result<Vec<_>>>()?
        }
    };
    if items.is_empty() {
        return Err(sources::Error::invalid("aggregations", "is empty").into());
    }
    Ok(json!({ "rows": widget.rows(&widget.select(items)).await? }))
}

fn of_item(widget: &Widget<'_>, item: &Value) -> Result<String> {
    let item = item
        .as_object()
        .ok_or_else(|| sources::Error::invalid("aggregations", "each must be {column, operation, alias}"))?;
    let item = Parameters::new([], item.clone());
    let alias = item.required_text("alias", "a name for the aggregation")?;
    let operation = Operation::parse(&item.required_text("operation", "such as sum")?)?;
    let value = match operation {
        Operation::Custom => {
            let text = item.required_text("operationExp", "the SQL aggregate of the custom operation")?;
            sources::expressions::expression("operationExp", &text, &widget.source.request().parameters)?
        }
        Operation::Count | Operation::Avg | Operation::Min | Operation::Max | Operation::Sum => {
            let names = columns(&item, "column")?.unwrap_or_default();
            if names.is_empty() && operation != Operation::Count {
                item.required_text("column", "a column of the source").map(drop)?;
                return Err(sources::Error::invalid("column", "must be a column of the source").into());
            }
            aggregate_of(widget.source, &operation, &names)?
        }
    };
    Ok(format!("{value} AS {}", quote(&alias)))
}
