//! A table as the planner sees it: its columns, and a scan that reads only what filters and windows leave.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::files::{FileScan, INLINED};
use super::hidden::{FILE, Wanted};
use super::window::windows_of;
use crate::catalog::{Catalog, LakeTable, crs_or_default};
use crate::types;

/// Which files of a table a statement reads.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    All,
    /// Only these, by id; [`INLINED`] stands for the rows in the catalog. Rows tell their file in `_file`.
    Some(HashSet<i64>),
    /// All, and rows tell their file in `_file`.
    AllNamed,
}

/// One table at one snapshot.
pub(crate) struct TableSource {
    catalog: Catalog,
    snapshot: i64,
    table: Arc<LakeTable>,
    schema: SchemaRef,
    files: Files,
}

impl TableSource {
    pub(crate) fn new(catalog: Catalog, snapshot: i64, table: Arc<LakeTable>, files: Files) -> Self {
        let mut fields: Vec<Field> = table.columns.iter().map(types::field_of).collect();
        match files {
            Files::All => {}
            Files::Some(_) | Files::AllNamed => fields.push(Field::new(FILE, DataType::Int64, false)),
        }
        TableSource {
            catalog,
            snapshot,
            table,
            schema: Arc::new(Schema::new(fields)),
            files,
        }
    }

    fn reads(&self, file: i64) -> bool {
        match &self.files {
            Files::All | Files::AllNamed => true,
            Files::Some(ids) => ids.contains(&file),
        }
    }
}

impl fmt::Debug for TableSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}.{} at snapshot {}",
            self.table.schema, self.table.name, self.snapshot
        )
    }
}

#[async_trait]
impl TableProvider for TableSource {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let contents = self.catalog.contents(self.snapshot, &self.table).await.map_err(ours)?;
        let windows = self
            .table
            .geometry_column()
            .and_then(|geometry| windows_of(filters, &geometry.name, crs_or_default(geometry)));
        let columns = match projection {
            Some(positions) => positions
                .iter()
                .map(|position| self.schema.field(*position).name().clone())
                .collect(),
            None => self.schema.fields().iter().map(|field| field.name().clone()).collect(),
        };
        FileScan {
            catalog: &self.catalog,
            snapshot: self.snapshot,
            table: &self.table,
            contents: &contents,
            columns,
            files: contents.files.iter().filter(|file| self.reads(file.id)).collect(),
            reads_inlined: self.reads(INLINED),
            wanted: Wanted {
                windows,
                ..Wanted::default()
            },
            // Filters are applied above or pushed in later: rows may still be left out.
            limit: if filters.is_empty() { limit } else { None },
            target_partitions: session.config().target_partitions(),
        }
        .plan(session)
        .await
        .map_err(ours)
    }

    /// Every filter may leave files or pages out; none is promised, the reader takes over what it can by itself.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let rows = usize::try_from(self.table.rows).unwrap_or(usize::MAX);
        Some(Statistics {
            num_rows: Precision::Inexact(rows),
            ..Statistics::new_unknown(&self.schema)
        })
    }
}

fn ours(error: crate::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
