//! Statistics of a finished file, as the catalog's texts, from the file's own footer.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, TimeDelta};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, Schema};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::statistics::Statistics;

use crate::commit::FileColumn;
use crate::error::{Error, Result};
use crate::layout::GeometryScan;
use crate::table::Column;

/// Watches floats for values that are no numbers, which Parquet's statistics leave out. One answer for each column
/// without inner columns, in file order.
#[derive(Debug)]
pub(super) struct NanScan {
    found: Vec<bool>,
}

impl NanScan {
    pub(super) fn of(schema: &Schema) -> Self {
        NanScan {
            found: vec![false; schema.fields().iter().map(|field| leaves(field.data_type())).sum()],
        }
    }

    pub(super) fn add(&mut self, arrays: &[ArrayRef]) {
        let mut leaf = 0;
        for array in arrays {
            scan_nans(array, &mut self.found, &mut leaf);
        }
    }
}

fn leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(element) | DataType::Map(element, _) => leaves(element.data_type()),
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field.data_type())).sum(),
        _ => 1,
    }
}

fn scan_nans(array: &ArrayRef, found: &mut [bool], leaf: &mut usize) {
    match array.data_type() {
        DataType::List(_) => scan_nans(array.as_list::<i32>().values(), found, leaf),
        DataType::Map(..) => {
            let map = array.as_map();
            scan_nans(map.keys(), found, leaf);
            scan_nans(map.values(), found, leaf);
        }
        DataType::Struct(_) => {
            for child in array.as_struct().columns() {
                scan_nans(child, found, leaf);
            }
        }
        other => {
            let has_nan = match other {
                DataType::Float64 => array.as_primitive::<Float64Type>().iter().flatten().any(f64::is_nan),
                DataType::Float32 => array.as_primitive::<Float32Type>().iter().flatten().any(f32::is_nan),
                _ => false,
            };
            if let Some(found) = found.get_mut(*leaf) {
                *found |= has_nan;
            }
            *leaf += 1;
        }
    }
}

/// Statistics of all columns without inner columns.
pub(super) fn column_statistics(
    metadata: &ParquetMetaData,
    columns: &[Column],
    scans: &HashMap<usize, GeometryScan>,
    nans: &NanScan,
) -> Result<Vec<FileColumn>> {
    let mut described = Vec::new();
    let mut leaf = 0;
    for (position, column) in columns.iter().enumerate() {
        describe(metadata, column, scans.get(&position), nans, &mut leaf, &mut described)?;
    }
    Ok(described)
}

fn describe(
    metadata: &ParquetMetaData,
    column: &Column,
    scan: Option<&GeometryScan>,
    nans: &NanScan,
    leaf: &mut usize,
    described: &mut Vec<FileColumn>,
) -> Result<()> {
    if !column.children.is_empty() {
        for child in &column.children {
            describe(metadata, child, None, nans, leaf, described)?;
        }
        return Ok(());
    }
    let index = *leaf;
    *leaf += 1;
    let mut about = FileColumn {
        id: column.id,
        type_name: column.type_name.clone(),
        bytes: 0,
        values: 0,
        nulls: 0,
        min: None,
        max: None,
        has_nan: column
            .type_name
            .starts_with("float")
            .then(|| nans.found.get(index).copied().unwrap_or(true)),
        geometry: scan.map(GeometryScan::statistics),
    };
    let mut range = Range::Empty;
    for row_group in metadata.row_groups() {
        let chunk = row_group
            .columns()
            .get(index)
            .ok_or_else(|| Error::Internal(format!("the file lacks the column {}", column.name)))?;
        let slots = u64::try_from(chunk.num_values()).unwrap_or(0);
        let nulls = chunk.statistics().and_then(Statistics::null_count_opt).unwrap_or(0);
        about.bytes += u64::try_from(chunk.compressed_size()).unwrap_or(0);
        about.values += slots.saturating_sub(nulls);
        about.nulls += nulls;
        if slots > nulls {
            range = range.widen(chunk.statistics().and_then(Range::of));
        }
    }
    if let Some(scan) = scan {
        (about.values, about.nulls) = (scan.values, scan.nulls);
    } else if let Some((min, max)) = range.texts(column) {
        (about.min, about.max) = (Some(min), Some(max));
    }
    described.push(about);
    Ok(())
}

/// Smallest and greatest value over row groups.
#[derive(Debug, Clone, PartialEq)]
enum Range {
    Empty,
    Unknown,
    Boolean(bool, bool),
    /// Also dates, times, timestamps and small decimals.
    Integer(i64, i64),
    Float(f64, f64),
    Bytes(Vec<u8>, Vec<u8>),
}

impl Range {
    fn of(statistics: &Statistics) -> Option<Range> {
        Some(match statistics {
            Statistics::Boolean(values) => Range::Boolean(*values.min_opt()?, *values.max_opt()?),
            Statistics::Int32(values) => Range::Integer(i64::from(*values.min_opt()?), i64::from(*values.max_opt()?)),
            Statistics::Int64(values) => Range::Integer(*values.min_opt()?, *values.max_opt()?),
            Statistics::Float(values) => Range::Float(f64::from(*values.min_opt()?), f64::from(*values.max_opt()?)),
            Statistics::Double(values) => Range::Float(*values.min_opt()?, *values.max_opt()?),
            Statistics::ByteArray(values) => {
                Range::Bytes(values.min_opt()?.data().to_vec(), values.max_opt()?.data().to_vec())
            }
            Statistics::FixedLenByteArray(values) => {
                Range::Bytes(values.min_opt()?.data().to_vec(), values.max_opt()?.data().to_vec())
            }
            Statistics::Int96(_) => return None,
        })
    }

    fn widen(self, other: Option<Range>) -> Range {
        match (self, other) {
            (Range::Empty, Some(other)) => other,
            (Range::Boolean(min, max), Some(Range::Boolean(low, high))) => Range::Boolean(min && low, max || high),
            (Range::Integer(min, max), Some(Range::Integer(low, high))) => Range::Integer(min.min(low), max.max(high)),
            (Range::Float(min, max), Some(Range::Float(low, high))) => Range::Float(min.min(low), max.max(high)),
            (Range::Bytes(min, max), Some(Range::Bytes(low, high))) => Range::Bytes(min.min(low), max.max(high)),
            _ => Range::Unknown,
        }
    }

    /// The texts that the catalog keeps; `None` where it keeps none.
    fn texts(&self, column: &Column) -> Option<(String, String)> {
        match self {
            Range::Empty | Range::Unknown => None,
            Range::Boolean(min, max) => Some((u8::from(*min).to_string(), u8::from(*max).to_string())),
            Range::Integer(min, max) => Some((integer_text(*min, column)?, integer_text(*max, column)?)),
            Range::Float(min, max) => Some((float_text(*min, column), float_text(*max, column))),
            Range::Bytes(min, max) => match &column.data_type {
                DataType::Utf8View if column.type_name == "uuid" => {
                    let text = |bytes: &[u8]| uuid::Uuid::from_slice(bytes).ok().map(|uuid| uuid.to_string());
                    Some((text(min)?, text(max)?))
                }
                DataType::Utf8View => Some((
                    String::from_utf8(min.clone()).ok()?,
                    String::from_utf8(max.clone()).ok()?,
                )),
                // The bytes of a large decimal sort by sign only as numbers: over several row groups they are not kept.
                _ => None,
            },
        }
    }
}

fn integer_text(value: i64, column: &Column) -> Option<String> {
    match &column.data_type {
        // Parquet keeps unsigned numbers in the bits of signed ones.
        DataType::UInt32 => Some((value as u32).to_string()),
        DataType::UInt64 => Some((value as u64).to_string()),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt8 | DataType::UInt16 => {
            Some(value.to_string())
        }
        DataType::Decimal128(_, scale) => Some(decimal_text(value, *scale)),
        DataType::Date32 => {
            let day = NaiveDate::default().checked_add_signed(TimeDelta::try_days(value)?)?;
            Some(day.format("%Y-%m-%d").to_string())
        }
        DataType::Time64(_) => moment_text(value, 1_000_000, "%H:%M:%S"),
        DataType::Timestamp(unit, zone) => {
            use datafusion::arrow::datatypes::TimeUnit;
            let per_second = match unit {
                TimeUnit::Millisecond => 1_000,
                // Whole seconds are stored as microseconds.
                TimeUnit::Second | TimeUnit::Microsecond => 1_000_000,
                TimeUnit::Nanosecond => 1_000_000_000,
            };
            let text = moment_text(value, per_second, "%Y-%m-%d %H:%M:%S")?;
            Some(if zone.is_some() { format!("{text}+00") } else { text })
        }
        _ => None,
    }
}

/// `2020-01-02 03:04:05.678`, the fraction without trailing zeros.
fn moment_text(value: i64, per_second: i64, format: &str) -> Option<String> {
    let nanoseconds = u32::try_from(value.rem_euclid(per_second) * (1_000_000_000 / per_second)).ok()?;
    let moment = DateTime::from_timestamp(value.div_euclid(per_second), nanoseconds)?;
    let text = moment.format(format).to_string();
    if nanoseconds == 0 {
        return Some(text);
    }
    let fraction = format!("{nanoseconds:09}");
    Some(format!("{text}.{}", fraction.trim_end_matches('0')))
}

fn decimal_text(value: i64, scale: i8) -> String {
    let Ok(scale) = usize::try_from(scale) else {
        return value.to_string();
    };
    if scale == 0 {
        return value.to_string();
    }
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

/// Rust's shortest text that reads back the same; always with a point, as DuckDB writes it.
fn float_text(value: f64, column: &Column) -> String {
    match &column.data_type {
        DataType::Float32 => format!("{:?}", value as f32),
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::arrow_from_type_name;

    fn column(type_name: &str) -> Column {
        Column {
            id: 1,
            name: "c".to_owned(),
            type_name: type_name.to_owned(),
            data_type: arrow_from_type_name(type_name, &[]).unwrap(),
            nullable: true,
            description: None,
            initial_default: None,
            default_value: None,
            default_is_expression: false,
            crs: None,
            children: Vec::new(),
        }
    }

    /// What DuckDB 1.5.5 writes for the same values.
    #[test]
    fn texts_are_those_of_duckdb() {
        let check = |type_name: &str, value: i64, expected: &str| {
            assert_eq!(
                integer_text(value, &column(type_name)).unwrap(),
                expected,
                "{type_name}"
            );
        };
        check("int64", -4, "-4");
        check("uint64", -1, "18446744073709551615");
        check("uint32", -1, "4294967295");
        check("decimal(9,2)", 125, "1.25");
        check("decimal(9,2)", -5, "-0.05");
        check("date", 18_263, "2020-01-02");
        check("time", 3_723_456_000, "01:02:03.456");
        check("timestamp", 1_577_934_245_678_000, "2020-01-02 03:04:05.678");
        check("timestamptz", 1_577_934_245_000_000, "2020-01-02 03:04:05+00");
        check("timestamp_s", 1_577_934_245_000_000, "2020-01-02 03:04:05");
        check("timestamp_ms", 1_577_934_245_000, "2020-01-02 03:04:05");
        check(
            "timestamp_ns",
            1_577_934_245_123_456_789,
            "2020-01-02 03:04:05.123456789",
        );
        assert_eq!(float_text(50.0, &column("float64")), "50.0");
        assert_eq!(float_text(0.5, &column("float32")), "0.5");
        assert_eq!(float_text(f64::NEG_INFINITY, &column("float64")), "-inf");
        assert_eq!(Range::Boolean(false, true).texts(&column("boolean")).unwrap().1, "1");
    }

    #[test]
    fn what_one_row_group_does_not_know_the_file_does_not_know() {
        let known = Range::Empty.widen(Some(Range::Integer(3, 5)));
        assert_eq!(known.clone().widen(Some(Range::Integer(-1, 4))), Range::Integer(-1, 5));
        assert_eq!(known.widen(None), Range::Unknown);
    }
}
