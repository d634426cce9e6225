//! The formula widget: one number.

use serde_json::{Value, json};

use crate::Widget;
use crate::error::Result;
use crate::measures::aggregate;

pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let value = aggregate(widget.source, &widget.params, "column")?;
    let rows = widget.rows(&widget.select([format!("{value} AS \"value\"")])).await?;
    Ok(json!({ "rows": rows }))
}
