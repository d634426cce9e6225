//! The properties of features: how Arrow columns become numbers and texts.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, DictionaryArray, PrimitiveArray, StringArray,
    StringViewArray,
};
use datafusion::arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Schema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::Error;
use crate::moment::Moments;

/// The property that identifies a geometry: [`spatial::feature_id`].
pub const FEATURE_ID: &str = "_carto_feature_id";
/// The property that holds the box of a whole feature.
pub const FEATURE_BBOX: &str = "_carto_bbox";

/// How a property is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyKind {
    /// Whole numbers.
    Integer,
    /// Numbers with a fraction.
    Number,
    Boolean,
    Text,
    /// Lists and records, as JSON text.
    Json,
}

impl PropertyKind {
    /// How a column is written; `None` when it is no property: geometries.
    pub fn of(field: &Field) -> Option<PropertyKind> {
        if warehouse::types::is_geometry_field(field) {
            return None;
        }
        if warehouse::types::is_json_field(field) {
            return Some(PropertyKind::Json);
        }
        PropertyKind::of_data_type(field.data_type())
    }

    /// The same for a column of a source.
    pub(crate) fn of_source(field: &sources::Field) -> Option<PropertyKind> {
        match field.field_type {
            sources::FieldType::Geometry => None,
            sources::FieldType::Object => Some(PropertyKind::Json),
            sources::FieldType::Number
            | sources::FieldType::Bigint
            | sources::FieldType::String
            | sources::FieldType::Timestamp
            | sources::FieldType::Boolean
            | sources::FieldType::Variant
            | sources::FieldType::Unknown => PropertyKind::of_data_type(&field.data_type),
        }
    }

    fn of_data_type(data_type: &DataType) -> Option<PropertyKind> {
        Some(match data_type {
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => PropertyKind::Integer,
            DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => PropertyKind::Number,
            DataType::Boolean => PropertyKind::Boolean,
            DataType::Dictionary(_, values) => return PropertyKind::of_data_type(values),
            DataType::Struct(_)
            | DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::Map(..)
            | DataType::Union(..) => PropertyKind::Json,
            DataType::Null
            | DataType::Float16
            | DataType::Timestamp(..)
            | DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Duration(_)
            | DataType::Interval(_)
            | DataType::Binary
            | DataType::FixedSizeBinary(_)
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal256(..)
            | DataType::RunEndEncoded(..) => PropertyKind::Text,
        })
    }

    pub fn is_number(self) -> bool {
        match self {
            PropertyKind::Integer | PropertyKind::Number => true,
            PropertyKind::Boolean | PropertyKind::Text | PropertyKind::Json => false,
        }
    }
}

/// One property of every feature of a tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    pub name: String,
    pub kind: PropertyKind,
}

impl Property {
    /// The properties that the columns of a schema become, and where each one's
    /// column stands in it.
    pub fn all_of(schema: &Schema) -> (Vec<Property>, Vec<usize>) {
        schema
            .fields()
            .iter()
            .enumerate()
            .filter_map(|(index, field)| {
                let kind = PropertyKind::of(field)?;
                Some((
                    Property {
                        name: field.name().clone(),
                        kind,
                    },
                    index,
                ))
            })
            .unzip()
    }
}

/// A number as it is stored, so that MVT can tell whole numbers from others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl Number {
    #[inline]
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Number::Signed(value) => value as f64,
            Number::Unsigned(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

/// The values of one property in one record batch.
pub(crate) enum Values<'a> {
    Numbers(Numbers<'a>),
    Booleans(&'a BooleanArray),
    Texts(Texts<'a>),
}

/// A typed numeric array.
#[derive(Clone, Copy)]
pub(crate) enum Numbers<'a> {
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    /// The array and 10 to the power of its scale.
    Decimal(&'a Decimal128Array, f64),
}

/// Calls `$body` with the typed array, whatever its type (not for decimals).
macro_rules! with_typed {
    ($numbers:expr, $array:ident => $body:expr, decimal($decimal:ident, $divisor:ident) => $other:expr) => {
        match $numbers {
            Numbers::Int8($array) => $body,
            Numbers::Int16($array) => $body,
            Numbers::Int32($array) => $body,
            Numbers::Int64($array) => $body,
            Numbers::UInt8($array) => $body,
            Numbers::UInt16($array) => $body,
            Numbers::UInt32($array) => $body,
            Numbers::UInt64($array) => $body,
            Numbers::Float32($array) => $body,
            Numbers::Float64($array) => $body,
            Numbers::Decimal($decimal, $divisor) => $other,
        }
    };
}

impl<'a> Numbers<'a> {
    fn of(array: &'a dyn Array) -> Option<Numbers<'a>> {
        Some(match array.data_type() {
            DataType::Int8 => Numbers::Int8(array.as_primitive()),
            DataType::Int16 => Numbers::Int16(array.as_primitive()),
            DataType::Int32 => Numbers::Int32(array.as_primitive()),
            DataType::Int64 => Numbers::Int64(array.as_primitive()),
            DataType::UInt8 => Numbers::UInt8(array.as_primitive()),
            DataType::UInt16 => Numbers::UInt16(array.as_primitive()),
            DataType::UInt32 => Numbers::UInt32(array.as_primitive()),
            DataType::UInt64 => Numbers::UInt64(array.as_primitive()),
            DataType::Float32 => Numbers::Float32(array.as_primitive()),
            DataType::Float64 => Numbers::Float64(array.as_primitive()),
            DataType::Decimal128(_, scale) => Numbers::Decimal(array.as_primitive(), 10f64.powi(i32::from(*scale))),
            _ => return None,
        })
    }

    /// Appends the rows' values as little-endian doubles; null is NaN.
    #[expect(clippy::unnecessary_cast, reason = "one of the ten types is f64 already")]
    pub(crate) fn gather(&self, rows: &[u32], out: &mut Vec<u8>) {
        fn gather<T: ArrowPrimitiveType>(
            array: &PrimitiveArray<T>,
            rows: &[u32],
            out: &mut Vec<u8>,
            as_f64: impl Fn(T::Native) -> f64,
        ) {
            let values = array.values();
            if array.null_count() == 0 {
                out.extend(rows.iter().flat_map(|&row| as_f64(values[row as usize]).to_le_bytes()));
            } else {
                out.extend(rows.iter().flat_map(|&row| {
                    let row = row as usize;
                    let value = if array.is_null(row) {
                        f64::NAN
                    } else {
                        as_f64(values[row])
                    };
                    value.to_le_bytes()
                }));
            }
        }
        out.reserve(rows.len() * 8);
        with_typed!(self, array => gather(array, rows, out, |value| value as f64), decimal(array, divisor) => {
            for &row in rows {
                let row = row as usize;
                let value = if array.is_null(row) { f64::NAN } else { array.value(row) as f64 / divisor };
                out.extend_from_slice(&value.to_le_bytes());
            }
        });
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<Number> {
        macro_rules! value {
            ($array:expr, $variant:ident as $type:ty) => {
                $array
                    .is_valid(row)
                    .then(|| Number::$variant($array.value(row) as $type))
            };
        }
        match self {
            Numbers::Int8(array) => value!(array, Signed as i64),
            Numbers::Int16(array) => value!(array, Signed as i64),
            Numbers::Int32(array) => value!(array, Signed as i64),
            Numbers::Int64(array) => value!(array, Signed as i64),
            Numbers::UInt8(array) => value!(array, Unsigned as u64),
            Numbers::UInt16(array) => value!(array, Unsigned as u64),
            Numbers::UInt32(array) => value!(array, Unsigned as u64),
            Numbers::UInt64(array) => value!(array, Unsigned as u64),
            Numbers::Float32(array) => value!(array, Float as f64),
            Numbers::Float64(array) => value!(array, Float as f64),
            Numbers::Decimal(array, divisor) => array
                .is_valid(row)
                .then(|| Number::Float(array.value(row) as f64 / divisor)),
        }
    }
}

/// A text array, or one whose values are written as text.
pub(crate) enum Texts<'a> {
    Utf8(&'a StringArray),
    View(&'a StringViewArray),
    Dictionary8(&'a DictionaryArray<UInt8Type>, &'a StringArray),
    Dictionary16(&'a DictionaryArray<UInt16Type>, &'a StringArray),
    Moments(Moments<'a>),
    /// Anything else, as the SQL API writes it.
    Other(&'a ArrayRef, &'a Field),
}

impl<'a> Texts<'a> {
    fn of(array: &'a ArrayRef, field: &'a Field) -> Texts<'a> {
        if let Some(moments) = Moments::of(array) {
            return Texts::Moments(moments);
        }
        match array.data_type() {
            DataType::Utf8 => Texts::Utf8(array.as_string()),
            DataType::Utf8View => Texts::View(array.as_string_view()),
            DataType::Dictionary(key, value) if **value == DataType::Utf8 => match **key {
                DataType::UInt8 => dictionary(array, Texts::Dictionary8),
                DataType::UInt16 => dictionary(array, Texts::Dictionary16),
                _ => Texts::Other(array, field),
            },
            _ => Texts::Other(array, field),
        }
    }

    /// The text of a row, `None` for null. `scratch` holds it when the array does not.
    #[inline]
    pub(crate) fn get<'s>(&'s self, row: usize, scratch: &'s mut String) -> Option<&'s str> {
        match self {
            Texts::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
            Texts::View(array) => array.is_valid(row).then(|| array.value(row)),
            Texts::Dictionary8(array, texts) => array.key(row).map(|key| texts.value(key)),
            Texts::Dictionary16(array, texts) => array.key(row).map(|key| texts.value(key)),
            Texts::Moments(moments) => {
                scratch.clear();
                moments.write(row, scratch).then_some(scratch)
            }
            Texts::Other(array, field) => {
                let mut json = std::mem::take(scratch).into_bytes();
                json.clear();
                sources::rows::value(array, field, row, &mut json);
                *scratch = match json.first() {
                    // A JSON text without its quotes.
                    Some(b'"') => serde_json::from_slice(&json).ok()?,
                    Some(_) if json != b"null" => String::from_utf8(json).ok()?,
                    Some(_) | None => return None,
                };
                Some(scratch)
            }
        }
    }
}

fn dictionary<'a, K: ArrowDictionaryKeyType>(
    array: &'a ArrayRef,
    variant: fn(&'a DictionaryArray<K>, &'a StringArray) -> Texts<'a>,
) -> Texts<'a> {
    let dictionary: &DictionaryArray<K> = array.as_dictionary();
    variant(dictionary, dictionary.values().as_string())
}

impl<'a> Values<'a> {
    /// The values of one column of a batch.
    pub(crate) fn of(array: &'a ArrayRef, field: &'a Field, kind: PropertyKind) -> Result<Self, Error> {
        Ok(match kind {
            PropertyKind::Integer | PropertyKind::Number => match Numbers::of(array) {
                Some(numbers) => Values::Numbers(numbers),
                None => {
                    return Err(Error::Property {
                        name: field.name().clone(),
                        reason: format!("{} was announced as a number", array.data_type()),
                    });
                }
            },
            PropertyKind::Boolean => match array.as_boolean_opt() {
                Some(booleans) => Values::Booleans(booleans),
                None => {
                    return Err(Error::Property {
                        name: field.name().clone(),
                        reason: format!("{} was announced as a boolean", array.data_type()),
                    });
                }
            },
            PropertyKind::Text | PropertyKind::Json => Values::Texts(Texts::of(array, field)),
        })
    }
}
