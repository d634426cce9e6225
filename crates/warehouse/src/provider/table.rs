//! A table as the planner sees it: its columns, and a scan that reads only what filters and windows leave.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, DataFusionError, Result, Statistics};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;

use super::exact::{Exactly, PointsInBoxes};
use super::files::{FileScan, INLINED};
use super::hidden::{FILE, Wanted, and};
use super::memory::{Asked, Memory};
use super::numbered::{NumberedExec, row_field};
use super::window::windows_of;
use crate::catalog::{Catalog, Contents, LakeTable, crs_or_default};
use crate::listing::geometry_kind;
use crate::name::TableName;
use crate::scan::predicate::over;
use crate::table::{DataFile, GeometryKind};
use crate::types;

/// Which files of a table a statement reads.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    All,
    /// Only these, by id; [`INLINED`] stands for the rows in the catalog. Rows tell their file in `_file`.
    Some(HashSet<i64>),
    /// All, and rows tell their file in `_file`.
    AllNamed,
    /// The same, and rows tell their position in it in `_row`.
    AllNumbered,
    /// Only these, and rows tell file and position.
    SomeNumbered(HashSet<i64>),
}

/// One table at one snapshot.
pub(crate) struct TableSource {
    catalog: Catalog,
    snapshot: i64,
    table: Arc<LakeTable>,
    schema: SchemaRef,
    files: Files,
    /// For statements that may be answered from memory.
    memory: Option<Memory>,
}

/// Around boxes of conditions that round: degrees.
const ROUNDING: f64 = 1e-9;

impl TableSource {
    pub(crate) fn new(catalog: Catalog, snapshot: i64, table: Arc<LakeTable>, files: Files) -> Self {
        let mut fields: Vec<Field> = table.columns.iter().map(types::field_of).collect();
        match files {
            Files::All => {}
            Files::Some(_) | Files::AllNamed => fields.push(Field::new(FILE, DataType::Int64, false)),
            Files::AllNumbered | Files::SomeNumbered(_) => {
                fields.push(Field::new(FILE, DataType::Int64, false));
                fields.push(row_field());
            }
        }
        TableSource {
            catalog,
            snapshot,
            table,
            schema: Arc::new(Schema::new(fields)),
            files,
            memory: None,
        }
    }

    /// The same, all of whose files may stand in memory.
    #[must_use]
    pub(crate) fn with_memory(mut self, memory: Option<Memory>) -> Self {
        self.memory = memory.filter(|_| matches!(self.files, Files::All));
        self
    }

    /// What a filter says of places, when this scan answers it by itself.
    fn exactly(&self, filter: &Expr) -> Option<Exactly> {
        let is_points = matches!(self.files, Files::All) && geometry_kind(&self.table) == Some(GeometryKind::Points);
        let geometry = self.table.geometry_column().filter(|_| is_points)?;
        Exactly::of(filter, &geometry.name)
    }

    /// The condition of filters that the scan answers by itself, over all columns.
    fn exact_condition(&self, session: &dyn Session, filters: &[Expr]) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let columns = DFSchema::try_from(self.schema.clone())?;
        let mut all: Option<Arc<dyn PhysicalExpr>> = None;
        for filter in filters {
            let Some(exactly) = self.exactly(filter) else { continue };
            let written = session.create_physical_expr(filter.clone(), &columns)?;
            let condition = match (exactly, self.table.geometry_column()) {
                (Exactly::Boxes(boxes), Some(geometry)) => Arc::new(PointsInBoxes {
                    geometry: Arc::new(Column::new_with_schema(&geometry.name, &self.schema)?),
                    boxes,
                    written,
                }),
                (Exactly::Boxes(_) | Exactly::HasGeometry, _) => written,
            };
            all = Some(all.map_or(condition.clone(), |all| and(all, condition)));
        }
        Ok(all)
    }

    /// The scan of the table in memory, if it is there.
    async fn scan_memory(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(memory), Some(geometry)) = (&self.memory, self.table.geometry_column()) else {
            return Ok(None);
        };
        let exactly: Vec<Exactly> = filters.iter().filter_map(|filter| self.exactly(filter)).collect();
        let near = windows_of(filters, &geometry.name, crs_or_default(geometry)).map(|windows| {
            let around = |window: &spatial::LonLatBox| {
                let [west, south, east, north] = window.to_array();
                [west - ROUNDING, south - ROUNDING, east + ROUNDING, north + ROUNDING]
            };
            windows.iter().map(around).collect()
        });
        memory
            .scan(Asked {
                name: TableName::new(&self.table.schema, &self.table.name),
                schema: self.projected(projection)?,
                exactly: &exactly,
                near,
                limit,
                target_partitions: session.config().target_partitions(),
            })
            .await
            .map_err(ours)
    }

    fn reads(&self, file: i64) -> bool {
        match &self.files {
            Files::All | Files::AllNamed | Files::AllNumbered => true,
            Files::Some(ids) | Files::SomeNumbered(ids) => ids.contains(&file),
        }
    }
}

impl TableSource {
    /// Every file by itself, its rows counted; filters and limits stay outside.
    async fn numbered(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        contents: &Contents,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut columns: Vec<String> = self.table.columns.iter().map(|column| column.name.clone()).collect();
        if let Some(positions) = projection {
            let wanted = |name: &String| {
                positions
                    .iter()
                    .any(|position| self.schema.field(*position).name() == name)
            };
            columns.retain(wanted);
        }
        columns.push(FILE.to_owned());
        let mut parts: Vec<(Vec<DataFile>, bool)> = contents
            .files
            .iter()
            .filter(|file| self.reads(file.id))
            .map(|file| (vec![file.clone()], false))
            .collect();
        if self.reads(INLINED) && contents.inlined.is_some() {
            parts.push((Vec::new(), true));
        }
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for (files, reads_inlined) in &parts {
            let plan = FileScan {
                catalog: &self.catalog,
                snapshot: self.snapshot,
                table: &self.table,
                contents,
                columns: columns.clone(),
                files: files.iter().collect(),
                reads_inlined: *reads_inlined,
                wanted: Wanted::default(),
                limit: None,
                target_partitions: 1,
            }
            .plan(session)
            .await
            .map_err(ours)?;
            plans.push(Arc::new(NumberedExec::new(plan)));
        }
        let all: Arc<dyn ExecutionPlan> = match plans.len() {
            0 => return Ok(Arc::new(EmptyExec::new(self.projected(projection)?))),
            1 => plans.swap_remove(0),
            _ => UnionExec::try_new(plans)?,
        };
        self.in_order(all, projection)
    }

    fn projected(&self, projection: Option<&Vec<usize>>) -> Result<SchemaRef> {
        Ok(match projection {
            Some(positions) => Arc::new(self.schema.project(positions)?),
            None => self.schema.clone(),
        })
    }

    /// The columns of the plan in the order asked for.
    fn in_order(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = plan.schema();
        let mut expressions: Vec<ProjectionExpr> = Vec::new();
        for field in self.projected(projection)?.fields() {
            let column = Column::new_with_schema(field.name(), &schema)?;
            expressions.push(ProjectionExpr {
                expr: Arc::new(column),
                alias: field.name().clone(),
            });
        }
        Ok(Arc::new(ProjectionExec::try_new(expressions, plan)?))
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
        if let Some(plan) = self.scan_memory(session, projection, filters, limit).await? {
            return Ok(plan);
        }
        let contents = self.catalog.contents(self.snapshot, &self.table).await.map_err(ours)?;
        if let Files::AllNumbered | Files::SomeNumbered(_) = self.files {
            return self.numbered(session, projection, &contents).await;
        }
        let windows = self
            .table
            .geometry_column()
            .and_then(|geometry| windows_of(filters, &geometry.name, crs_or_default(geometry)));
        let mut columns: Vec<String> = match projection {
            Some(positions) => positions
                .iter()
                .map(|position| self.schema.field(*position).name().clone())
                .collect(),
            None => self.schema.fields().iter().map(|field| field.name().clone()).collect(),
        };
        let shown = columns.len();
        let condition = self.exact_condition(session, filters)?;
        if let (Some(_), Some(geometry)) = (&condition, self.table.geometry_column())
            && !columns.contains(&geometry.name)
        {
            columns.push(geometry.name.clone());
        }
        let plan = FileScan {
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
        .map_err(ours)?;
        let Some(condition) = condition else { return Ok(plan) };
        let condition = over(&condition, &plan.schema()).map_err(ours)?;
        let filter = FilterExecBuilder::new(condition, plan)
            .apply_projection(Some((0..shown).collect()))
            .and_then(FilterExecBuilder::build)?;
        Ok(Arc::new(filter))
    }

    /// Every filter may leave files or pages out. Some conditions on places are answered here, row by row; of others
    /// nothing is promised, the reader takes over what it can by itself.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match self.exactly(filter) {
                Some(_) => TableProviderFilterPushDown::Exact,
                None => TableProviderFilterPushDown::Inexact,
            })
            .collect())
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
