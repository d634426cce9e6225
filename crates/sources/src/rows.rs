//! Rows as JSON, the way CARTO's clients read them.
//!
//! Numbers are JSON numbers; 64-bit integers beyond ±2^53 are strings; times are ISO 8601 in UTC; geometries are
//! GeoJSON; JSON columns, lists, structs and maps are JSON; other bytes are base64; NaN and infinity are null.

use std::fmt::Display;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, Field,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::temporal_conversions::{as_datetime, date32_to_datetime, date64_to_datetime};
use datafusion::arrow::util::display::array_value_to_string;
use serde_json::Value;
use warehouse::types::{is_geometry_field, is_json_field};

use crate::geojson;

/// The greatest whole number that every smaller one is exact to in a JavaScript number.
const SAFE_INTEGER: u64 = 1 << 53;

/// Writes record batches of one schema as JSON objects, one per row.
#[derive(Debug)]
pub struct RowWriter {
    schema: SchemaRef,
    /// `{"name":` for the first column, `,"name":` for the others.
    keys: Vec<Vec<u8>>,
    rows: u64,
}

impl RowWriter {
    #[must_use]
    pub fn new(schema: SchemaRef) -> Self {
        let keys = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let mut key = vec![if index == 0 { b'{' } else { b',' }];
                string(field.name(), &mut key);
                key.push(b':');
                key
            })
            .collect();
        RowWriter { schema, keys, rows: 0 }
    }

    /// Appends the rows of a batch, with a comma before every row but the very first.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) {
        self.write_between(batch, b",", out);
    }

    /// Appends the rows of a batch with `separator` between rows, also between batches.
    pub fn write_between(&mut self, batch: &RecordBatch, separator: &[u8], out: &mut Vec<u8>) {
        for row in 0..batch.num_rows() {
            if self.rows > 0 {
                out.extend_from_slice(separator);
            }
            self.rows += 1;
            if self.keys.is_empty() {
                out.push(b'{');
            }
            for ((key, field), column) in self.keys.iter().zip(self.schema.fields()).zip(batch.columns()) {
                out.extend_from_slice(key);
                value(column, field, row, out);
            }
            out.push(b'}');
        }
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// The rows of a small result, as JSON objects.
#[must_use]
pub fn objects(schema: &Schema, batches: &[RecordBatch]) -> Vec<Value> {
    batches
        .iter()
        .flat_map(|batch| {
            (0..batch.num_rows()).map(|row| {
                let columns = schema.fields().iter().zip(batch.columns());
                Value::Object(
                    columns
                        .map(|(field, column)| (field.name().clone(), json(column, field, row)))
                        .collect(),
                )
            })
        })
        .collect()
}

/// One value of a column.
#[must_use]
pub fn json(column: &ArrayRef, field: &Field, row: usize) -> Value {
    let mut text = Vec::new();
    match column.data_type() {
        // Straight, because reading the text back would lose a last digit now and then.
        DataType::Float64 if column.is_valid(row) => return column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Float32 if column.is_valid(row) => {
            let number = column.as_primitive::<Float32Type>().value(row);
            return number.to_string().parse::<f64>().map_or(Value::Null, Value::from);
        }
        _ => value(column, field, row, &mut text),
    }
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}

/// Appends one value of a column as JSON text.
pub fn value(column: &ArrayRef, field: &Field, row: usize, out: &mut Vec<u8>) {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match column.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Boolean => write_text(column.as_boolean().value(row), out),
        DataType::Int8 => write_text(column.as_primitive::<Int8Type>().value(row), out),
        DataType::Int16 => write_text(column.as_primitive::<Int16Type>().value(row), out),
        DataType::Int32 => write_text(column.as_primitive::<Int32Type>().value(row), out),
        DataType::Int64 => {
            let number = column.as_primitive::<Int64Type>().value(row);
            integer(number, number.unsigned_abs(), out);
        }
        DataType::UInt8 => write_text(column.as_primitive::<UInt8Type>().value(row), out),
        DataType::UInt16 => write_text(column.as_primitive::<UInt16Type>().value(row), out),
        DataType::UInt32 => write_text(column.as_primitive::<UInt32Type>().value(row), out),
        DataType::UInt64 => {
            let number = column.as_primitive::<UInt64Type>().value(row);
            integer(number, number, out);
        }
        DataType::Float16 => float(f64::from(column.as_primitive::<Float16Type>().value(row).to_f32()), out),
        DataType::Float32 => {
            let number = column.as_primitive::<Float32Type>().value(row);
            if number.is_finite() {
                write_text(number, out)
            } else {
                out.extend_from_slice(b"null")
            }
        }
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal32(precision, scale) => {
            let number = column.as_primitive::<Decimal32Type>().value(row);
            write_text(Decimal32Type::format_decimal(number, *precision, *scale), out);
        }
        DataType::Decimal64(precision, scale) => {
            let number = column.as_primitive::<Decimal64Type>().value(row);
            write_text(Decimal64Type::format_decimal(number, *precision, *scale), out);
        }
        DataType::Decimal128(precision, scale) => {
            let number = column.as_primitive::<Decimal128Type>().value(row);
            write_text(Decimal128Type::format_decimal(number, *precision, *scale), out);
        }
        DataType::Decimal256(precision, scale) => {
            let number = column.as_primitive::<Decimal256Type>().value(row);
            write_text(Decimal256Type::format_decimal(number, *precision, *scale), out);
        }
        DataType::Date32 => {
            date(date32_to_datetime(column.as_primitive::<Date32Type>().value(row)), out);
        }
        DataType::Date64 => {
            date(date64_to_datetime(column.as_primitive::<Date64Type>().value(row)), out);
        }
        DataType::Timestamp(unit, _) => {
            let moment = match unit {
                TimeUnit::Second => {
                    as_datetime::<TimestampSecondType>(column.as_primitive::<TimestampSecondType>().value(row))
                }
                TimeUnit::Millisecond => as_datetime::<TimestampMillisecondType>(
                    column.as_primitive::<TimestampMillisecondType>().value(row),
                ),
                TimeUnit::Microsecond => as_datetime::<TimestampMicrosecondType>(
                    column.as_primitive::<TimestampMicrosecondType>().value(row),
                ),
                TimeUnit::Nanosecond => {
                    as_datetime::<TimestampNanosecondType>(column.as_primitive::<TimestampNanosecondType>().value(row))
                }
            };
            match moment {
                Some(moment) => write_text(moment.format("\"%Y-%m-%dT%H:%M:%S%.fZ\""), out),
                None => out.extend_from_slice(b"null"),
            }
        }
        DataType::Utf8 => text(column.as_string::<i32>().value(row), field, out),
        DataType::LargeUtf8 => text(column.as_string::<i64>().value(row), field, out),
        DataType::Utf8View => text(column.as_string_view().value(row), field, out),
        DataType::Binary => binary(column.as_binary::<i32>().value(row), field, out),
        DataType::LargeBinary => binary(column.as_binary::<i64>().value(row), field, out),
        DataType::BinaryView => binary(column.as_binary_view().value(row), field, out),
        DataType::FixedSizeBinary(_) => binary(column.as_fixed_size_binary().value(row), field, out),
        DataType::List(item) => list(&column.as_list::<i32>().value(row), item, out),
        DataType::LargeList(item) => list(&column.as_list::<i64>().value(row), item, out),
        DataType::ListView(item) => list(&column.as_list_view::<i32>().value(row), item, out),
        DataType::LargeListView(item) => list(&column.as_list_view::<i64>().value(row), item, out),
        DataType::FixedSizeList(item, _) => list(&column.as_fixed_size_list().value(row), item, out),
        DataType::Struct(fields) => {
            out.push(b'{');
            for (index, (field, child)) in fields.iter().zip(column.as_struct().columns()).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                string(field.name(), out);
                out.push(b':');
                value(child, field, row, out);
            }
            out.push(b'}');
        }
        DataType::Map(entries, _) => map(column, entries, row, out),
        DataType::Dictionary(_, _) => {
            let dictionary = column.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            value(dictionary.values(), field, key, out);
        }
        DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::RunEndEncoded(..)
        | DataType::Union(..) => match array_value_to_string(column, row) {
            Ok(text) => string(&text, out),
            Err(_) => out.extend_from_slice(b"null"),
        },
    }
}

fn write_text(value: impl Display, out: &mut Vec<u8>) {
    write!(out, "{value}").expect("a Vec takes every byte");
}

fn integer(number: impl Display, magnitude: u64, out: &mut Vec<u8>) {
    if magnitude <= SAFE_INTEGER {
        write_text(number, out)
    } else {
        write_text(format_args!("\"{number}\""), out)
    }
}

fn float(number: f64, out: &mut Vec<u8>) {
    // serde_json writes null for what is not finite.
    serde_json::to_writer(out, &number).expect("a number is JSON");
}

fn date(moment: Option<chrono::NaiveDateTime>, out: &mut Vec<u8>) {
    match moment {
        Some(moment) => write_text(moment.format("\"%Y-%m-%d\""), out),
        None => out.extend_from_slice(b"null"),
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is JSON");
}

fn text(text: &str, field: &Field, out: &mut Vec<u8>) {
    if is_json_field(field) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        out.extend_from_slice(text.as_bytes());
    } else {
        string(text, out);
    }
}

fn binary(bytes: &[u8], field: &Field, out: &mut Vec<u8>) {
    if is_geometry_field(field) {
        geojson::write(bytes, out);
    } else {
        string(&BASE64.encode(bytes), out);
    }
}

fn list(items: &ArrayRef, field: &Field, out: &mut Vec<u8>) {
    out.push(b'[');
    for row in 0..items.len() {
        if row > 0 {
            out.push(b',');
        }
        value(items, field, row, out);
    }
    out.push(b']');
}

/// A map as an object; keys are written as texts.
fn map(column: &ArrayRef, entries: &Field, row: usize, out: &mut Vec<u8>) {
    let pairs = column.as_map().value(row);
    let DataType::Struct(fields) = entries.data_type() else {
        unreachable!("a map's entries are a struct")
    };
    out.push(b'{');
    for pair in 0..pairs.len() {
        if pair > 0 {
            out.push(b',');
        }
        string(&array_value_to_string(pairs.column(0), pair).unwrap_or_default(), out);
        out.push(b':');
        value(pairs.column(1), &fields[1], pair, out);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
        Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray, TimestampSecondArray, UInt64Array,
    };
    use datafusion::arrow::datatypes::Int32Type;
    use serde_json::json as expected;

    use super::*;

    fn column(array: impl Array + 'static) -> Value {
        with_metadata(array, &[])
    }

    fn with_metadata(array: impl Array + 'static, metadata: &[(&str, &str)]) -> Value {
        let metadata = metadata
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let field = Field::new("x", array.data_type().clone(), true).with_metadata(metadata);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap();
        let mut out = b"[".to_vec();
        let mut writer = RowWriter::new(schema.clone());
        writer.write(&batch, &mut out);
        out.push(b']');
        let written: Vec<Value> = serde_json::from_slice(&out).unwrap();
        assert_eq!(written, objects(&schema, &[batch]));
        written.into_iter().map(|row| row["x"].clone()).collect()
    }

    #[test]
    fn numbers_are_numbers_while_javascript_can_hold_them() {
        assert_eq!(
            column(Int64Array::from(vec![
                Some(9_007_199_254_740_992),
                Some(9_007_199_254_740_993),
                Some(i64::MIN),
                None
            ])),
            expected!([
                9_007_199_254_740_992_i64,
                "9007199254740993",
                "-9223372036854775808",
                null
            ])
        );
        assert_eq!(
            column(UInt64Array::from(vec![7, u64::MAX])),
            expected!([7, "18446744073709551615"])
        );
        assert_eq!(
            column(Float64Array::from(vec![
                0.1,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                1e300
            ])),
            expected!([0.1, null, null, null, 1e300])
        );
        assert_eq!(column(Float32Array::from(vec![0.1, f32::NAN])), expected!([0.1, null]));
        assert_eq!(
            column(
                Decimal128Array::from(vec![1250, -5])
                    .with_precision_and_scale(10, 2)
                    .unwrap()
            ),
            expected!([12.50, -0.05])
        );
    }

    #[test]
    fn times_are_iso_8601_in_utc() {
        assert_eq!(
            column(TimestampMicrosecondArray::from(vec![
                1_000_000_000_000_000,
                1_000_000_000_500_000,
                -1
            ])),
            expected!([
                "2001-09-09T01:46:40Z",
                "2001-09-09T01:46:40.500Z",
                "1969-12-31T23:59:59.999999Z"
            ])
        );
        assert_eq!(
            column(TimestampSecondArray::from(vec![0]).with_timezone("Europe/Madrid")),
            expected!(["1970-01-01T00:00:00Z"])
        );
        assert_eq!(
            column(Date32Array::from(vec![0, -1])),
            expected!(["1970-01-01", "1969-12-31"])
        );
    }

    #[test]
    fn texts_bytes_and_geometries() {
        assert_eq!(
            column(StringArray::from(vec!["a\"\n\u{1F600}"])),
            expected!(["a\"\n\u{1F600}"])
        );
        assert_eq!(column(BooleanArray::from(vec![true, false])), expected!([true, false]));
        let point = hex::decode("0101000000000000000000f83f00000000000000c0").unwrap();
        assert_eq!(column(BinaryArray::from(vec![&point[..3]])), expected!(["AQEA"]));
        assert_eq!(
            with_metadata(
                BinaryArray::from(vec![&point[..]]),
                &[("ARROW:extension:name", "geoarrow.wkb")]
            ),
            expected!([{"type": "Point", "coordinates": [1.5, -2]}])
        );
        let json = [("ARROW:extension:name", "arrow.json")];
        assert_eq!(
            with_metadata(StringArray::from(vec!["{\"a\":[1]}", "{broken"]), &json),
            expected!([{"a": [1]}, "{broken"])
        );
        let dictionary: DictionaryArray<Int32Type> = vec![Some("oak"), None, Some("oak")].into_iter().collect();
        assert_eq!(column(dictionary), expected!(["oak", null, "oak"]));
    }

    #[test]
    fn lists_and_structs_are_json() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
        assert_eq!(column(lists), expected!([[1, null], null, []]));
        let name: ArrayRef = Arc::new(StringArray::from(vec!["oak"]));
        let place = StructArray::from(vec![(Arc::new(Field::new("name", DataType::Utf8, true)), name)]);
        assert_eq!(column(place), expected!([{"name": "oak"}]));
    }

    #[test]
    fn rows_of_several_batches_are_joined() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![1, 2]))]).unwrap();
        let mut out = Vec::new();
        let mut writer = RowWriter::new(schema);
        writer.write(&batch, &mut out);
        writer.write(&batch.slice(0, 1), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"n":1},{"n":2},{"n":1}"#);
        assert_eq!(writer.rows(), 3);
    }
}
