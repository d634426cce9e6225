//! `groma import` and `groma demo`: files of this machine become tables, with progress line by line.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use futures::{FutureExt, StreamExt};
use imports::ImportOptions;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use warehouse::TableName;

use crate::parameters::Json;
use crate::problem::Problem;
use crate::state::Groma;

#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    path: PathBuf,
    table: String,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    options: ImportOptions,
}

/// One file.
pub(crate) async fn run(State(groma): State<Groma>, Json(question): Json<Question>) -> Result<Response<Body>, Problem> {
    let actor = super::actor(&groma).await?;
    let table = TableName::parse(&question.table)?;
    let options = ImportOptions {
        overwrite: question.overwrite || question.options.overwrite,
        ..question.options
    };
    Ok(with_progress(|told| async move {
        let progress = move |done: u64, total: u64| {
            // Whoever asked may have gone; the cancellation below notices.
            let _ = told.send(json!({"progress": {"done": done, "total": total, "unit": "bytes"}}));
        };
        // Dropped with the answer when nobody reads on.
        let cancel = CancellationToken::new();
        let _guard = cancel.clone().drop_guard();
        let warehouse = &groma.rooms().warehouse;
        let path = &question.path;
        let report = imports::import(
            warehouse,
            &actor,
            path,
            &table,
            &options,
            Some(Arc::new(progress)),
            &cancel,
        )
        .await?;
        Ok(json!({"report": report}))
    }))
}

/// All demo tables that are not there yet.
pub(crate) async fn demo(State(groma): State<Groma>) -> Result<Response<Body>, Problem> {
    let actor = super::actor(&groma).await?;
    Ok(with_progress(|told| async move {
        let told = |loaded: &imports::demo::Loaded| {
            let _ = told.send(json!({"loaded": loaded}));
        };
        let all = imports::demo::load(&groma.rooms().warehouse, &actor, told).await?;
        Ok(json!({"tables": all.len()}))
    }))
}

/// Lines that the work sends while it runs, and its result or problem as the last one.
fn with_progress<F>(work: impl FnOnce(UnboundedSender<Value>) -> F) -> Response<Body>
where
    F: Future<Output = Result<Value, Problem>> + Send + 'static,
{
    let (told, heard) = unbounded_channel();
    let work = work(told);
    let progress = UnboundedReceiverStream::new(heard).map(Ok);
    super::lines(futures::stream::select(progress, work.into_stream()))
}
