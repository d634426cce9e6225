//! The scatter plot widget: pairs of two columns.

use serde_json::{Value, json};

use crate::Widget;
use crate::error::Result;
use crate::measures::{Operation, columns, joined, number};

/// Pairs given when the client does not say.
const USUAL_LIMIT: i64 = 500;

pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let x = axis(widget, "xAxisColumn", "xAxisJoinOperation")?;
    let y = axis(widget, "yAxisColumn", "yAxisJoinOperation")?;
    let limit = widget.params.integer("limit")?.unwrap_or(USUAL_LIMIT).max(0);
    let selection = widget
        .select([format!("{x} AS \"x\""), format!("{y} AS \"y\"")])
        .only(format!("{x} IS NOT NULL"))
        .only(format!("{y} IS NOT NULL"))
        .limited_to(limit.unsigned_abs());
    Ok(json!({ "rows": widget.rows(&selection).await? }))
}

fn axis(widget: &Widget<'_>, columns_parameter: &str, joint_parameter: &str) -> Result<String> {
    let names = columns(&widget.params, columns_parameter)?.ok_or_else(|| sources::Error::MissingParameter {
        name: columns_parameter.to_owned(),
        hint: "a column of the source".to_owned(),
    })?;
    let fields = names
        .iter()
        .map(|name| widget.source.field(name))
        .collect::<sources::Result<Vec<_>>>()?;
    if let [field] = fields.as_slice() {
        return Ok(number(field));
    }
    let joint = widget
        .params
        .text(joint_parameter)?
        .map(|name| Operation::parse(&name))
        .transpose()?;
    joined(&fields, joint.as_ref())
}
