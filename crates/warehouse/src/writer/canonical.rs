//! Rows as files hold them: the types of the table's columns, in the form that every reader of the format knows.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, ListArray, MapArray, RecordBatch, StringArray, StructArray,
};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::table::Column;
use crate::types::storage_field_of;

/// The fields of a file for a table's columns, with their field ids.
pub(crate) fn file_schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(file_field).collect::<Vec<_>>()))
}

fn file_field(column: &Column) -> Field {
    plain_field(&storage_field_of(column))
}

/// The same field without views (a file has none) and without whole seconds (Parquet has none).
fn plain_field(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::List(element) => DataType::List(Arc::new(plain_field(element))),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| plain_field(field)).collect::<Fields>()),
        DataType::Map(entries, is_sorted) => DataType::Map(Arc::new(plain_field(entries)), *is_sorted),
        other => other.clone(),
    };
    Field::new(field.name(), data_type, field.is_nullable()).with_metadata(field.metadata().clone())
}

/// A batch whose columns are those of the table, by position, as a file holds them.
pub(crate) fn canonical(batch: &RecordBatch, columns: &[Column], schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() != columns.len() {
        return Err(Error::Internal(format!(
            "{} columns were written to a table with {}",
            batch.num_columns(),
            columns.len()
        )));
    }
    let mut arrays = Vec::with_capacity(columns.len());
    for ((column, array), field) in columns.iter().zip(batch.columns()).zip(schema.fields()) {
        if !column.nullable && array.null_count() > 0 {
            return Err(Error::Constraint(format!(
                "NULL in column {}, which is NOT NULL",
                column.name
            )));
        }
        arrays.push(stored(array, field, column)?);
    }
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?)
}

fn stored(array: &ArrayRef, field: &FieldRef, column: &Column) -> Result<ArrayRef> {
    if array.data_type() == field.data_type() {
        return Ok(array.clone());
    }
    match field.data_type() {
        DataType::FixedSizeBinary(16) => uuids(array, column),
        DataType::List(element) => {
            let array = cast_list(array)?;
            let array = array.as_list::<i32>();
            let values = stored(array.values(), element, inner(column, 0)?)?;
            let list = ListArray::try_new(element.clone(), array.offsets().clone(), values, array.nulls().cloned())?;
            Ok(Arc::new(list))
        }
        DataType::Struct(fields) => {
            let array = array.as_struct_opt().ok_or_else(|| unfit(array, column))?;
            let mut arrays = Vec::with_capacity(fields.len());
            for (index, field) in fields.iter().enumerate() {
                let child = array
                    .column_by_name(field.name())
                    .or_else(|| array.columns().get(index))
                    .ok_or_else(|| unfit(array, column))?;
                arrays.push(stored(child, field, inner(column, index)?)?);
            }
            Ok(Arc::new(StructArray::try_new(
                fields.clone(),
                arrays,
                array.nulls().cloned(),
            )?))
        }
        DataType::Map(entries, is_sorted) => {
            let array = array.as_map_opt().ok_or_else(|| unfit(array, column))?;
            let DataType::Struct(fields) = entries.data_type() else {
                return Err(unfit(array, column));
            };
            let mut arrays = Vec::with_capacity(2);
            for ((index, field), child) in fields.iter().enumerate().zip([array.keys(), array.values()]) {
                arrays.push(stored(child, field, inner(column, index)?)?);
            }
            let inside = StructArray::try_new(fields.clone(), arrays, None)?;
            let map = MapArray::try_new(
                entries.clone(),
                array.offsets().clone(),
                inside,
                array.nulls().cloned(),
                *is_sorted,
            )?;
            Ok(Arc::new(map))
        }
        other => {
            let strict = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            cast_with_options(array, other, &strict).map_err(|error| {
                Error::Constraint(format!(
                    "column {} is {}, a value does not fit: {error}",
                    column.name, column.type_name
                ))
            })
        }
    }
}

/// Any kind of list as the one kind with 32-bit offsets.
fn cast_list(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::List(_) => Ok(array.clone()),
        DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => Ok(cast(array, &DataType::List(element.clone()))?),
        other => Err(Error::Constraint(format!("a value of type {other} is no list"))),
    }
}

fn uuids(array: &ArrayRef, column: &Column) -> Result<ArrayRef> {
    if let DataType::Binary | DataType::LargeBinary | DataType::BinaryView = array.data_type() {
        return Ok(cast(array, &DataType::FixedSizeBinary(16))?);
    }
    let texts = cast(array, &DataType::Utf8)?;
    let texts: &StringArray = texts.as_string();
    let mut uuids = Vec::with_capacity(texts.len());
    for text in texts {
        uuids.push(match text {
            None => None,
            Some(text) => Some(
                *Uuid::parse_str(text.trim())
                    .map_err(|_| Error::Constraint(format!("'{text}' in column {} is no UUID", column.name)))?
                    .as_bytes(),
            ),
        });
    }
    Ok(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(
        uuids.into_iter(),
        16,
    )?))
}

fn inner(column: &Column, index: usize) -> Result<&Column> {
    column.children.get(index).ok_or_else(|| {
        Error::Damaged(format!(
            "the column {} lacks its inner columns in the catalog",
            column.name
        ))
    })
}

fn unfit(array: &dyn Array, column: &Column) -> Error {
    Error::Constraint(format!(
        "column {} is {}, a value of type {} does not fit",
        column.name,
        column.type_name,
        array.data_type()
    ))
}
