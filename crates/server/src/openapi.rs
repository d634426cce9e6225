//! OpenAPI: what the server answers, as documents for programs: `/openapi/v3.json`, `/openapi/workspace-api.json`.
//!
//! They are written to `openapi/` by `groma openapi`, so that a review sees how the API changes. A test
//! compares them with the router.

use axum::Json;
use axum::extract::Path;
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// The documents, by name.
const DOCUMENTS: [&str; 2] = ["v3", "workspace-api"];

/// One operation: method, path, what it does, and the names of its parameters beside those in the path.
type Operation = (&'static str, &'static str, &'static str, &'static [&'static str]);

const SOURCE: &[&str] = &[
    "name",
    "q",
    "queryParameters",
    "filters",
    "columns",
    "aggregationExp",
    "spatialDataColumn",
    "spatialDataType",
    "tileResolution",
    "featureBbox",
    "m",
    "format",
    "formatTiles",
];
const MODEL: &[&str] = &[
    "type",
    "source",
    "params",
    "queryParameters",
    "filters",
    "filtersLogicalOperator",
    "spatialFilters",
    "spatialDataColumn",
    "spatialDataType",
];

/// The public contract. GET and POST mean the same: parameters in the query string or in a JSON body.
const V3: &[Operation] = &[
    (
        "get",
        "/v3/maps/public/{map}",
        "The document of a map, for fetchMap",
        &[],
    ),
    (
        "get",
        "/v3/maps/{connection}/{kind}",
        "Registers a table or query and tells where its TileJSON is; with m, the TileJSON",
        SOURCE,
    ),
    (
        "get",
        "/v3/maps/{connection}/{kind}/{z}/{x}/{y}",
        "A tile of a registered source; 204 when nothing is there",
        &["m", "cache", "formatTiles"],
    ),
    (
        "get",
        "/v3/sql/{connection}/query",
        "Runs one SQL statement",
        &["q", "queryParameters"],
    ),
    (
        "get",
        "/v3/sql/{connection}/model/{model}",
        "The numbers behind a widget",
        MODEL,
    ),
    (
        "get",
        "/v3/stats/{connection}/{column}",
        "What a column of a query holds",
        &["q", "queryParameters", "filters", "spatialDataType"],
    ),
    (
        "get",
        "/v3/stats/{connection}/{table}/{column}",
        "What a column of a table holds",
        &["filters", "spatialDataType"],
    ),
];

/// What our own pages ask.
const WORKSPACE: &[Operation] = &[
    (
        "get",
        "/workspace-api/setup",
        "Whether somebody owns this installation",
        &[],
    ),
    (
        "post",
        "/workspace-api/setup/claim",
        "Makes the organisation and its owner, with the one-time link",
        &[],
    ),
    ("post", "/workspace-api/sign-in", "Starts a session", &[]),
    ("post", "/workspace-api/sign-out", "Ends the session", &[]),
    (
        "get",
        "/workspace-api/me",
        "Who is signed in, and the value for X-Groma-Csrf",
        &[],
    ),
    (
        "get",
        "/workspace-api/connections",
        "The connections of the organisation",
        &[],
    ),
    (
        "get",
        "/workspace-api/connections/{connection}/schemas",
        "The schemas of a connection",
        &[],
    ),
    (
        "get",
        "/workspace-api/connections/{connection}/tables",
        "Tables and views, by name",
        &["schema", "search", "cursor"],
    ),
    (
        "get",
        "/workspace-api/connections/{connection}/tables/{table}",
        "A table and its columns",
        &[],
    ),
    (
        "delete",
        "/workspace-api/connections/{connection}/tables/{table}",
        "Drops a table",
        &[],
    ),
    (
        "get",
        "/workspace-api/connections/{connection}/tables/{table}/columns/{column}/statistics",
        "What a column holds",
        &[],
    ),
    (
        "get",
        "/workspace-api/bookmarks",
        "Tables that the person keeps at hand",
        &[],
    ),
    (
        "put",
        "/workspace-api/bookmarks/{connection}/{table}",
        "Bookmarks a table",
        &[],
    ),
    (
        "delete",
        "/workspace-api/bookmarks/{connection}/{table}",
        "Takes a bookmark away",
        &[],
    ),
    (
        "post",
        "/workspace-api/imports",
        "Starts the import of an uploaded file",
        &[],
    ),
    (
        "post",
        "/workspace-api/imports/uploads",
        "Sends a file and tells what an import would make of it",
        &["filename"],
    ),
    (
        "get",
        "/workspace-api/imports/uploads/{upload}/preview",
        "What an import would make of a file, read otherwise",
        &["options"],
    ),
    ("get", "/workspace-api/jobs/{job}", "How far a piece of work is", &[]),
    ("delete", "/workspace-api/jobs/{job}", "Stops a piece of work", &[]),
    (
        "get",
        "/workspace-api/maps",
        "Maps, the last changed first",
        &["search", "cursor", "limit"],
    ),
    ("post", "/workspace-api/maps", "Makes a map", &[]),
    ("get", "/workspace-api/maps/{map}", "A map with its draft", &[]),
    (
        "patch",
        "/workspace-api/maps/{map}",
        "Saves the draft; 409 with the newer map when somebody else did",
        &[],
    ),
    ("delete", "/workspace-api/maps/{map}", "Deletes a map", &[]),
    (
        "post",
        "/workspace-api/maps/{map}/publish",
        "Makes the draft what viewers see",
        &[],
    ),
    (
        "post",
        "/workspace-api/maps/{map}/privacy",
        "Shows the map to everybody with the link, or to nobody",
        &[],
    ),
    ("post", "/workspace-api/maps/{map}/duplicate", "Copies a map", &[]),
    ("get", "/workspace-api/tokens", "The person's API access tokens", &[]),
    (
        "post",
        "/workspace-api/tokens",
        "Makes a token; its secret is in this answer alone",
        &[],
    ),
    ("delete", "/workspace-api/tokens/{token}", "Deletes a token", &[]),
    (
        "get",
        "/workspace-api/activity",
        "Who did what, the newest first",
        &["cursor", "limit"],
    ),
];

/// Each document with its file name.
pub fn documents() -> Vec<(String, Value)> {
    DOCUMENTS
        .iter()
        .filter_map(|name| Some((format!("{name}.json"), document_of(name)?)))
        .collect()
}

/// `GET /openapi/{document}`
pub(crate) async fn document(Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    document_of(name.trim_end_matches(".json")).map(Json).ok_or_else(|| {
        Problem::not_found(format!(
            "There is no document '{name}'. There are {}.",
            DOCUMENTS.join(", ")
        ))
    })
}

fn document_of(name: &str) -> Option<Value> {
    let (title, operations, security) = match name {
        "v3" => (
            "Groma API",
            V3,
            json!([{"token": []}, {"token_in_url": []}, {"session": []}]),
        ),
        "workspace-api" => ("Groma workspace API", WORKSPACE, json!([{"session": []}])),
        _ => return None,
    };
    let mut paths = Map::new();
    for (method, path, summary, parameters) in operations {
        let entry = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
        entry[*method] = operation(method, path, summary, parameters);
        if name == "v3" {
            entry["post"] = operation("post", path, summary, &[]);
            entry["post"]["requestBody"] = body_of(parameters);
        }
    }
    Some(json!({
        "openapi": "3.1.0",
        "info": {"title": title, "version": crate::VERSION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "security": security,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "token_in_url": {"type": "apiKey", "in": "query", "name": "access_token"},
                "session": {"type": "apiKey", "in": "cookie", "name": "groma_session"},
            },
            "schemas": {"Problem": {
                "type": "object",
                "required": ["error", "status"],
                "properties": {
                    "error": {"type": "string"}, "status": {"type": "integer"}, "code": {"type": "string"},
                    "hint": {"type": "string"}, "column_name": {"type": "string"}, "retry_after": {"type": "integer"},
                },
            }},
        },
    }))
}

fn operation(method: &str, path: &str, summary: &str, parameters: &[&str]) -> Value {
    let in_path = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let in_query = parameters
        .iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}));
    let problem = json!({"description": "What is wrong, and what to do about it",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}});
    json!({
        "operationId": operation_id(method, path),
        "summary": summary,
        "parameters": in_path.chain(in_query).collect::<Vec<Value>>(),
        "responses": {"2XX": {"description": "Done"}, "4XX": problem, "5XX": problem},
    })
}

fn body_of(parameters: &[&str]) -> Value {
    let properties: Map<String, Value> = parameters.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}})
}

/// `get /v3/maps/public/{map}` → `get_v3_maps_public_map`.
fn operation_id(method: &str, path: &str) -> String {
    let words: String = path
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                ' '
            }
        })
        .collect();
    std::iter::once(method)
        .chain(words.split_whitespace())
        .collect::<Vec<_>>()
        .join("_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The paths that the router's text names for these APIs.
    fn routes() -> BTreeSet<String> {
        let text = include_str!("router.rs");
        let (public, workspace) = text
            .split_once("fn workspace()")
            .expect("the router has a part for the workspace");
        let paths = |text: &'static str| {
            text.split(".route(")
                .skip(1)
                .filter_map(|rest| rest.split('"').nth(1))
                .collect::<Vec<&str>>()
        };
        let public = paths(public)
            .into_iter()
            .filter(|path| path.starts_with("/v3/") || path.starts_with("/workspace-api/"));
        public
            .map(str::to_owned)
            .chain(paths(workspace).into_iter().map(|path| format!("/workspace-api{path}")))
            .collect()
    }

    #[test]
    fn every_route_is_in_a_document_and_every_operation_has_a_route() {
        let documented: BTreeSet<String> = V3
            .iter()
            .chain(WORKSPACE)
            .map(|(_, path, _, _)| (*path).to_owned())
            .collect();
        assert_eq!(documented, routes());
    }

    #[test]
    fn the_checked_in_documents_are_current() {
        for (name, document) in documents() {
            let path = format!("{}/../../openapi/{name}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let checked_in: Value = serde_json::from_str(&text).unwrap_or_default();
            assert!(checked_in == document, "{path} is old; run 'cargo xtask generate'");
        }
    }
}
