//! The time series widget: one value per step of time, in UTC.

use serde_json::{Map, Value, json};
use sources::{Filters, LogicalOperator};
use warehouse::quote;

use crate::Widget;
use crate::error::Result;
use crate::measures::{aggregate, moment, required_column};

/// How long a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl Step {
    fn parse(name: &str) -> Result<Step> {
        match name {
            "year" => Ok(Step::Year),
            "month" => Ok(Step::Month),
            "week" => Ok(Step::Week),
            "day" => Ok(Step::Day),
            "hour" => Ok(Step::Hour),
            "minute" => Ok(Step::Minute),
            "second" => Ok(Step::Second),
            other => Err(sources::Error::invalid(
                "stepSize",
                format!("must be year, month, week, day, hour, minute or second, not {other}"),
            )
            .into()),
        }
    }

    /// The start of the step, of `multiplier` units, that a moment lies in. Weeks begin on Monday.
    fn start(self, moment: &str, multiplier: u64) -> String {
        let fixed = |unit: &str, origin: &str| {
            format!("date_bin(INTERVAL '{multiplier} {unit}', {moment}, TIMESTAMP '{origin}')")
        };
        match self {
            Step::Year if multiplier == 1 => format!("date_trunc('year', {moment})"),
            Step::Month if multiplier == 1 => format!("date_trunc('month', {moment})"),
            Step::Week if multiplier == 1 => format!("date_trunc('week', {moment})"),
            Step::Year => {
                let year = format!("CAST(date_part('year', {moment}) AS INT)");
                format!("make_date({year} - {year} % {multiplier}, 1, 1)")
            }
            Step::Month => {
                let months = format!(
                    "(CAST(date_part('year', {moment}) AS INT) * 12 + CAST(date_part('month', {moment}) AS INT) - 1)"
                );
                let first = format!("({months} - {months} % {multiplier})");
                format!("make_date(CAST(floor({first} / 12) AS INT), {first} % 12 + 1, 1)")
            }
            Step::Week => format!(
                "date_bin(INTERVAL '{} days', {moment}, TIMESTAMP '1970-01-05T00:00:00')",
                7 * multiplier
            ),
            Step::Day => fixed("days", "1970-01-01T00:00:00"),
            Step::Hour => fixed("hours", "1970-01-01T00:00:00"),
            Step::Minute => fixed("minutes", "1970-01-01T00:00:00"),
            Step::Second => fixed("seconds", "1970-01-01T00:00:00"),
        }
    }
}

/// More units than this are no step.
const GREATEST_MULTIPLIER: i64 = 10_000;

pub(crate) async fn answer(widget: &Widget<'_>) -> Result<Value> {
    let params = &widget.params;
    let field = required_column(widget.source, params, "column")?;
    let step = Step::parse(&params.required_text("stepSize", "year, month, week, day, hour, minute or second")?)?;
    let multiplier = params.integer("stepMultiplier")?.unwrap_or(1);
    if !(1..=GREATEST_MULTIPLIER).contains(&multiplier) {
        return Err(
            sources::Error::invalid("stepMultiplier", format!("must be from 1 to {GREATEST_MULTIPLIER}")).into(),
        );
    }
    let start = step.start(&moment(field)?, multiplier.unsigned_abs());
    let start = format!("CAST({start} AS TIMESTAMP)");
    let value = aggregate(widget.source, params, "operationColumn")?;
    let mut items = vec![format!("{start} AS \"name\""), format!("{value} AS \"value\"")];
    let split = params.text("splitByCategory")?;
    let category = split
        .as_ref()
        .map(|name| widget.source.field(name))
        .transpose()?
        .map(|field| quote(&field.name));
    if let Some(category) = &category {
        items.extend([format!("{category} AS \"category\""), "count(*) AS \"rows\"".to_owned()]);
    }
    let mut selection = widget
        .select(items)
        .only(format!("{} IS NOT NULL", quote(&field.name)))
        .grouped_by(start)
        .ordered_by("1 ASC");
    if let (Some(category), Some(name)) = (&category, &split) {
        selection = selection.grouped_by(category).ordered_by("3 ASC NULLS LAST");
        if let Some(values) = params.json("splitByCategoryValues")? {
            let filter = Filters::parse(Some(&json!({ name: { "in": { "values": values } } })))?;
            let condition = sources::filter_sql::condition(&filter, LogicalOperator::And, widget.source.fields())?;
            selection.conditions.extend(condition);
        }
    }
    let rows = widget.rows(&selection).await?;
    if category.is_none() {
        return Ok(json!({ "rows": rows, "metadata": { "categories": [] } }));
    }
    let limit = params.integer("splitByCategoryLimit")?.filter(|limit| *limit > 0);
    Ok(split_rows(rows, limit.map_or(usize::MAX, |limit| limit as usize)))
}

/// The rows of the categories with the most source rows, and those categories' names.
fn split_rows(rows: Vec<Value>, limit: usize) -> Value {
    let mut counts: Map<String, Value> = Map::new();
    for row in &rows {
        let count = counts.entry(name_of(&row["category"])).or_insert_with(|| json!(0));
        *count = json!(count.as_u64().unwrap_or(0) + row["rows"].as_u64().unwrap_or(0));
    }
    let mut categories: Vec<(String, u64)> = counts
        .into_iter()
        .map(|(name, count)| (name, count.as_u64().unwrap_or(0)))
        .collect();
    categories.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    categories.truncate(limit);
    let categories: Vec<String> = categories.into_iter().map(|(name, _)| name).collect();
    let rows: Vec<Value> = rows
        .into_iter()
        .filter(|row| categories.contains(&name_of(&row["category"])))
        .map(|mut row| {
            if let Value::Object(columns) = &mut row {
                columns.shift_remove("rows");
            }
            row
        })
        .collect();
    json!({ "rows": rows, "metadata": { "categories": categories } })
}

fn name_of(category: &Value) -> String {
    match category {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
