//! `/workspace-api/imports`: a file is sent, looked at, and becomes a table.

use axum::Json as JsonAnswer;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use imports::ImportOptions;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Member;
use crate::parameters::{Json, Query};
use crate::problem::Problem;
use crate::state::Groma;

/// What the file is called.
#[derive(Debug, Deserialize)]
pub(crate) struct File {
    filename: String,
}

/// `POST imports/uploads?filename=` with the file as body.
pub(crate) async fn upload(
    State(groma): State<Groma>,
    member: Member,
    Query(file): Query<File>,
    request: Request,
) -> Result<JsonAnswer<Value>, Problem> {
    let person = member.signed_in.person.id.uuid();
    let (upload, path) = groma
        .uploads()
        .receive(person, &file.filename, request.into_body())
        .await?;
    let preview = imports::preview(&path, &ImportOptions::default()).await?;
    Ok(JsonAnswer(json!({"upload": upload, "preview": preview})))
}

/// How the file is to be read.
#[derive(Debug, Deserialize)]
pub(crate) struct Reading {
    /// JSON.
    options: Option<String>,
}

/// `GET imports/uploads/{upload}/preview?options=`
pub(crate) async fn preview(
    State(groma): State<Groma>,
    member: Member,
    Path(upload): Path<String>,
    Query(reading): Query<Reading>,
) -> Result<JsonAnswer<Value>, Problem> {
    let path = groma.uploads().find(member.signed_in.person.id.uuid(), &upload).await?;
    let options = match reading.options.filter(|text| !text.is_empty()) {
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| Problem::bad_request(format!("The options do not fit: {error}.")))?,
        None => ImportOptions::default(),
    };
    let preview = imports::preview(&path, &options).await?;
    Ok(JsonAnswer(json!(preview)))
}

/// Which file becomes which table.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    upload: String,
    table: String,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    options: ImportOptions,
}

/// `POST imports`: the work is a job; ask for it under `/workspace-api/jobs`.
pub(crate) async fn start(
    State(groma): State<Groma>,
    member: Member,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, JsonAnswer<Value>), Problem> {
    let path = groma
        .uploads()
        .find(member.signed_in.person.id.uuid(), &wanted.upload)
        .await?;
    let now = database::now();
    let request = imports::Request {
        path,
        table: wanted.table,
        options: ImportOptions {
            overwrite: wanted.overwrite || wanted.options.overwrite,
            ..wanted.options
        },
        actor: member.actor.clone(),
        asked_at: now,
        remove_file: true,
    };
    let mut tx = groma.rooms().database.begin().await?;
    let job = jobs::enqueue(&mut tx, imports::new_job(&request)?).await?;
    let target = access::Target::new(access::TargetKind::Import, job, &request.table);
    let kind = access::ActivityKind::ImportStarted;
    access::activity::record(
        &mut tx,
        &member.actor,
        kind,
        target,
        json!({"table": request.table}),
        now,
    )
    .await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, JsonAnswer(json!({"job": job}))))
}
