//! SQL's names of types, PostgreSQL's and BigQuery's, as the fields they stand for.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, StructField, TimezoneInfo,
};

use crate::error::Error;
use crate::types;

/// Decimals that name no precision.
const DECIMAL: (u8, i8) = (38, 9);

/// Tells the planner what CAST's type names mean.
#[derive(Debug)]
pub(super) struct TypeNames;

impl TypePlanner for TypeNames {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        match field_of_sql_type("", sql_type) {
            Ok(field) => Ok(Some(Arc::new(field))),
            Err(Error::NotImplemented(_)) => Ok(None),
            Err(error) => Err(DataFusionError::External(Box::new(error))),
        }
    }
}

/// The nullable field that a column or cast of this type has.
pub(crate) fn field_of_sql_type(name: &str, sql_type: &SqlType) -> crate::Result<Field> {
    let plain = |data_type: DataType| Ok(Field::new(name, data_type, true));
    match sql_type {
        SqlType::Boolean | SqlType::Bool => plain(DataType::Boolean),
        SqlType::TinyInt(_) => plain(DataType::Int8),
        SqlType::SmallInt(_) | SqlType::Int2(_) | SqlType::Int16 => plain(DataType::Int16),
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) | SqlType::Int32 | SqlType::MediumInt(_) => {
            plain(DataType::Int32)
        }
        SqlType::BigInt(_) | SqlType::Int8(_) | SqlType::Int64 => plain(DataType::Int64),
        SqlType::TinyIntUnsigned(_) | SqlType::UTinyInt | SqlType::UInt8 => plain(DataType::UInt8),
        SqlType::SmallIntUnsigned(_) | SqlType::Int2Unsigned(_) | SqlType::USmallInt | SqlType::UInt16 => {
            plain(DataType::UInt16)
        }
        SqlType::IntUnsigned(_) | SqlType::IntegerUnsigned(_) | SqlType::Int4Unsigned(_) | SqlType::UInt32 => {
            plain(DataType::UInt32)
        }
        SqlType::BigIntUnsigned(_) | SqlType::Int8Unsigned(_) | SqlType::UBigInt | SqlType::UInt64 => {
            plain(DataType::UInt64)
        }
        SqlType::Float(_) | SqlType::Real | SqlType::Float4 | SqlType::Float32 => plain(DataType::Float32),
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float8 | SqlType::Float64 => plain(DataType::Float64),
        SqlType::Numeric(info)
        | SqlType::Decimal(info)
        | SqlType::Dec(info)
        | SqlType::BigNumeric(info)
        | SqlType::BigDecimal(info) => plain(decimal(info)?),
        SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::Text
        | SqlType::String(_)
        | SqlType::Nvarchar(_)
        | SqlType::Character(_)
        | SqlType::CharacterVarying(_)
        | SqlType::CharVarying(_) => plain(DataType::Utf8View),
        SqlType::JSON | SqlType::JSONB => Ok(extension(name, DataType::Utf8View, "arrow.json")),
        SqlType::Uuid => Ok(extension(name, DataType::Utf8View, types::UUID_EXTENSION)),
        SqlType::Bytea | SqlType::Binary(_) | SqlType::Varbinary(_) | SqlType::Blob(_) | SqlType::Bytes(_) => {
            plain(DataType::BinaryView)
        }
        SqlType::Date | SqlType::Date32 => plain(DataType::Date32),
        SqlType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            plain(DataType::Time64(TimeUnit::Microsecond))
        }
        SqlType::Timestamp(precision, zone) => {
            let zone = matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone).then(|| "UTC".into());
            plain(DataType::Timestamp(time_unit(*precision), zone))
        }
        SqlType::TimestampNtz(precision) => plain(DataType::Timestamp(time_unit(*precision), None)),
        SqlType::Datetime(precision) => plain(DataType::Timestamp(time_unit(*precision), None)),
        SqlType::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => {
            let element = field_of_sql_type("element", element)?;
            plain(DataType::List(Arc::new(element)))
        }
        SqlType::Struct(fields, _) => plain(DataType::Struct(struct_fields(fields)?)),
        SqlType::Map(key, value) => {
            let entries = DataType::Struct(Fields::from(vec![
                field_of_sql_type("key", key)?.with_nullable(false),
                field_of_sql_type("value", value)?,
            ]));
            plain(DataType::Map(Arc::new(Field::new("key_value", entries, false)), false))
        }
        SqlType::Custom(custom, modifiers) => custom_type(name, &custom.to_string(), modifiers),
        other => Err(Error::NotImplemented(format!("the type {other}"))),
    }
}

fn custom_type(name: &str, type_name: &str, modifiers: &[String]) -> crate::Result<Field> {
    let plain = |data_type: DataType| Ok(Field::new(name, data_type, true));
    match type_name.to_ascii_lowercase().as_str() {
        "geometry" | "geography" => {
            let crs = modifiers.iter().find_map(|modifier| crs_of_modifier(modifier));
            Ok(Field::new(name, DataType::Binary, true)
                .with_metadata(types::geometry_metadata(crs.as_deref().unwrap_or(types::DEFAULT_CRS))))
        }
        "timestamptz" => plain(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        "timestamp_s" => plain(DataType::Timestamp(TimeUnit::Second, None)),
        "timestamp_ms" => plain(DataType::Timestamp(TimeUnit::Millisecond, None)),
        "timestamp_us" => plain(DataType::Timestamp(TimeUnit::Microsecond, None)),
        "timestamp_ns" => plain(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        "int8" | "int64" | "byteint" => plain(DataType::Int64),
        "utinyint" => plain(DataType::UInt8),
        "usmallint" => plain(DataType::UInt16),
        "uinteger" => plain(DataType::UInt32),
        "ubigint" => plain(DataType::UInt64),
        "hugeint" => plain(DataType::Decimal128(38, 0)),
        _ => Err(Error::NotImplemented(format!("the type {type_name}"))),
    }
}

/// `'EPSG:3857'`, or the SRID of PostGIS's `geometry(Point, 3857)`.
fn crs_of_modifier(modifier: &str) -> Option<String> {
    let modifier = modifier.trim().trim_matches('\'');
    match modifier.parse::<u32>() {
        Ok(srid) => Some(format!("EPSG:{srid}")),
        Err(_) => modifier.contains(':').then(|| modifier.to_uppercase()),
    }
}

fn struct_fields(fields: &[StructField]) -> crate::Result<Fields> {
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let name = match &field.field_name {
                Some(name) if name.quote_style.is_some() => name.value.clone(),
                Some(name) => name.value.to_ascii_lowercase(),
                None => format!("c{index}"),
            };
            field_of_sql_type(&name, &field.field_type)
        })
        .collect()
}

fn decimal(info: &ExactNumberInfo) -> crate::Result<DataType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(DataType::Decimal128(DECIMAL.0, DECIMAL.1)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale >= 0 && scale <= precision as i8 => {
            Ok(DataType::Decimal128(precision, scale))
        }
        _ => Err(Error::Invalid(format!(
            "DECIMAL({precision},{scale}) does not exist: use 1 to 38 digits"
        ))),
    }
}

fn time_unit(precision: Option<u64>) -> TimeUnit {
    match precision {
        Some(0) => TimeUnit::Second,
        Some(1..=3) => TimeUnit::Millisecond,
        Some(7..) => TimeUnit::Nanosecond,
        Some(4..=6) | None => TimeUnit::Microsecond,
    }
}

fn extension(name: &str, data_type: DataType, extension: &str) -> Field {
    Field::new(name, data_type, true).with_metadata(HashMap::from([(
        "ARROW:extension:name".to_owned(),
        extension.to_owned(),
    )]))
}
