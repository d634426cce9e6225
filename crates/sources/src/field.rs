//! Columns as CARTO's clients name their types.

use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Schema};
use serde::{Deserialize, Serialize};

/// The type of a column on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    Number,
    /// 64-bit integers: values beyond ±2^53 travel as strings.
    Bigint,
    String,
    Geometry,
    /// Dates as well.
    Timestamp,
    Object,
    Boolean,
    Variant,
    Unknown,
}

impl FieldType {
    /// The type an Arrow field is shown as.
    #[must_use]
    pub fn of(field: &ArrowField) -> FieldType {
        if warehouse::types::is_geometry_field(field) {
            return FieldType::Geometry;
        }
        if warehouse::types::is_json_field(field) {
            return FieldType::Object;
        }
        Self::of_data_type(field.data_type())
    }

    fn of_data_type(data_type: &DataType) -> FieldType {
        match data_type {
            DataType::Boolean => FieldType::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::Float16
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => FieldType::Number,
            DataType::Int64 | DataType::UInt64 => FieldType::Bigint,
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
            | DataType::Time32(_)
            | DataType::Time64(_) => FieldType::String,
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => FieldType::Timestamp,
            DataType::Struct(_)
            | DataType::Map(..)
            | DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::ListView(_)
            | DataType::LargeListView(_) => FieldType::Object,
            DataType::Dictionary(_, values) => Self::of_data_type(values),
            DataType::RunEndEncoded(_, values) => Self::of(values),
            DataType::Union(..) => FieldType::Variant,
            DataType::Null | DataType::Duration(_) | DataType::Interval(_) => FieldType::Unknown,
        }
    }

    /// The type of a TileJSON attribute: `String`, `Number`, `Timestamp` or `Boolean`.
    #[must_use]
    pub fn attribute_type(self) -> &'static str {
        match self {
            FieldType::Number | FieldType::Bigint => "Number",
            FieldType::Timestamp => "Timestamp",
            FieldType::Boolean => "Boolean",
            FieldType::String | FieldType::Geometry | FieldType::Object | FieldType::Variant | FieldType::Unknown => {
                "String"
            }
        }
    }

    #[must_use]
    pub fn is_numeric(self) -> bool {
        matches!(self, FieldType::Number | FieldType::Bigint)
    }

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FieldType::Number => "number",
            FieldType::Bigint => "bigint",
            FieldType::String => "string",
            FieldType::Geometry => "geometry",
            FieldType::Timestamp => "timestamp",
            FieldType::Object => "object",
            FieldType::Boolean => "boolean",
            FieldType::Variant => "variant",
            FieldType::Unknown => "unknown",
        }
    }
}

/// A column of a source. As JSON: `{"name": …, "type": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// The type the engine works with.
    #[serde(skip)]
    pub data_type: DataType,
    /// The coordinate reference system of a geometry column, when it names one.
    #[serde(skip)]
    pub crs: Option<String>,
}

impl Field {
    #[must_use]
    pub fn of(field: &ArrowField) -> Field {
        Field {
            name: field.name().clone(),
            field_type: FieldType::of(field),
            data_type: match field.data_type() {
                DataType::Dictionary(_, values) => values.as_ref().clone(),
                other => other.clone(),
            },
            crs: warehouse::types::crs_of(field),
        }
    }

    /// All columns of a result, in its order.
    #[must_use]
    pub fn all_of(schema: &Schema) -> Vec<Field> {
        schema.fields().iter().map(|field| Field::of(field)).collect()
    }

    /// Whether values may be NaN or infinite.
    #[must_use]
    pub fn is_float(&self) -> bool {
        matches!(
            self.data_type,
            DataType::Float16 | DataType::Float32 | DataType::Float64
        )
    }
}
