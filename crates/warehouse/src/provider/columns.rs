//! Columns of a table as they stand in one file: found by field id, made wider, filled in when the file is older.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column as ColumnExpr, Literal};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};
use sedona_expr::metadata_preserving_column::MetadataPreservingColumn;

use crate::catalog::{NameMapping, array_before_column};
use crate::table::Column;
use crate::types::{self, FIELD_ID};

/// Tells the Parquet reader where a table's columns stand in a file.
#[derive(Debug)]
pub(crate) struct ColumnsById {
    columns: Arc<[Column]>,
    /// Column names of files without field ids.
    mapping: Option<Arc<NameMapping>>,
}

impl ColumnsById {
    pub(crate) fn new(columns: Arc<[Column]>, mapping: Option<Arc<NameMapping>>) -> Self {
        ColumnsById { columns, mapping }
    }
}

impl PhysicalExprAdapterFactory for ColumnsById {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let has_ids = physical
            .fields()
            .iter()
            .any(|field| field.metadata().contains_key(FIELD_ID));
        let mut places = HashMap::new();
        for (index, field) in physical.fields().iter().enumerate() {
            let id = match &self.mapping {
                Some(mapping) => mapping.get(field.name()).copied(),
                None => field.metadata().get(FIELD_ID).and_then(|id| id.parse().ok()),
            };
            if let Some(id) = id {
                places.insert(id, index);
            }
        }
        Ok(Arc::new(ColumnsOfFile {
            columns: self.columns.clone(),
            places,
            is_by_name: self.mapping.is_none() && !has_ids,
            logical,
            physical,
        }))
    }
}

#[derive(Debug)]
struct ColumnsOfFile {
    columns: Arc<[Column]>,
    /// Column id → position in the file.
    places: HashMap<i64, usize>,
    /// The file has no ids at all: names are all there is.
    is_by_name: bool,
    logical: SchemaRef,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for ColumnsOfFile {
    fn rewrite(&self, expression: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        expression
            .transform_up(|expression| match expression.downcast_ref::<ColumnExpr>() {
                Some(column) => self.in_file(column.name()).map(Transformed::yes),
                None => Ok(Transformed::no(expression)),
            })
            .data()
    }
}

impl ColumnsOfFile {
    /// The column's values as this file gives them.
    fn in_file(&self, name: &str) -> Result<Arc<dyn PhysicalExpr>> {
        let wanted = Arc::new(self.logical.field_with_name(name)?.clone());
        let column = self.columns.iter().find(|column| column.name == name);
        let place = match column {
            Some(column) if !self.is_by_name => self.places.get(&column.id).copied(),
            // Hidden columns have no id; files without ids have names only.
            Some(_) | None => self.physical.index_of(name).ok(),
        };
        match (place, column) {
            (Some(place), _) => self.converted(place, wanted),
            (None, Some(column)) => before_column(column, &wanted),
            (None, None) => Err(DataFusionError::Internal(format!("the file lacks the column {name}"))),
        }
    }

    fn converted(&self, place: usize, wanted: FieldRef) -> Result<Arc<dyn PhysicalExpr>> {
        let found = self.physical.field(place);
        let column = ColumnExpr::new(found.name(), place);
        if found.data_type() == wanted.data_type() {
            if wanted.metadata().is_empty() || is_same_extension(found, &wanted) {
                return Ok(Arc::new(column));
            }
            return Ok(Arc::new(MetadataPreservingColumn::new(column, wanted)));
        }
        if wanted
            .metadata()
            .get("ARROW:extension:name")
            .is_some_and(|name| name == types::UUID_EXTENSION)
            && matches!(found.data_type(), DataType::FixedSizeBinary(16))
        {
            return Ok(Arc::new(UuidText {
                bytes: Arc::new(column),
                field: wanted,
            }));
        }
        Ok(Arc::new(CastExpr::new_with_target_field(
            Arc::new(column),
            wanted,
            None,
        )))
    }
}

fn is_same_extension(found: &Field, wanted: &Field) -> bool {
    wanted
        .metadata()
        .iter()
        .all(|(key, value)| found.metadata().get(key) == Some(value))
}

/// What rows written before the column was added show.
fn before_column(column: &Column, wanted: &FieldRef) -> Result<Arc<dyn PhysicalExpr>> {
    let value = array_before_column(column, 1).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let value = ScalarValue::try_from_array(&value, 0)?.cast_to(wanted.data_type())?;
    Ok(Arc::new(Literal::new_with_metadata(
        value,
        Some(FieldMetadata::from(wanted.as_ref())),
    )))
}

/// UUIDs, 16 bytes in files, as the text that SQL shows.
#[derive(Debug, Clone)]
struct UuidText {
    bytes: Arc<dyn PhysicalExpr>,
    field: FieldRef,
}

impl PartialEq for UuidText {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.as_ref().dyn_eq(other.bytes.as_ref()) && self.field == other.field
    }
}

impl Eq for UuidText {}

impl Hash for UuidText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
        self.field.hash(state);
    }
}

impl fmt::Display for UuidText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "uuid_text({})", self.bytes)
    }
}

impl PhysicalExpr for UuidText {
    fn data_type(&self, _schema: &Schema) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn nullable(&self, _schema: &Schema) -> Result<bool> {
        Ok(self.field.is_nullable())
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let bytes = self.bytes.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(ColumnarValue::Array(uuid_texts(&bytes)?))
    }

    fn return_field(&self, _schema: &Schema) -> Result<FieldRef> {
        Ok(self.field.clone())
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.bytes]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match <[_; 1]>::try_from(children) {
            Ok([bytes]) => Ok(Arc::new(UuidText {
                bytes,
                field: self.field.clone(),
            })),
            Err(_) => Err(DataFusionError::Internal("uuid_text has one child".to_owned())),
        }
    }

    fn fmt_sql(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn uuid_texts(bytes: &ArrayRef) -> Result<ArrayRef> {
    let bytes = bytes
        .as_fixed_size_binary_opt()
        .ok_or_else(|| DataFusionError::Internal("UUIDs that are not 16 bytes".to_owned()))?;
    let mut texts = StringViewBuilder::with_capacity(bytes.len());
    for index in 0..bytes.len() {
        if bytes.is_null(index) {
            texts.append_null();
        } else {
            let uuid =
                uuid::Uuid::from_slice(bytes.value(index)).map_err(|error| DataFusionError::External(error.into()))?;
            texts.append_value(uuid.hyphenated().to_string());
        }
    }
    Ok(Arc::new(texts.finish()))
}
