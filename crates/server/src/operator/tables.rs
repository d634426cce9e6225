//! Which tables a schema has: what a command asks before it loads something.

use axum::Json as JsonAnswer;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::parameters::Json;
use crate::problem::Problem;
use crate::state::Groma;

#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    schema: String,
}

pub(crate) async fn list(
    State(groma): State<Groma>,
    Json(question): Json<Question>,
) -> Result<JsonAnswer<Value>, Problem> {
    let tables = match groma.rooms().warehouse.tables(&question.schema).await {
        Ok(tables) => tables,
        Err(warehouse::Error::SchemaNotFound { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let names: Vec<String> = tables.iter().map(|table| table.name.to_string()).collect();
    Ok(JsonAnswer(json!({"tables": names})))
}
