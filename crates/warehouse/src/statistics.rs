//! Statistics of one column: nulls, range, distribution. What the Data Explorer shows next to a column.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

use crate::engine::near_names;
use crate::error::{Error, Result};
use crate::name::{TableName, quote};
use crate::{Limits, Sql, Warehouse, types};

/// Bars of a histogram.
const BINS: usize = 20;
/// Most categories listed, the most frequent first.
const CATEGORIES: usize = 50;

/// What is known of one column's values.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnStatistics {
    pub attribute: String,
    /// `number`, `bigint`, `string`, `boolean`, `timestamp`, `geometry`, `object`, `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    pub rows: u64,
    pub nulls: u64,
    /// Different values, within a few percent; not counted for fractions.
    pub distinct: Option<u64>,
    /// Numbers as numbers, timestamps as ISO texts.
    pub min: Option<Value>,
    pub max: Option<Value>,
    pub avg: Option<f64>,
    /// Of numbers, and of timestamps in milliseconds since 1970.
    pub histogram: Vec<HistogramBin>,
    pub categories: Vec<CategoryCount>,
}

/// Values from `from` (inclusive) to `to` (exclusive but for the last bin).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistogramBin {
    pub from: f64,
    pub to: f64,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CategoryCount {
    pub category: Value,
    pub frequency: u64,
}

impl Warehouse {
    /// Nulls, range and distribution of a column of a table or view. Reads the column.
    pub fn column_statistics<'a>(
        &'a self,
        table: &'a TableName,
        column: &'a str,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<ColumnStatistics>> {
        Box::pin(async move {
            let from = table.to_sql();
            let described = self.describe(&Sql::new(format!("SELECT * FROM {from}"))).await?;
            let field = described.schema.field_with_name(column).map_err(|_| {
                let known: Vec<String> = described
                    .schema
                    .fields()
                    .iter()
                    .map(|field| field.name().clone())
                    .collect();
                Error::ColumnNotFound {
                    column_name: column.to_owned(),
                    near: near_names(column, &known),
                }
            })?;
            let survey = Survey {
                warehouse: self,
                from,
                column: quote(column),
                limits,
            };
            let kind = kind_of(field);
            let mut statistics = survey.counts(column, kind, field.data_type()).await?;
            match kind {
                Kind::Number | Kind::BigInt => survey.numbers(&mut statistics, &survey.column).await?,
                Kind::Timestamp => {
                    let (min, max) = (statistics.min.take(), statistics.max.take());
                    let milliseconds = format!("CAST(CAST({} AS TIMESTAMP(3)) AS BIGINT)", survey.column);
                    survey.numbers(&mut statistics, &milliseconds).await?;
                    (statistics.min, statistics.max, statistics.avg) = (min, max, None);
                }
                Kind::Text | Kind::Boolean => survey.categories(&mut statistics, kind).await?,
                Kind::Geometry | Kind::Object | Kind::Unknown => {}
            }
            Ok(statistics)
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    BigInt,
    Text,
    Boolean,
    Timestamp,
    Geometry,
    Object,
    Unknown,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::BigInt => "bigint",
            Kind::Text => "string",
            Kind::Boolean => "boolean",
            Kind::Timestamp => "timestamp",
            Kind::Geometry => "geometry",
            Kind::Object => "object",
            Kind::Unknown => "unknown",
        }
    }

    /// Whether values have an order that SQL knows.
    fn is_ordered(self) -> bool {
        match self {
            Kind::Number | Kind::BigInt | Kind::Text | Kind::Boolean | Kind::Timestamp => true,
            Kind::Geometry | Kind::Object | Kind::Unknown => false,
        }
    }
}

fn kind_of(field: &Field) -> Kind {
    if types::is_geometry_field(field) {
        return Kind::Geometry;
    }
    if types::is_json_field(field) {
        return Kind::Object;
    }
    match field.data_type() {
        DataType::Int64 | DataType::UInt64 => Kind::BigInt,
        data_type if data_type.is_numeric() => Kind::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Boolean => Kind::Boolean,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Kind::Timestamp,
        data_type if data_type.is_nested() => Kind::Object,
        _ => Kind::Unknown,
    }
}

struct Survey<'a> {
    warehouse: &'a Warehouse,
    from: String,
    /// Quoted.
    column: String,
    limits: &'a Limits,
}

impl Survey<'_> {
    async fn rows(&self, sql: String) -> Result<Vec<RecordBatch>> {
        self.warehouse.query(&Sql::new(sql), self.limits).await?.collect().await
    }

    async fn one_row(&self, sql: String) -> Result<RecordBatch> {
        let batches = self.rows(sql).await?;
        batches
            .into_iter()
            .find(|batch| batch.num_rows() == 1)
            .ok_or_else(|| Error::Internal("an aggregate without a row".to_owned()))
    }

    async fn counts(&self, attribute: &str, kind: Kind, data_type: &DataType) -> Result<ColumnStatistics> {
        let Survey { from, column, .. } = self;
        let values = if kind.is_ordered() {
            let distinct = match data_type {
                DataType::Boolean => format!("count(DISTINCT {column})"),
                data_type if data_type.is_floating() || data_type.is_decimal() => "NULL".to_owned(),
                _ => format!("approx_distinct({column})"),
            };
            format!("{distinct}, CAST(min({column}) AS TEXT), CAST(max({column}) AS TEXT)")
        } else {
            "NULL AS different, NULL AS least, NULL AS greatest".to_owned()
        };
        let row = self
            .one_row(format!("SELECT count(*), count({column}), {values} FROM {from}"))
            .await?;
        let rows = whole(row.column(0)).unwrap_or(0);
        let present = whole(row.column(1)).unwrap_or(0);
        Ok(ColumnStatistics {
            attribute: attribute.to_owned(),
            kind: kind.as_str().to_owned(),
            rows,
            nulls: rows - present,
            distinct: whole(row.column(2)),
            min: text(row.column(3)).map(Value::String),
            max: text(row.column(4)).map(Value::String),
            avg: None,
            histogram: Vec::new(),
            categories: Vec::new(),
        })
    }

    /// Range, mean and histogram of an expression that gives numbers. NaN and infinities are left out.
    async fn numbers(&self, statistics: &mut ColumnStatistics, expression: &str) -> Result<()> {
        let from = format!(
            "(SELECT CAST({expression} AS DOUBLE) AS x FROM {}) AS numbers WHERE abs(x) < CAST('Infinity' AS DOUBLE)",
            self.from
        );
        let row = self
            .one_row(format!("SELECT min(x), max(x), avg(x) FROM {from}"))
            .await?;
        let [min, max, avg] = [0, 1, 2].map(|index| number(row.column(index)));
        let (Some(min), Some(max)) = (min, max) else {
            (statistics.min, statistics.max) = (None, None);
            return Ok(());
        };
        statistics.min = json_number(min);
        statistics.max = json_number(max);
        statistics.avg = avg;
        let width = (max - min) / BINS as f64;
        if width <= 0.0 || !width.is_finite() {
            statistics.histogram = vec![HistogramBin {
                from: min,
                to: max,
                count: statistics.rows - statistics.nulls,
            }];
            return Ok(());
        }
        let batches = self
            .rows(format!(
                "SELECT least(CAST(floor((x - ({min:e})) / {width:e}) AS BIGINT), {}) AS bin, count(*) FROM {from} GROUP BY 1",
                BINS - 1
            ))
            .await?;
        let mut counts = [0; BINS];
        for batch in &batches {
            let (bins, frequencies) = (
                batch.column(0).as_primitive::<Int64Type>(),
                batch.column(1).as_primitive::<Int64Type>(),
            );
            for (bin, frequency) in bins.values().iter().zip(frequencies.values()) {
                if let Some(count) = usize::try_from(*bin).ok().and_then(|bin| counts.get_mut(bin)) {
                    *count += u64::try_from(*frequency).unwrap_or(0);
                }
            }
        }
        let edge = |bin: usize| if bin == BINS { max } else { min + width * bin as f64 };
        statistics.histogram = counts
            .into_iter()
            .enumerate()
            .map(|(bin, count)| HistogramBin {
                from: edge(bin),
                to: edge(bin + 1),
                count,
            })
            .collect();
        Ok(())
    }

    async fn categories(&self, statistics: &mut ColumnStatistics, kind: Kind) -> Result<()> {
        let Survey { from, column, .. } = self;
        let batches = self
            .rows(format!(
                "SELECT CAST({column} AS TEXT), count(*) FROM {from} WHERE {column} IS NOT NULL \
                 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {CATEGORIES}"
            ))
            .await?;
        for batch in &batches {
            for row in 0..batch.num_rows() {
                let category = text(&batch.column(0).slice(row, 1)).unwrap_or_default();
                let category = match kind {
                    Kind::Boolean => Value::Bool(category == "true"),
                    _ => Value::String(category),
                };
                let frequency = whole(&batch.column(1).slice(row, 1)).unwrap_or(0);
                statistics.categories.push(CategoryCount { category, frequency });
            }
        }
        Ok(())
    }
}

fn first(values: &ArrayRef, data_type: &DataType) -> Option<ArrayRef> {
    let values = cast(values, data_type).ok()?;
    (!values.is_empty() && values.is_valid(0)).then_some(values)
}

fn whole(values: &ArrayRef) -> Option<u64> {
    u64::try_from(first(values, &DataType::Int64)?.as_primitive::<Int64Type>().value(0)).ok()
}

fn number(values: &ArrayRef) -> Option<f64> {
    Some(
        first(values, &DataType::Float64)?
            .as_primitive::<Float64Type>()
            .value(0),
    )
}

fn text(values: &ArrayRef) -> Option<String> {
    Some(first(values, &DataType::Utf8)?.as_string::<i32>().value(0).to_owned())
}

/// Whole numbers without a fraction.
fn json_number(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        return Some(Value::from(number as i64));
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}
