//! Running a plan within limits: time, rows, cancellation.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use futures::{Stream, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error_from_engine;
use crate::Limits;
use crate::error::{Error, Result};
use crate::rows::RowStream;

/// Until when a statement may run, planning included.
#[derive(Clone)]
pub(crate) struct Deadline {
    ends: Instant,
    limit: Duration,
    cancel: CancellationToken,
}

impl Deadline {
    pub(crate) fn start(limits: &Limits) -> Self {
        // Durations beyond what the clock can add mean no limit in practice: a century does.
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        let limit = limits.timeout.min(CENTURY);
        Deadline {
            ends: Instant::now() + limit,
            limit: limits.timeout,
            cancel: limits.cancel.clone(),
        }
    }

    /// Waits for work no longer than the statement may take.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::Cancelled),
            () = tokio::time::sleep_until(self.ends) => Err(Error::Timeout { limit: self.limit }),
            done = work => done,
        }
    }
}

/// Starts a logical plan and streams its rows.
pub(crate) async fn stream(
    state: &SessionState,
    plan: &LogicalPlan,
    limits: &Limits,
    deadline: &Deadline,
) -> Result<RowStream> {
    let physical = deadline
        .within(async {
            Box::pin(state.create_physical_plan(plan))
                .await
                .map_err(error_from_engine)
        })
        .await?;
    stream_physical(state, physical, limits.max_rows, deadline)
}

fn stream_physical(
    state: &SessionState,
    plan: Arc<dyn ExecutionPlan>,
    max_rows: Option<usize>,
    deadline: &Deadline,
) -> Result<RowStream> {
    let batches = execute_stream(plan, state.task_ctx()).map_err(error_from_engine)?;
    let schema = batches.schema();
    Ok(RowStream::new(schema, limited(batches, max_rows, deadline.clone())))
}

fn limited(
    batches: SendableRecordBatchStream,
    max_rows: Option<usize>,
    deadline: Deadline,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let start = (Some(batches), 0usize);
    futures::stream::unfold(start, move |(batches, rows)| {
        let deadline = deadline.clone();
        async move {
            let mut batches = batches?;
            let next = deadline
                .within(async { batches.next().await.transpose().map_err(error_from_engine) })
                .await;
            match next {
                Ok(None) => None,
                Ok(Some(batch)) => {
                    let rows = rows + batch.num_rows();
                    match max_rows {
                        Some(limit) if rows > limit => Some((Err(Error::TooManyRows { limit }), (None, rows))),
                        Some(_) | None => Some((Ok(batch), (Some(batches), rows))),
                    }
                }
                Err(error) => Some((Err(error), (None, rows))),
            }
        }
    })
}

/// All rows of a plan.
pub(crate) async fn collect(state: &SessionState, plan: &LogicalPlan, deadline: &Deadline) -> Result<Vec<RecordBatch>> {
    stream(state, plan, &Limits::default(), deadline).await?.collect().await
}
