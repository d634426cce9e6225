//! Column types: the catalog's names and the Arrow types the engine shows and files hold.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::error::{Error, Result};
use crate::table::Column;

/// The coordinate reference system of geometries that name none.
pub const DEFAULT_CRS: &str = "EPSG:4326";

/// How the engine marks UUIDs, which it shows as text.
pub const UUID_EXTENSION: &str = "groma.uuid";

const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
/// Parquet field id in Arrow field metadata.
pub const FIELD_ID: &str = "PARQUET:field_id";

/// Whether the catalog type is a geometry (`geometry`, or one of the older names such as `polygon`).
#[must_use]
pub fn is_geometry(type_name: &str) -> bool {
    let base = type_name.split('(').next().unwrap_or(type_name).trim();
    matches!(
        base,
        "geometry"
            | "point"
            | "linestring"
            | "polygon"
            | "multipoint"
            | "multilinestring"
            | "multipolygon"
            | "linestring_z"
            | "linestring z"
            | "geometrycollection"
    )
}

/// The Arrow type the engine shows for a catalog type; children are those of lists, structs and maps.
pub fn arrow_from_type_name(type_name: &str, children: &[Column]) -> Result<DataType> {
    if is_geometry(type_name) {
        return Ok(DataType::Binary);
    }
    if let Some(arguments) = type_name
        .strip_prefix("decimal(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let mut numbers = arguments.split(',').map(|number| number.trim().parse::<u8>());
        return match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(precision)), Some(Ok(scale)), None) if precision <= 38 && scale <= precision => {
                Ok(DataType::Decimal128(precision, scale as i8))
            }
            _ => Err(Error::Damaged(format!(
                "the catalog holds a column of type {type_name}"
            ))),
        };
    }
    let child = |index: usize| {
        children
            .get(index)
            .ok_or_else(|| Error::Damaged(format!("a {type_name} column lacks its inner type in the catalog")))
    };
    Ok(match type_name {
        "boolean" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "int128" => DataType::Decimal128(38, 0),
        "float32" => DataType::Float32,
        "float64" => DataType::Float64,
        "decimal" => DataType::Decimal128(18, 3),
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" | "timestamp_us" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamp_s" => DataType::Timestamp(TimeUnit::Second, None),
        "timestamp_ms" => DataType::Timestamp(TimeUnit::Millisecond, None),
        "timestamp_ns" => DataType::Timestamp(TimeUnit::Nanosecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "varchar" | "json" | "uuid" => DataType::Utf8View,
        "blob" => DataType::BinaryView,
        "list" => DataType::List(Arc::new(field_of(child(0)?))),
        "struct" => DataType::Struct(children.iter().map(field_of).collect::<Fields>()),
        "map" => DataType::Map(
            Arc::new(Field::new(
                "key_value",
                DataType::Struct(Fields::from(vec![
                    field_of(child(0)?).with_name("key").with_nullable(false),
                    field_of(child(1)?).with_name("value"),
                ])),
                false,
            )),
            false,
        ),
        other => {
            return Err(Error::NotImplemented(format!(
                "columns of type {other}; store them as varchar, json or blob"
            )));
        }
    })
}

/// The Arrow field the engine shows for a column: extension metadata, no field id.
#[must_use]
pub fn field_of(column: &Column) -> Field {
    Field::new(&column.name, column.data_type.clone(), column.nullable)
        .with_metadata(metadata_of(&column.type_name, column.crs.as_deref()))
}

/// The Arrow type and metadata that a data file holds for a column (UUIDs as 16 bytes), with field ids.
#[must_use]
pub fn storage_field_of(column: &Column) -> Field {
    let data_type = match (&column.data_type, column.type_name.as_str()) {
        (_, "uuid") => DataType::FixedSizeBinary(16),
        (DataType::List(_), _) => match column.children.first() {
            Some(element) => DataType::List(Arc::new(storage_field_of(element))),
            None => column.data_type.clone(),
        },
        (DataType::Struct(_), _) => DataType::Struct(column.children.iter().map(storage_field_of).collect()),
        (DataType::Map(entries, sorted), _) => match column.children.as_slice() {
            [key, value] => DataType::Map(
                Arc::new(Field::new(
                    entries.name(),
                    DataType::Struct(Fields::from(vec![
                        storage_field_of(key).with_name("key").with_nullable(false),
                        storage_field_of(value).with_name("value"),
                    ])),
                    false,
                )),
                *sorted,
            ),
            _ => column.data_type.clone(),
        },
        (other, _) => other.clone(),
    };
    let mut metadata = metadata_of(&column.type_name, column.crs.as_deref());
    if column.type_name == "uuid" {
        metadata.insert(EXTENSION_NAME.to_owned(), "arrow.uuid".to_owned());
    }
    metadata.insert(FIELD_ID.to_owned(), column.id.to_string());
    Field::new(&column.name, data_type, column.nullable).with_metadata(metadata)
}

fn metadata_of(type_name: &str, crs: Option<&str>) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    if is_geometry(type_name) {
        return geometry_metadata(crs.unwrap_or(DEFAULT_CRS));
    } else if type_name == "json" {
        metadata.insert(EXTENSION_NAME.to_owned(), "arrow.json".to_owned());
    } else if type_name == "uuid" {
        metadata.insert(EXTENSION_NAME.to_owned(), UUID_EXTENSION.to_owned());
    }
    metadata
}

/// The Arrow field metadata of a geometry column in this CRS.
#[must_use]
pub fn geometry_metadata(crs: &str) -> HashMap<String, String> {
    HashMap::from([
        (EXTENSION_NAME.to_owned(), "geoarrow.wkb".to_owned()),
        (EXTENSION_METADATA.to_owned(), crs_metadata(crs)),
    ])
}

/// The `geoarrow.wkb` metadata for a CRS: an authority code, or PROJJSON kept as JSON.
fn crs_metadata(crs: &str) -> String {
    if crs.is_empty() {
        return "{}".to_owned();
    }
    let value = match serde_json::from_str::<serde_json::Value>(crs) {
        Ok(json @ serde_json::Value::Object(_)) => json,
        Ok(_) | Err(_) => serde_json::Value::String(crs.to_owned()),
    };
    serde_json::json!({ "crs": value }).to_string()
}

/// The catalog type of an Arrow field: what a table made from query rows stores.
pub fn type_name_from_arrow(field: &Field) -> Result<String> {
    match field.metadata().get(EXTENSION_NAME).map(String::as_str) {
        Some("geoarrow.wkb") => return Ok("geometry".to_owned()),
        Some("arrow.json") => return Ok("json".to_owned()),
        Some(UUID_EXTENSION | "arrow.uuid") => return Ok("uuid".to_owned()),
        Some(_) | None => {}
    }
    Ok(match field.data_type() {
        DataType::Null => "varchar".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "int8".to_owned(),
        DataType::Int16 => "int16".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::UInt8 => "uint8".to_owned(),
        DataType::UInt16 => "uint16".to_owned(),
        DataType::UInt32 => "uint32".to_owned(),
        DataType::UInt64 => "uint64".to_owned(),
        DataType::Float16 | DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            let scale = u8::try_from(*scale).unwrap_or(0).min(38);
            format!("decimal({},{scale})", (*precision).min(38))
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        DataType::Timestamp(TimeUnit::Second, None) => "timestamp_s".to_owned(),
        DataType::Timestamp(TimeUnit::Millisecond, None) => "timestamp_ms".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".to_owned(),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "timestamp_ns".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "blob".to_owned()
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => "list".to_owned(),
        DataType::Struct(_) => "struct".to_owned(),
        DataType::Map(..) => "map".to_owned(),
        DataType::Dictionary(_, values) => {
            return type_name_from_arrow(&Field::new(field.name(), values.as_ref().clone(), true));
        }
        DataType::RunEndEncoded(_, values) => return type_name_from_arrow(values),
        other @ (DataType::Duration(_) | DataType::Interval(_) | DataType::Union(..)) => {
            return Err(Error::NotImplemented(format!(
                "a table column of type {other} ({}); cast it to a number or to text",
                field.name()
            )));
        }
    })
}

/// The column that holds values of an Arrow field, with its inner columns; not numbered yet.
pub fn column_of(field: &Field) -> Result<Column> {
    let type_name = type_name_from_arrow(field)?;
    let children = match inner_type(field) {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => vec![column_of(&element.as_ref().clone().with_name("element"))?],
        DataType::Struct(fields) => fields
            .iter()
            .map(|field| column_of(field))
            .collect::<Result<Vec<Column>>>()?,
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => fields
                .iter()
                .zip(["key", "value"])
                .map(|(field, name)| column_of(&field.as_ref().clone().with_name(name)))
                .collect::<Result<Vec<Column>>>()?,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let crs = is_geometry(&type_name).then(|| match crs_of(field) {
        Some(crs) if !crate::engine::is_lonlat(&crs) => crs,
        Some(_) | None => DEFAULT_CRS.to_owned(),
    });
    Ok(Column {
        id: 0,
        name: field.name().clone(),
        data_type: arrow_from_type_name(&type_name, &children)?,
        type_name,
        nullable: true,
        description: None,
        initial_default: None,
        default_value: None,
        default_is_expression: false,
        crs,
        children,
    })
}

/// The type of the values, encodings taken off.
fn inner_type(field: &Field) -> &DataType {
    match field.data_type() {
        DataType::Dictionary(_, values) => values,
        DataType::RunEndEncoded(_, values) => values.data_type(),
        other => other,
    }
}

/// The CRS a geometry field names; `None` when it is no geometry or names none.
#[must_use]
pub fn crs_of(field: &Field) -> Option<String> {
    if field.metadata().get(EXTENSION_NAME).map(String::as_str) != Some("geoarrow.wkb") {
        return None;
    }
    let metadata: serde_json::Value = serde_json::from_str(field.metadata().get(EXTENSION_METADATA)?).ok()?;
    match metadata.get("crs")? {
        serde_json::Value::String(code) => Some(code.clone()),
        serde_json::Value::Object(projjson) => {
            let id = projjson.get("id");
            let authority = id.and_then(|id| id.get("authority")).and_then(|value| value.as_str());
            let code = id.and_then(|id| id.get("code")).map(|code| match code {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            match (authority, code) {
                (Some(authority), Some(code)) => Some(format!("{authority}:{code}")),
                _ => Some(serde_json::Value::Object(projjson.clone()).to_string()),
            }
        }
        _ => None,
    }
}

/// Whether a field of a result or a table holds geometries (WKB).
#[must_use]
pub fn is_geometry_field(field: &Field) -> bool {
    field.metadata().get(EXTENSION_NAME).map(String::as_str) == Some("geoarrow.wkb")
}

/// Whether a field holds JSON text.
#[must_use]
pub fn is_json_field(field: &Field) -> bool {
    field.metadata().get(EXTENSION_NAME).map(String::as_str) == Some("arrow.json")
}
