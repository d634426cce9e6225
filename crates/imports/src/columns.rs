//! The types of columns: guessed from every value, then held against every value.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a column of an imported table can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    Boolean,
    /// Whole numbers of 64 bits.
    Bigint,
    Double,
    Date,
    /// A day and time without a zone.
    Timestamp,
    /// A moment; zones are turned to UTC.
    TimestampTz,
    Text,
    Json,
    /// Types that only GeoParquet brings, kept as they are.
    Other,
}

/// A column of the file and of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportedColumn {
    pub name: String,
    /// Its name in the file.
    pub original: String,
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

impl ColumnType {
    /// As it is said to people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ColumnType::Boolean => "boolean",
            ColumnType::Bigint => "bigint",
            ColumnType::Double => "double",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
            ColumnType::TimestampTz => "timestamptz",
            ColumnType::Text => "text",
            ColumnType::Json => "json",
            ColumnType::Other => "other",
        }
    }

    pub(crate) fn field(self, name: &str) -> Field {
        let data_type = match self {
            ColumnType::Boolean => DataType::Boolean,
            ColumnType::Bigint => DataType::Int64,
            ColumnType::Double => DataType::Float64,
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnType::Text | ColumnType::Json | ColumnType::Other => DataType::Utf8,
        };
        let field = Field::new(name, data_type, true);
        if self == ColumnType::Json {
            return field.with_metadata([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into());
        }
        field
    }
}

/// A type that every value seen so far has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guess {
    known: Option<ColumnType>,
    /// A whole number too great for a double was seen: it may not become one.
    has_great_integer: bool,
}

/// Above this, doubles skip whole numbers.
const GREATEST_EXACT: u64 = 1 << 53;

impl Guess {
    /// Takes a cell of text into account; empty cells say nothing.
    pub(crate) fn see_text(&mut self, text: &str) {
        if self.known == Some(ColumnType::Text) || text.is_empty() {
            return;
        }
        let kind = kind_of_text(text);
        if kind == ColumnType::Bigint && text.parse::<i64>().is_ok_and(|n| n.unsigned_abs() > GREATEST_EXACT) {
            self.has_great_integer = true;
        }
        self.widen(kind);
    }

    /// Takes a JSON value into account; null says nothing.
    pub(crate) fn see_json(&mut self, value: &Value) {
        let kind = match value {
            Value::Null => return,
            Value::Bool(_) => ColumnType::Boolean,
            Value::Number(number) => match number.as_i64() {
                Some(whole) => {
                    self.has_great_integer |= whole.unsigned_abs() > GREATEST_EXACT;
                    ColumnType::Bigint
                }
                None => ColumnType::Double,
            },
            // Text that looks like a number was written as text on purpose; days and times have no other way.
            Value::String(text) => match kind_of_text(text) {
                time @ (ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz) => time,
                _ => ColumnType::Text,
            },
            Value::Array(_) | Value::Object(_) => ColumnType::Json,
        };
        self.widen(kind);
    }

    fn widen(&mut self, kind: ColumnType) {
        use ColumnType::{Bigint, Date, Double, Json, Text, Timestamp};
        self.known = Some(match (self.known, kind) {
            (None, kind) => kind,
            (Some(known), kind) if known == kind => known,
            (Some(Bigint | Double), Bigint | Double) => Double,
            (Some(Date | Timestamp), Date | Timestamp) => Timestamp,
            (Some(Json), _) | (_, Json) => Json,
            (Some(_), _) => Text,
        });
    }

    /// The type that holds every value seen; text when there was none.
    pub(crate) fn conclusion(&self) -> ColumnType {
        match self.known {
            None => ColumnType::Text,
            Some(ColumnType::Double) if self.has_great_integer => ColumnType::Text,
            Some(known) => known,
        }
    }
}

fn kind_of_text(text: &str) -> ColumnType {
    let text = text.trim();
    if is_plain_integer(text) {
        return if text.parse::<i64>().is_ok() {
            ColumnType::Bigint
        } else {
            ColumnType::Text
        };
    }
    if is_plain_number(text) {
        return ColumnType::Double;
    }
    if boolean(text).is_some() {
        return ColumnType::Boolean;
    }
    if day(text).is_some() {
        return ColumnType::Date;
    }
    match moment(text) {
        Some((_, true)) => ColumnType::TimestampTz,
        Some((_, false)) => ColumnType::Timestamp,
        None => ColumnType::Text,
    }
}

/// Digits, perhaps with a sign, that do not begin with a zero: `007` and `+4` are codes and telephone numbers.
fn is_plain_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'))
}

fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if matches!(digits.to_ascii_lowercase().as_str(), "nan" | "inf" | "infinity") {
        return true;
    }
    let has_code_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    let starts_well = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    starts_well && !has_code_zero && digits.parse::<f64>().is_ok()
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    if text.len() != 10 {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// Microseconds since 1970 and whether the text named a zone.
fn moment(text: &str) -> Option<(i64, bool)> {
    if text.len() < 16 || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let spelled = text.replacen(' ', "T", 1).replace(" UTC", "Z");
    if let Ok(moment) = DateTime::parse_from_rfc3339(&spelled) {
        return Some((moment.timestamp_micros(), true));
    }
    // PostgreSQL writes zones as +02.
    if let Ok(moment) = DateTime::parse_from_str(&spelled, "%Y-%m-%dT%H:%M:%S%.f%#z") {
        return Some((moment.timestamp_micros(), true));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&spelled, format).ok())
        .map(|moment| (moment.and_utc().timestamp_micros(), false))
}

/// Collects the values of one column of a batch.
pub(crate) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Bigint(Int64Builder),
    Double(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder, bool),
    Text(StringBuilder),
    Json(StringBuilder),
}

/// A value checked against its column's type, not yet taken in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    Bigint(i64),
    Double(f64),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970.
    Moment(i64),
    Text(String),
}

const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).expect("it is a day");

/// A cell of text as a value of the column's type; an error says why it is none.
pub(crate) fn cell_of_text(text: &str, column_type: ColumnType) -> Result<Cell, String> {
    if text.is_empty() {
        return Ok(Cell::Null);
    }
    let trimmed = text.trim();
    let cell = match column_type {
        ColumnType::Text | ColumnType::Other => Some(Cell::Text(text.to_owned())),
        ColumnType::Json => serde_json::from_str::<Value>(text)
            .ok()
            .map(|_| Cell::Text(text.to_owned())),
        ColumnType::Boolean => boolean(trimmed).map(Cell::Boolean),
        ColumnType::Bigint => trimmed.parse().ok().map(Cell::Bigint),
        ColumnType::Double => trimmed.parse().ok().map(Cell::Double),
        ColumnType::Date => day(trimmed).map(|day| Cell::Date((day - EPOCH).num_days() as i32)),
        ColumnType::Timestamp | ColumnType::TimestampTz => moment(trimmed)
            .map(|(micros, _)| Cell::Moment(micros))
            .or_else(|| day(trimmed).map(|day| Cell::Moment((day - EPOCH).num_days() * 86_400_000_000))),
    };
    cell.ok_or_else(|| format!("'{}' is not a {}", short(text), column_type.name()))
}

/// A JSON value as a value of the column's type.
pub(crate) fn cell_of_json(value: &Value, column_type: ColumnType) -> Result<Cell, String> {
    match (value, column_type) {
        (Value::Null, _) => Ok(Cell::Null),
        (value, ColumnType::Json) => Ok(Cell::Text(value.to_string())),
        (Value::Bool(claim), ColumnType::Boolean) => Ok(Cell::Boolean(*claim)),
        (Value::Number(number), ColumnType::Double) => number
            .as_f64()
            .map(Cell::Double)
            .ok_or_else(|| format!("{number} is not a double")),
        (Value::String(text), column_type) => cell_of_text(text, column_type),
        (other, column_type) => cell_of_text(&other.to_string(), column_type),
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= 40 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(40).collect::<String>())
    }
}

impl ColumnBuilder {
    pub(crate) fn new(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::new()),
            ColumnType::Bigint => ColumnBuilder::Bigint(Int64Builder::new()),
            ColumnType::Double => ColumnBuilder::Double(Float64Builder::new()),
            ColumnType::Date => ColumnBuilder::Date(Date32Builder::new()),
            ColumnType::Timestamp => ColumnBuilder::Timestamp(TimestampMicrosecondBuilder::new(), false),
            ColumnType::TimestampTz => ColumnBuilder::Timestamp(TimestampMicrosecondBuilder::new(), true),
            ColumnType::Text | ColumnType::Other => ColumnBuilder::Text(StringBuilder::new()),
            ColumnType::Json => ColumnBuilder::Json(StringBuilder::new()),
        }
    }

    pub(crate) fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (ColumnBuilder::Boolean(b), Cell::Boolean(claim)) => b.append_value(claim),
            (ColumnBuilder::Bigint(b), Cell::Bigint(number)) => b.append_value(number),
            (ColumnBuilder::Double(b), Cell::Double(number)) => b.append_value(number),
            (ColumnBuilder::Date(b), Cell::Date(days)) => b.append_value(days),
            (ColumnBuilder::Timestamp(b, _), Cell::Moment(micros)) => b.append_value(micros),
            (ColumnBuilder::Text(b) | ColumnBuilder::Json(b), Cell::Text(text)) => b.append_value(text),
            (builder, _) => builder.push_null(),
        }
    }

    fn push_null(&mut self) {
        match self {
            ColumnBuilder::Boolean(b) => b.append_null(),
            ColumnBuilder::Bigint(b) => b.append_null(),
            ColumnBuilder::Double(b) => b.append_null(),
            ColumnBuilder::Date(b) => b.append_null(),
            ColumnBuilder::Timestamp(b, _) => b.append_null(),
            ColumnBuilder::Text(b) | ColumnBuilder::Json(b) => b.append_null(),
        }
    }

    /// The values so far; the builder goes on empty.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Boolean(b) => Arc::new(b.finish()),
            ColumnBuilder::Bigint(b) => Arc::new(b.finish()),
            ColumnBuilder::Double(b) => Arc::new(b.finish()),
            ColumnBuilder::Date(b) => Arc::new(b.finish()),
            ColumnBuilder::Timestamp(b, is_utc) => {
                let moments = b.finish();
                if *is_utc {
                    Arc::new(moments.with_timezone("UTC"))
                } else {
                    Arc::new(moments)
                }
            }
            ColumnBuilder::Text(b) | ColumnBuilder::Json(b) => Arc::new(b.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check_text(values: &[&str], expected: ColumnType) {
        let mut guess = Guess::default();
        values.iter().for_each(|value| guess.see_text(value));
        assert_eq!(guess.conclusion(), expected, "{values:?}");
        for value in values {
            assert!(cell_of_text(value, expected).is_ok(), "{value} as {expected:?}");
        }
    }

    fn check_json(values: Value, expected: ColumnType) {
        let mut guess = Guess::default();
        let Value::Array(values) = values else {
            panic!("a list of values")
        };
        values.iter().for_each(|value| guess.see_json(value));
        assert_eq!(guess.conclusion(), expected, "{values:?}");
        for value in &values {
            assert!(cell_of_json(value, expected).is_ok(), "{value} as {expected:?}");
        }
    }

    #[test]
    fn the_narrowest_type_that_holds_every_value_is_taken() {
        check_text(&["1", "-2", ""], ColumnType::Bigint);
        check_text(&["1", "2.5", "-1e3", "NaN"], ColumnType::Double);
        check_text(&["true", "FALSE"], ColumnType::Boolean);
        check_text(&["2024-02-29", "1969-12-31"], ColumnType::Date);
        check_text(&["2024-02-29", "2024-02-29 10:00:00"], ColumnType::Timestamp);
        check_text(
            &[
                "2024-02-29T10:00:00Z",
                "2024-02-29 10:00:00+02",
                "2024-02-29T10:00:00.5+02:00",
            ],
            ColumnType::TimestampTz,
        );
        check_text(&["1", "x"], ColumnType::Text);
        check_text(&["", ""], ColumnType::Text);
        check_text(&["2024-02-30"], ColumnType::Text);
    }

    #[test]
    fn codes_keep_their_zeros_and_digits() {
        check_text(&["01001", "99501"], ColumnType::Text);
        check_text(&["+34911234567"], ColumnType::Text);
        check_text(&["123456789012345678901"], ColumnType::Text);
        // 2^53 + 1 is no double.
        check_text(&["9007199254740993", "0.5"], ColumnType::Text);
        check_text(&["9007199254740993"], ColumnType::Bigint);
    }

    #[test]
    fn json_says_its_types_itself() {
        check_json(json!([1, null, 2]), ColumnType::Bigint);
        check_json(json!([1, 2.5]), ColumnType::Double);
        check_json(json!(["1", "2"]), ColumnType::Text);
        check_json(json!([1, "2"]), ColumnType::Text);
        check_json(json!([{"a": 1}, [1], 2]), ColumnType::Json);
        check_json(json!(["2024-01-01"]), ColumnType::Date);
        check_json(json!([true, "x"]), ColumnType::Text);
    }

    #[test]
    fn days_and_moments_count_from_1970() {
        assert_eq!(cell_of_text("1970-01-02", ColumnType::Date), Ok(Cell::Date(1)));
        assert_eq!(
            cell_of_text("1970-01-01 02:00:00+02", ColumnType::TimestampTz),
            Ok(Cell::Moment(0))
        );
        assert_eq!(
            cell_of_text("1970-01-02", ColumnType::Timestamp),
            Ok(Cell::Moment(86_400_000_000))
        );
    }

    #[test]
    fn a_value_of_another_type_is_named() {
        assert_eq!(
            cell_of_text("many", ColumnType::Bigint),
            Err("'many' is not a bigint".to_owned())
        );
    }
}
