//! `/v3/sql/{connection}/query`: one SQL statement in, its rows out as JSON, streamed when they are many.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use futures::StreamExt;
use serde_json::json;
use sources::Field;
use sources::rows::RowWriter;
use tokio_util::sync::{CancellationToken, DropGuard};
use warehouse::{Limits, Outcome, RowStream, Sql};

use crate::auth::Caller;
use crate::caching;
use crate::parameters::Merged;
use crate::problem::Problem;
use crate::state::Groma;
use crate::transport::TIME_LIMIT;

/// Rows that one answer carries at most; more is an error, never a silent cut.
pub(crate) const MAX_ROWS: usize = 200_000;
/// An answer up to this size is complete before its first byte leaves, so that every error has its status.
const BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// `GET|POST /v3/sql/{connection}/query`
pub(crate) async fn query(
    State(groma): State<Groma>,
    caller: Caller,
    headers: HeaderMap,
    Path(connection): Path<String>,
    Merged(parameters): Merged,
) -> Result<Response<Body>, Problem> {
    let connection = groma.connection(&caller, &connection).await?;
    let sql = Sql {
        text: parameters.required_text("q", "an SQL query")?,
        parameters: parameters.query_parameters()?,
    };
    let cancel = CancellationToken::new();
    let guard = cancel.clone().drop_guard();
    let limits = Limits {
        timeout: TIME_LIMIT,
        max_rows: Some(MAX_ROWS),
        cancel,
    };
    let outcome = if caller.may_write(&connection) {
        connection.warehouse().execute(caller.actor(), &sql, &limits).await?
    } else {
        caller.may_run(&connection, &sql).await?;
        Outcome::Rows(connection.warehouse().query(&sql, &limits).await?)
    };
    match outcome {
        Outcome::Done { affected } => {
            let answer = json!({"rows": [], "schema": [], "meta": meta(Some(affected))});
            Ok(caching::json(&headers, &answer, caching::NO_STORE))
        }
        Outcome::Rows(rows) => answer(&headers, rows, guard).await,
    }
}

fn meta(affected: Option<u64>) -> serde_json::Value {
    let mut meta = json!({"cacheHit": false, "location": "local", "totalBytesProcessed": "0"});
    if let Some(affected) = affected {
        meta["affectedRows"] = affected.into();
    }
    meta
}

/// Collects the answer; what does not fit the buffer is streamed behind it.
async fn answer(request: &HeaderMap, mut rows: RowStream, guard: DropGuard) -> Result<Response<Body>, Problem> {
    let schema = rows.schema();
    let fields = serde_json::to_string(&Field::all_of(&schema)).expect("names and types serialise");
    let mut writer = RowWriter::new(schema);
    let mut text = format!("{{\"schema\":{fields},\"rows\":[").into_bytes();
    let tail = format!("],\"meta\":{}}}", meta(None));
    while let Some(batch) = rows.next().await {
        writer.write(&batch?, &mut text);
        if text.len() > BUFFER_BYTES {
            return Ok(streamed(text, rows, writer, tail, guard));
        }
    }
    text.extend_from_slice(tail.as_bytes());
    Ok(caching::bytes(
        request,
        "application/json",
        Bytes::from(text),
        caching::REVALIDATE,
    ))
}

/// An error in the middle of a stream breaks the connection: half an answer must not look like a whole one.
fn streamed(start: Vec<u8>, rows: RowStream, writer: RowWriter, tail: String, guard: DropGuard) -> Response<Body> {
    let rest = futures::stream::unfold(Some((rows, writer, tail, guard)), |state| async move {
        let (mut rows, mut writer, tail, guard) = state?;
        match rows.next().await {
            Some(Ok(batch)) => {
                let mut text = Vec::new();
                writer.write(&batch, &mut text);
                Some((Ok(Bytes::from(text)), Some((rows, writer, tail, guard))))
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "an answer broke off while it was streamed");
                Some((Err(std::io::Error::other(error.to_string())), None))
            }
            None => Some((Ok(Bytes::from(tail)), None)),
        }
    });
    let body = futures::stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(start)) }).chain(rest.fuse());
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, caching::NO_STORE);
    headers.insert(header::VARY, caching::VARY);
    response
}
