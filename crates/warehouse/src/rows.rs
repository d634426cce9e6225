//! Rows that a query streams back, and what a statement's outcome is.

use std::pin::Pin;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::stream::{BoxStream, StreamExt};
use futures::{Stream, TryStreamExt};

use crate::error::{Error, Result};

/// Record batches of one result, in order. Dropping it cancels the query.
pub struct RowStream {
    schema: SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch>>,
}

impl RowStream {
    pub fn new(schema: SchemaRef, batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static) -> Self {
        RowStream {
            schema,
            batches: batches.boxed(),
        }
    }

    /// Names and types; geometry fields carry `geoarrow.wkb` and their CRS, JSON fields `arrow.json`.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// All batches at once: for results known to be small.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.batches.try_collect().await
    }
}

impl Stream for RowStream {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for RowStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RowStream")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// What a statement did.
#[derive(Debug)]
pub enum Outcome {
    /// It was a query.
    Rows(RowStream),
    /// It changed something; the number of rows inserted, updated or deleted, 0 for definitions.
    Done { affected: u64 },
}
