//! Sorting any number of rows by their key in bounded memory.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::Schema;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream as BatchStream};
use futures::StreamExt;
use parking_lot::Mutex;

use crate::engine::error_from_engine;
use crate::error::{Error, Result};

use super::QUADBIN_COLUMN;

/// The rows of `rows` by `_qb`, those without one last. Spills to disk beyond the memory that the context gives.
pub(crate) fn sort_by_key(rows: BatchStream, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
    let schema = rows.schema();
    let key = col(QUADBIN_COLUMN, &schema).map_err(error_from_engine)?;
    let order = LexOrdering::new([PhysicalSortExpr::new(
        key,
        SortOptions {
            descending: false,
            nulls_first: false,
        },
    )])
    .ok_or_else(|| Error::Internal("a sort without a key".to_owned()))?;
    let source = StreamingTableExec::try_new(
        schema.clone(),
        vec![Arc::new(OneStream {
            schema,
            rows: Mutex::new(Some(rows)),
        })],
        None,
        [],
        false,
        None,
    )
    .map_err(error_from_engine)?;
    SortExec::new(order, Arc::new(source))
        .execute(0, context)
        .map_err(error_from_engine)
}

/// A stream that can be read once, as a partition of a plan.
struct OneStream {
    schema: Arc<Schema>,
    rows: Mutex<Option<BatchStream>>,
}

impl std::fmt::Debug for OneStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OneStream").finish_non_exhaustive()
    }
}

impl PartitionStream for OneStream {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        match self.rows.lock().take() {
            Some(rows) => rows,
            None => {
                let failure = datafusion::error::DataFusionError::Internal("rows to sort were read twice".to_owned());
                Box::pin(RecordBatchStreamAdapter::new(
                    self.schema.clone(),
                    futures::stream::once(async { Err(failure) }).boxed(),
                ))
            }
        }
    }
}
