//! The histogram widget: one value per bin between ticks.

use serde_json::{Value, json};
use warehouse::quote;

use crate::Widget;
use crate::error::Result;
use crate::measures::{aggregate, number, require_number, required_column};

/// More bins than this are no histogram.
const MOST_TICKS: usize = 1000;

/// Bin 0 lies below the first tick, bin i from tick i − 1 up to tick i, the last bin from the last tick on.
/// Empty bins are left out.
pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let field = required_column(widget.source, &widget.params, "column")?;
    require_number(field, "a histogram")?;
    let mut ticks = ticks(&widget.params)?;
    ticks.sort_unstable_by(f64::total_cmp);
    let value = aggregate(widget.source, &widget.params, "column")?;
    let column = number(field);
    // The bin is the number of ticks passed.
    let bin = if ticks.is_empty() {
        "0".to_owned()
    } else {
        let ticks: Vec<String> = ticks.iter().map(|tick| format!("{tick:e}")).collect();
        format!("range_bucket({column}, [{}])", ticks.join(", "))
    };
    let mut selection = widget
        .select([format!("{bin} AS \"tick\""), format!("{value} AS \"value\"")])
        .only(format!("{} IS NOT NULL", quote(&field.name)))
        .grouped_by("1")
        .ordered_by("1");
    if field.is_float() {
        selection = selection.only(format!("NOT isnan({})", quote(&field.name)));
    }
    Ok(json!({ "rows": widget.rows(&selection).await? }))
}

fn ticks(params: &sources::Parameters) -> Result<Vec<f64>> {
    let invalid = || sources::Error::invalid("ticks", "must be a list of numbers");
    let ticks = params.json("ticks")?.ok_or_else(|| sources::Error::MissingParameter {
        name: "ticks".to_owned(),
        hint: "a list of numbers between the bins".to_owned(),
    })?;
    let ticks: Vec<f64> = ticks
        .as_array()
        .ok_or_else(invalid)?
        .iter()
        .map(Value::as_f64)
        .collect::<Option<_>>()
        .ok_or_else(invalid)?;
    if ticks.len() > MOST_TICKS {
        return Err(sources::Error::invalid("ticks", format!("may be {MOST_TICKS} at most")).into());
    }
    Ok(ticks)
}
