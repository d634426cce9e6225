//! The range widget: the least and the greatest value of a column.

use serde_json::{Value, json};
use warehouse::quote;

use crate::Widget;
use crate::error::Result;
use crate::measures::{number, required_column};

pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let field = required_column(widget.source, &widget.params, "column")?;
    let value = number(field);
    let mut selection = widget.select([format!("min({value}) AS \"min\""), format!("max({value}) AS \"max\"")]);
    if field.is_float() {
        // NaN would count as the greatest number.
        selection = selection.only(format!("NOT isnan({})", quote(&field.name)));
    }
    Ok(json!({ "rows": widget.rows(&selection).await? }))
}
