//! Reading a table below SQL, with its keys: what tiles are made from.

mod keyed;
pub(crate) mod predicate;

use futures::future::BoxFuture;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::config::ConfigOptions;
use datafusion::execution::context::SessionState;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, SendableRecordBatchStream};
use futures::{StreamExt, TryStreamExt};
use spatial::LonLatBox;

use crate::catalog::{Contents, LakeTable, crs_or_default};
use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::provider::{FileScan, Shape, Wanted, key_fields};
use crate::table::{DataFile, GeometryKind, Table};
use crate::{Sql, Warehouse};

pub use predicate::Predicate;

/// A read of one table below SQL.
#[derive(Debug, Clone)]
pub struct Scan {
    pub table: Arc<Table>,
    /// Real columns wanted, in this order.
    pub columns: Vec<String>,
    /// Adds `_qb` (Int64) and `_lod` (Int8), and for anything but points `_xmin _ymin _xmax _ymax` (Float32). Rows that
    /// stand in no file with keys have them computed; their points have level 0, so that no level leaves them out.
    pub with_keys: bool,
    /// Only rows whose bounding box touches this box; of points, also some of its neighbourhood.
    pub window: Option<LonLatBox>,
    /// Only rows whose `_qb` lies in this range, ends included: for points, `Quadbin::key_range` of a tile is that tile.
    pub key_range: Option<(i64, i64)>,
    /// Only rows whose level of detail is at least / at most this. See [`Table::lod_is_global`].
    pub min_lod: Option<i8>,
    pub max_lod: Option<i8>,
    /// An SQL condition on the table's columns.
    pub condition: Option<Sql>,
    /// 1 keeps file order.
    pub target_partitions: usize,
}

impl Scan {
    /// All rows of these columns, in file order.
    #[must_use]
    pub fn of(table: Arc<Table>, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Scan {
            table,
            columns: columns.into_iter().map(Into::into).collect(),
            with_keys: false,
            window: None,
            key_range: None,
            min_lod: None,
            max_lod: None,
            condition: None,
            target_partitions: 1,
        }
    }

    fn asks_for_keys(&self) -> bool {
        self.with_keys
            || self.window.is_some()
            || self.key_range.is_some()
            || self.min_lod.is_some()
            || self.max_lod.is_some()
    }
}

impl Warehouse {
    /// Reads a table below SQL, with its keys.
    pub fn scan<'a>(&'a self, scan: Scan) -> BoxFuture<'a, Result<SendableRecordBatchStream>> {
        Box::pin(async move {
            let lake = self.catalog().lake(scan.table.snapshot).await?;
            let table = lake.table_by_id(scan.table.id).ok_or_else(|| Error::TableNotFound {
                name: scan.table.name.to_string(),
                near: Vec::new(),
            })?;
            let contents = self.catalog().contents(lake.snapshot, table).await?;
            let condition = match &scan.condition {
                Some(condition) => Some(self.condition(&scan.table.arrow_schema, condition)?),
                None => None,
            };
            Reader {
                warehouse: self,
                scan: &scan,
                snapshot: lake.snapshot,
                table,
                contents: &contents,
                condition,
                state: self.engine().template(),
            }
            .read()
            .await
        })
    }
}

struct Reader<'a> {
    warehouse: &'a Warehouse,
    scan: &'a Scan,
    snapshot: i64,
    table: &'a LakeTable,
    contents: &'a Contents,
    /// Over the table's columns.
    condition: Option<Arc<dyn PhysicalExpr>>,
    state: &'a SessionState,
}

impl Reader<'_> {
    async fn read(&self) -> Result<SendableRecordBatchStream> {
        let geometry = self.table.geometry_column();
        if self.scan.asks_for_keys() && geometry.is_none() {
            return Err(Error::Invalid(format!(
                "{} has no geometry column",
                self.scan.table.name
            )));
        }
        let schema = self.schema()?;
        let needs_boxes = self.needs_boxes();
        let (ready, computed): (Vec<&DataFile>, Vec<&DataFile>) =
            self.contents.files.iter().partition(|file| match Shape::of(file) {
                Shape::Boxes => true,
                Shape::Points => !needs_boxes,
                Shape::Bare => !self.scan.asks_for_keys(),
            });
        let computes_inlined = self.scan.asks_for_keys() && self.contents.inlined.is_some();
        let mut streams: Vec<SendableRecordBatchStream> = Vec::new();
        if !ready.is_empty() || (!computes_inlined && self.contents.inlined.is_some()) {
            let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
            streams.push(self.start(columns, ready, !computes_inlined).await?);
        }
        if !computed.is_empty() || computes_inlined {
            let geometry = geometry.ok_or_else(|| Error::Internal("keys without a geometry".to_owned()))?;
            let mut columns = self.scan.columns.clone();
            if !columns.contains(&geometry.name) {
                columns.push(geometry.name.clone());
            }
            let rows = self.start(columns, computed, computes_inlined).await?;
            let keying = keyed::Keying {
                geometry: geometry.name.clone(),
                crs: crs_or_default(geometry).to_owned(),
                schema: schema.clone(),
                windows: self.windows(),
                key_range: self.scan.key_range,
                min_lod: self.scan.min_lod,
                max_lod: self.scan.max_lod,
            };
            streams.push(keyed::with_keys(rows, keying));
        }
        let rows = futures::stream::iter(streams).flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn needs_boxes(&self) -> bool {
        self.scan.with_keys
            && self
                .scan
                .table
                .geometry
                .as_ref()
                .is_some_and(|geometry| geometry.kind != GeometryKind::Points)
    }

    fn schema(&self) -> Result<SchemaRef> {
        let mut fields: Vec<Field> = Vec::with_capacity(self.scan.columns.len() + 6);
        for name in &self.scan.columns {
            fields.push(
                self.scan
                    .table
                    .arrow_schema
                    .field_with_name(name)
                    .map_err(|_| self.unknown(name))?
                    .clone(),
            );
        }
        if self.scan.with_keys {
            fields.extend(key_fields(self.needs_boxes()));
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    fn unknown(&self, column: &str) -> Error {
        let known: Vec<String> = self.table.columns.iter().map(|column| column.name.clone()).collect();
        Error::ColumnNotFound {
            column_name: column.to_owned(),
            near: crate::engine::near_names(column, &known),
        }
    }

    fn windows(&self) -> Option<Vec<LonLatBox>> {
        self.scan.window.map(|window| window.parts().collect())
    }

    /// Starts reading files and inlined rows, the condition applied.
    async fn start(
        &self,
        columns: Vec<String>,
        files: Vec<&DataFile>,
        reads_inlined: bool,
    ) -> Result<SendableRecordBatchStream> {
        let wanted = Wanted {
            windows: self.windows(),
            key_range: self.scan.key_range,
            min_lod: self.scan.min_lod,
            max_lod: self.scan.max_lod,
        };
        let mut read = columns.clone();
        if let Some(condition) = &self.condition {
            let mut needed: Vec<String> = collect_columns(condition)
                .iter()
                .map(|column| column.name().to_owned())
                .collect();
            needed.sort();
            read.extend(needed.into_iter().filter(|name| !columns.contains(name)));
        }
        let plan = FileScan {
            catalog: self.warehouse.catalog(),
            snapshot: self.snapshot,
            table: self.table,
            contents: self.contents,
            columns: read,
            files,
            reads_inlined,
            wanted,
            limit: None,
            target_partitions: self.scan.target_partitions,
        }
        .plan(self.state)
        .await?;
        let settings = self.state.config_options();
        let plan = match &self.condition {
            Some(condition) => filtered(plan, condition, columns.len(), settings)?,
            None => plan,
        };
        self.execute(spread(plan, self.scan.target_partitions, settings)?)
    }

    fn execute(&self, plan: Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream> {
        let context = self.warehouse.engine().context();
        let partitions = plan.output_partitioning().partition_count();
        if partitions > 1 && self.scan.target_partitions > 1 {
            return CoalescePartitionsExec::new(plan)
                .execute(0, context)
                .map_err(error_from_engine);
        }
        let schema = plan.schema();
        let rows = futures::stream::iter(0..partitions)
            .map(move |partition| plan.execute(partition, context.clone()))
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// The plan with a condition on it, pushed into the files as far as they take it; the first `shown` columns remain.
fn filtered(
    plan: Arc<dyn ExecutionPlan>,
    condition: &Arc<dyn PhysicalExpr>,
    shown: usize,
    settings: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let condition = predicate::over(condition, &plan.schema())?;
    let filter = FilterExecBuilder::new(condition, plan)
        .apply_projection(Some((0..shown).collect()))
        .and_then(FilterExecBuilder::build)
        .map_err(error_from_engine)?;
    FilterPushdown::new()
        .optimize(Arc::new(filter), settings)
        .map_err(error_from_engine)
}

/// Cuts large files into byte ranges when more than one partition is wanted.
fn spread(
    plan: Arc<dyn ExecutionPlan>,
    target_partitions: usize,
    settings: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    if target_partitions <= 1 {
        return Ok(plan);
    }
    Ok(plan
        .repartitioned(target_partitions, settings)
        .map_err(error_from_engine)?
        .unwrap_or(plan))
}
