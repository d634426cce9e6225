//! `groma query`: any one statement, rows line by line.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sources::{Field, rows};
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Outcome, RowStream, Sql};

use crate::parameters::Json;
use crate::problem::Problem;
use crate::state::Groma;

/// An operator may wait: a day.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    q: String,
}

pub(crate) async fn run(State(groma): State<Groma>, Json(question): Json<Question>) -> Result<Response<Body>, Problem> {
    let actor = super::actor(&groma).await?;
    let cancel = CancellationToken::new();
    let guard = cancel.clone().drop_guard();
    let limits = Limits {
        timeout: PATIENCE,
        max_rows: None,
        cancel,
    };
    match groma
        .rooms()
        .warehouse
        .execute(&actor, &Sql::new(question.q), &limits)
        .await?
    {
        Outcome::Done { affected } => Ok(super::lines(stream::iter([Ok(json!({"affected": affected}))]))),
        Outcome::Rows(rows) => {
            let schema = json!({"schema": Field::all_of(&rows.schema())});
            let all = stream::iter([Ok(schema)]).chain(rows_of(rows));
            Ok(super::lines(all.map(move |line| {
                // The query lives as long as somebody reads.
                let _ = &guard;
                line
            })))
        }
    }
}

fn rows_of(batches: RowStream) -> impl Stream<Item = Result<Value, Problem>> {
    let schema = batches.schema();
    batches.flat_map(move |batch| {
        let lines: Vec<Result<Value, Problem>> = match batch {
            Err(error) => vec![Err(error.into())],
            Ok(batch) => (0..batch.num_rows())
                .map(|row| {
                    let fields = schema.fields().iter().zip(batch.columns());
                    let values: Vec<Value> = fields.map(|(field, column)| rows::json(column, field, row)).collect();
                    Ok(json!({"row": values}))
                })
                .collect(),
        };
        stream::iter(lines)
    })
}
