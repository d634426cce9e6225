//! Queries from memory: a scan of a table of points that is resident.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use resident::{Points, ResidentColumn, Rows, Windows};

use super::exact::Exactly;
use crate::Warehouse;
use crate::catalog::Lake;
use crate::engine::is_lonlat;
use crate::name::TableName;
use crate::resident::{Haste, ResidentTable, Touched};
use crate::table::{GeometryKind, Table};

/// More columns than this are an export: it does not bring a table into memory.
const MOST_COLUMNS: usize = 12;
/// A partition of fewer rows is not worth a thread.
const PARTITION_ROWS: usize = 1 << 17;

/// Where a statement finds tables in memory.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) warehouse: Warehouse,
    /// The lake that the statement reads.
    pub(crate) lake: Arc<Lake>,
}

/// What a scan is about.
pub(super) struct Asked<'a> {
    pub(super) name: TableName,
    /// The columns wanted.
    pub(super) schema: SchemaRef,
    /// All hold.
    pub(super) exactly: &'a [Exactly],
    /// Boxes that rows touch one of, as far as other conditions tell.
    pub(super) near: Option<Vec<[f64; 4]>>,
    pub(super) limit: Option<usize>,
    pub(super) target_partitions: usize,
}

impl Memory {
    /// The scan of a table in memory; `None` when it has to be read from files.
    pub(super) async fn scan(&self, asked: Asked<'_>) -> crate::Result<Option<Arc<dyn ExecutionPlan>>> {
        let table = self.warehouse.table_in(&self.lake, &asked.name).await?;
        let Some(geometry) = table
            .geometry
            .as_ref()
            .filter(|geometry| geometry.kind == GeometryKind::Points && is_lonlat(&geometry.crs))
        else {
            return Ok(None);
        };
        let columns: Vec<String> = asked
            .schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .filter(|name| *name != geometry.column)
            .collect();
        let Some(resident) = self.touch(&table, &geometry.column, &columns, &asked).await else {
            return Ok(None);
        };
        let Some(found) = resident.columns_already(&columns) else {
            resident.miss(&self.warehouse, &columns);
            return Ok(None);
        };
        let places = resident.places();
        let wants_geometry = columns.len() < asked.schema.fields().len();
        if wants_geometry && places.geometries().is_none() {
            return Ok(None);
        }
        let Some(rows) = rows(places, &asked) else {
            return Ok(None);
        };
        let rows = match asked.limit {
            Some(limit) => vec![rows.first(limit)],
            None => rows.parts(asked.target_partitions, PARTITION_ROWS),
        };
        Ok(Some(Arc::new(ResidentScanExec::new(
            asked.name,
            resident,
            found,
            asked.schema,
            rows,
        ))))
    }

    /// A look at few columns counts as a touch, an export or a look at a few rows does not.
    async fn touch(
        &self,
        table: &Arc<Table>,
        geometry: &str,
        columns: &[String],
        asked: &Asked<'_>,
    ) -> Option<Arc<ResidentTable<Points>>> {
        if columns.len() > MOST_COLUMNS || asked.limit.is_some() {
            return self.warehouse.resident_already(table, geometry);
        }
        match self
            .warehouse
            .resident::<Points>(table, geometry, columns, Haste::NeverWaits)
            .await
        {
            Touched::InMemory(resident) => Some(resident),
            Touched::NotNow | Touched::Strange => None,
        }
    }
}

/// The rows that may be wanted: exactly those that the conditions on places leave.
fn rows(places: &Points, asked: &Asked<'_>) -> Option<Rows> {
    let mut windows: Vec<Vec<[f64; 4]>> = Vec::new();
    for condition in asked.exactly {
        match condition {
            Exactly::Boxes(boxes) => windows.push(boxes.clone()),
            Exactly::HasGeometry => {}
        }
    }
    if windows.is_empty()
        && let Some(near) = &asked.near
    {
        windows.push(near.clone());
    }
    if !windows.is_empty() {
        places.rows_in(&Windows::new(&windows))
    } else if asked.exactly.is_empty() {
        places.all_rows()
    } else {
        places.rows_with_geometry()
    }
}

/// Rows of a table in memory, in batches of the types that the table has.
#[derive(Clone)]
struct ResidentScanExec {
    name: TableName,
    table: Arc<ResidentTable<Points>>,
    /// In the order of the schema, the geometry left out.
    columns: Vec<Arc<ResidentColumn>>,
    schema: SchemaRef,
    /// Of each partition.
    rows: Arc<[Rows]>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ResidentScanExec {
    fn new(
        name: TableName,
        table: Arc<ResidentTable<Points>>,
        columns: Vec<Arc<ResidentColumn>>,
        schema: SchemaRef,
        rows: Vec<Rows>,
    ) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(rows.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        ResidentScanExec {
            name,
            table,
            columns,
            schema,
            rows: rows.into(),
            properties,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn batch(&self, rows: Vec<u32>) -> Result<RecordBatch> {
        let count = rows.len();
        let rows = UInt32Array::from(rows);
        let mut columns = self.columns.iter();
        let arrays: Vec<ArrayRef> = self
            .schema
            .fields()
            .iter()
            .map(|field| {
                if field.name() == self.table.geometry() {
                    let coordinates = self.table.places().geometries().ok_or_else(|| missing(field.name()))?;
                    return Ok(coordinates.geometries(rows.values()));
                }
                let column = columns.next().ok_or_else(|| missing(field.name()))?;
                Ok(column.rows(&rows, field.data_type())?)
            })
            .collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(
            self.schema.clone(),
            arrays,
            &options,
        )?)
    }
}

fn missing(column: &str) -> DataFusionError {
    DataFusionError::Internal(format!("{column} is not in memory"))
}

impl fmt::Debug for ResidentScanExec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResidentScanExec")
            .field("table", &self.name)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for ResidentScanExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: usize = self.rows.iter().map(Rows::len).sum();
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(
            formatter,
            "ResidentScanExec: table={}, rows={rows} of {} in memory, columns=[{}]",
            self.name,
            self.table.places().len(),
            names.join(", ")
        )
    }
}

impl ExecutionPlan for ResidentScanExec {
    fn name(&self) -> &'static str {
        "ResidentScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self
            .rows
            .get(partition)
            .cloned()
            .ok_or_else(|| DataFusionError::Internal(format!("there is no partition {partition}")))?;
        let scan = self.clone();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batches = rows.batches(context.session_config().batch_size()).map(move |rows| {
            let timer = metrics.elapsed_compute().timer();
            let batch = scan.batch(rows);
            timer.done();
            if let Ok(batch) = &batch {
                metrics.record_output(batch.num_rows());
            }
            batch
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema.clone(),
            futures::stream::iter(batches),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let rows = match partition {
            Some(partition) => self.rows.get(partition).map_or(0, Rows::len),
            None => self.rows.iter().map(Rows::len).sum(),
        };
        Ok(Arc::new(Statistics {
            num_rows: Precision::Exact(rows),
            ..Statistics::new_unknown(&self.schema)
        }))
    }
}
