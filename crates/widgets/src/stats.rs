//! What a column holds: ranges and quantiles for colour scales, categories, extents.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use futures::TryStreamExt;
use serde_json::{Value, json};
use sources::{Field, FieldType, Selection, Source, SpatialDataType};
use warehouse::{Limits, quote};

use crate::error::{Error, Result};
use crate::quantiles::quantiles;

/// Categories listed, the most frequent first.
const MOST_CATEGORIES: u64 = 500;
/// Quantiles of longer columns are those of every k-th value, so that memory stays bounded.
const MOST_VALUES: usize = 20_000_000;

/// Statistics of a column, or the extent when it is a geometry: the answer of `/v3/stats`.
pub async fn column(source: &Source, name: &str, limits: &Limits) -> Result<Value> {
    let field = source.field(name)?;
    match field.field_type {
        FieldType::Geometry => extent(source, name, limits).await,
        _ if source.request().spatial_data_type != SpatialDataType::Geo
            && source.request().spatial_data_column == field.name =>
        {
            Err(sources::Error::NotImplemented(format!(
                "extents of {} cells; those of a geometry column are there",
                source.request().spatial_data_type.as_str()
            ))
            .into())
        }
        FieldType::Number | FieldType::Bigint => numbers(source, field, limits).await,
        FieldType::String | FieldType::Boolean => categories(source, field, limits).await,
        FieldType::Timestamp => times(source, field, limits).await,
        FieldType::Object | FieldType::Variant | FieldType::Unknown => Err(Error::WrongType {
            column: field.name.clone(),
            column_type: field.field_type.as_str(),
            operation: "a statistic".to_owned(),
            needs: "a column of numbers, texts, dates or geometries",
        }),
    }
}

/// `{"extent": {"xmin", "ymin", "xmax", "ymax"}}` in degrees; nulls when no row has a geometry.
pub async fn extent(source: &Source, column: &str, limits: &Limits) -> Result<Value> {
    let mut request = source.request().clone();
    let source = if request.spatial_data_column == column {
        source.clone()
    } else {
        request.spatial_data_column = column.to_owned();
        Source::open(source.connection(), request).await?
    };
    let extent = source.extent(limits).await?;
    let side = |of: fn(&spatial::LonLatBox) -> f64| extent.as_ref().map(of);
    Ok(json!({ "extent": {
        "xmin": side(|extent| extent.west),
        "ymin": side(|extent| extent.south),
        "xmax": side(|extent| extent.east),
        "ymax": side(|extent| extent.north),
    }}))
}

async fn numbers(source: &Source, field: &Field, limits: &Limits) -> Result<Value> {
    let column = quote(&field.name);
    let mut values: Vec<f64> = Vec::new();
    let mut sum = Sum::default();
    let mut every = 1;
    let mut seen = 0_usize;
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    let selection = Selection::of([column.clone()]).only(format!("{column} IS NOT NULL"));
    let mut stream = source.run(&selection, limits).await?;
    while let Some(batch) = stream.try_next().await? {
        let numbers = cast(batch.column(0), &DataType::Float64).map_err(warehouse::Error::from)?;
        for number in numbers
            .as_primitive::<Float64Type>()
            .iter()
            .flatten()
            .filter(|number| number.is_finite())
        {
            min = min.min(number);
            max = max.max(number);
            sum.add(number);
            if seen.is_multiple_of(every) {
                values.push(number);
            }
            seen += 1;
        }
        if values.len() > MOST_VALUES {
            every *= 2;
            let mut index = 0;
            values.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
    }
    values.sort_unstable_by(f64::total_cmp);
    if let (true, Some(first)) = (every > 1, values.first_mut()) {
        *first = min;
        if let Some(last) = values.last_mut() {
            *last = max;
        }
    }
    let of_any = |number: f64| (seen > 0).then_some(number);
    let mut answer = json!({
        "attribute": field.name,
        "type": "Number",
        "min": of_any(min),
        "max": of_any(max),
        "avg": of_any(sum.total() / seen as f64),
        "sum": sum.total(),
        "quantiles": quantiles(&values),
    });
    if every > 1 {
        // Nobody takes a sample for the whole.
        answer["quantiles_from_every"] = json!(every);
    }
    Ok(answer)
}

/// A sum that keeps what rounding would lose (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation", 1974).
#[derive(Debug, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, number: f64) {
        let next = self.sum + number;
        self.lost += if self.sum.abs() >= number.abs() {
            (self.sum - next) + number
        } else {
            (number - next) + self.sum
        };
        self.sum = next;
    }

    fn total(&self) -> f64 {
        self.sum + self.lost
    }
}

async fn categories(source: &Source, field: &Field, limits: &Limits) -> Result<Value> {
    let column = quote(&field.name);
    let selection = Selection::of([
        format!("{column} AS \"category\""),
        "count(*) AS \"frequency\"".to_owned(),
    ])
    .grouped_by(column)
    .ordered_by("2 DESC")
    .ordered_by("1 ASC NULLS LAST")
    .limited_to(MOST_CATEGORIES);
    let categories = source.objects(&selection, limits).await?;
    Ok(json!({ "attribute": field.name, "type": field.field_type.attribute_type(), "categories": categories }))
}

async fn times(source: &Source, field: &Field, limits: &Limits) -> Result<Value> {
    let column = quote(&field.name);
    let selection = Selection::of([format!("min({column}) AS \"min\""), format!("max({column}) AS \"max\"")]);
    let rows = source.objects(&selection, limits).await?;
    let end = |name: &str| rows.first().map_or(Value::Null, |row| row[name].clone());
    Ok(json!({ "attribute": field.name, "type": "Timestamp", "min": end("min"), "max": end("max") }))
}
