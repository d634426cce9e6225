//! Problem: every error answer of the server, and every status it can have, on one page.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value};

use crate::caching;

/// An error as the person at the other end gets it: `{error, status, code?, hint?, column_name?}`.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
    code: Option<&'static str>,
    hint: Option<String>,
    members: Map<String, Value>,
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem with a status and a sentence that says what, where and what to do.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            hint: None,
            members: Map::new(),
            retry_after_seconds: None,
        }
    }

    /// 400: the request is wrong.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401: nobody is signed in, and no token came with the request.
    pub(crate) fn token_missing() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Token not defined")
            .hint("Send an API access token as 'Authorization: Bearer …', or sign in.")
    }

    /// 401: a token or a session came, but it is unknown, expired or deleted.
    pub(crate) fn token_invalid() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid token")
            .hint("The token is unknown, expired or deleted. Create one under Developers.")
    }

    /// 403: known, but not allowed.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: nothing there, or nothing that the caller may know of.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409: someone else was faster.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 429: too often; `seconds` later it may be tried again.
    pub(crate) fn too_many(message: impl Into<String>, seconds: u64) -> Self {
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, message);
        problem.retry_after_seconds = Some(seconds);
        problem
    }

    /// 501: known to the API, not there yet; the message names it.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }

    /// 504: it took too long.
    pub(crate) fn timed_out(seconds: u64) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("The request took longer than {seconds} seconds and was stopped."),
        )
        .hint("Ask for less: add a filter, fewer columns, or aggregate in SQL.")
    }

    /// 500: our fault. The cause goes to the log, not to the answer.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(cause = %cause, "a request failed inside the server");
        Self::silent_internal()
    }

    /// 500 whose cause is in the log already.
    pub(crate) fn silent_internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong inside the server.",
        )
        .hint("The server's log has the cause, under the X-Request-Id of this answer.")
    }

    /// Adds a stable word for programs.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a member to the JSON body.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The sentence for people.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP status.
    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("error".into(), self.message.clone().into());
        body.insert("status".into(), self.status.as_u16().into());
        if let Some(code) = self.code {
            body.insert("code".into(), code.into());
        }
        if let Some(hint) = &self.hint {
            body.insert("hint".into(), hint.clone().into());
        }
        if let Some(seconds) = self.retry_after_seconds {
            body.insert("retry_after".into(), seconds.into());
        }
        body.extend(self.members.clone());
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, caching::NO_STORE);
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<warehouse::Error> for Problem {
    fn from(error: warehouse::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&warehouse::Error> for Problem {
    fn from(error: &warehouse::Error) -> Self {
        use warehouse::Error;
        let message = error.to_string();
        match error {
            Error::TableNotFound { name, .. } => {
                with_demo_tables(Self::not_found(message).code("table_not_found"), name)
            }
            Error::SchemaNotFound { .. } => Self::not_found(message).code("schema_not_found"),
            Error::ColumnNotFound { column_name, .. } => Self::bad_request(message)
                .code("column_not_found")
                .with("column_name", column_name.clone()),
            Error::FunctionNotFound { .. } => Self::bad_request(message).code("function_not_found"),
            Error::InvalidName { .. } => Self::bad_request(message).code("invalid_name"),
            Error::Syntax { line, column, .. } => Self::bad_request(message)
                .code("syntax_error")
                .with("line", *line)
                .with("column", *column),
            Error::StatementCount { .. } => Self::bad_request(message).code("statement_count"),
            Error::Invalid(_) | Error::Parameter { .. } | Error::NoSuchSnapshot(_) | Error::Crs { .. } => {
                Self::bad_request(message)
            }
            Error::Execution(_) | Error::Constraint(_) => Self::bad_request(message).code("execution_failed"),
            Error::ReadOnly { .. } => Self::forbidden(message)
                .code("read_only")
                .hint("Statements that change data need POST and a person, or a token whose grant is '*'."),
            Error::NotAllowed(_) => Self::forbidden(message).code("not_allowed"),
            Error::NotImplemented(_) => Self::not_implemented(message),
            Error::AlreadyExists { .. } => Self::conflict(message).code("already_exists"),
            Error::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("busy"),
            Error::Conflict(_) => Self::conflict(message).code("conflict"),
            Error::Timeout { .. } => Self::new(StatusCode::GATEWAY_TIMEOUT, message)
                .code("timeout")
                .hint("Ask for less: add a filter, fewer columns, or aggregate in SQL."),
            Error::TooManyRows { .. } => Self::bad_request(message).code("too_many_rows"),
            Error::OutOfMemory(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("out_of_memory"),
            Error::Cancelled => Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("cancelled"),
            Error::Storage(_) | Error::Database(_) | Error::Damaged(_) | Error::Internal(_) => Self::internal(&message),
            // The room keeps the right to add words; until they are here they are our fault.
            _ => Self::internal(&message),
        }
    }
}

impl From<sources::Error> for Problem {
    fn from(error: sources::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sources::Error> for Problem {
    fn from(error: &sources::Error) -> Self {
        use sources::Error;
        let message = error.to_string();
        let (column_name, hint) = (error.column_name().map(str::to_owned), error.hint());
        let mut problem = match error {
            Error::MissingParameter { .. } | Error::InvalidParameter { .. } => {
                Self::bad_request(message).code("invalid_parameter")
            }
            Error::ColumnNotFound { .. } | Error::MissingColumns { .. } => {
                Self::bad_request(message).code("column_not_found")
            }
            Error::NoGeometryColumn { .. } => Self::bad_request(message).code("no_geometry_column"),
            Error::UnknownInstantiation { .. } => Self::not_found(message).code("unknown_instantiation"),
            Error::NotImplemented(_) => Self::not_implemented(message),
            Error::Warehouse(error) => return error.into(),
            Error::Connection(error) => return error.into(),
            Error::Database(error) => return error.into(),
            Error::Internal(_) => return Self::internal(&message),
            // As above.
            _ => return Self::internal(&message),
        };
        if let Some(column_name) = column_name {
            problem = problem.with("column_name", column_name);
        }
        match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl From<connections::Error> for Problem {
    fn from(error: connections::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&connections::Error> for Problem {
    fn from(error: &connections::Error) -> Self {
        use connections::Error;
        let message = error.to_string();
        match error {
            Error::NotFound { .. } => Self::not_found(message).code("connection_not_found"),
            Error::InvalidName { .. } => Self::bad_request(message).code("invalid_name"),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<database::Error> for Problem {
    fn from(error: database::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&database::Error> for Problem {
    fn from(error: &database::Error) -> Self {
        use database::Error;
        let message = error.to_string();
        match error {
            Error::Cursor => Self::bad_request(message).code("invalid_cursor"),
            Error::Duplicate { .. } => Self::conflict(message).code("already_exists"),
            Error::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("busy"),
            Error::Unreachable(_) => {
                tracing::error!(cause = message, "the metadata store does not answer");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "The metadata store does not answer.").code("unavailable")
            }
            Error::Address { .. }
            | Error::Reference { .. }
            | Error::NewerDatabase { .. }
            | Error::Migration(_)
            | Error::Other(_) => Self::internal(&message),
        }
    }
}

impl From<jobs::Error> for Problem {
    fn from(error: jobs::Error) -> Self {
        use jobs::Error;
        let message = error.to_string();
        match error {
            Error::NotFound(_) => Self::not_found("There is no such job."),
            Error::Pattern { .. } => Self::bad_request(message),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<access::Error> for Problem {
    fn from(error: access::Error) -> Self {
        use access::Error;
        let message = sentence(&error.to_string());
        match error {
            Error::NotFound(_) => Self::not_found(message),
            Error::Forbidden(_) => Self::forbidden(message),
            Error::WrongCredentials => Self::new(StatusCode::UNAUTHORIZED, message).code("wrong_credentials"),
            Error::ClaimLink => Self::forbidden(message).code("claim_link"),
            Error::AlreadySetUp => Self::conflict(message).code("already_set_up"),
            Error::NotSetUp => Self::conflict(message).code("not_set_up"),
            Error::EmailTaken { .. } => Self::conflict(message).code("email_taken"),
            Error::TokenNameTaken { .. } => Self::conflict(message).code("name_taken"),
            Error::Email(_) | Error::Empty(_) | Error::Password | Error::UnknownApi(_) | Error::Referer { .. } => {
                Self::bad_request(message)
            }
            Error::Hashing(_) => Self::internal(&message),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<maps::Error> for Problem {
    fn from(error: maps::Error) -> Self {
        use maps::Error;
        let message = error.to_string();
        match error {
            Error::NotFound => Self::not_found(message),
            Error::Forbidden => Self::forbidden(message),
            Error::Invalid(_) => Self::bad_request(message),
            Error::NothingToShare => Self::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("nothing_to_share"),
            Error::Conflict(_) => Self::conflict(message).code("conflict"),
            Error::Damaged(_) => Self::internal(&message),
            Error::Access(error) => error.into(),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<imports::Error> for Problem {
    fn from(error: imports::Error) -> Self {
        use imports::Error;
        match error {
            Error::Warehouse(error) => error.into(),
            Error::Internal(message) => Self::internal(&message),
            Error::Cancelled => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "The import was cancelled.").code("cancelled")
            }
            Error::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).code("file_too_large")
            }
            Error::NotImplemented(_) => Self::not_implemented(error.to_string()),
            // Everything else is about the file: the message says what, where and what to do.
            error => Self::bad_request(error.to_string()).code("invalid_file"),
        }
    }
}

/// Examples of other people name tables that we do not have: then it helps to know those that we do have.
fn with_demo_tables(problem: Problem, name: &str) -> Problem {
    let prefix = format!("{}.", imports::demo::SCHEMA);
    if !name.starts_with(&prefix) {
        return problem;
    }
    let tables = imports::demo::tables().unwrap_or_default();
    let names: Vec<String> = tables.iter().map(|table| format!("{prefix}{}", table.name)).collect();
    if names.is_empty() {
        problem
    } else {
        problem.hint(format!("The demo tables are {}.", names.join(", ")))
    }
}

/// A message as a sentence: rooms write theirs to stand after a colon.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), characters.as_str())
}

impl From<tiles::Error> for Problem {
    fn from(error: tiles::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&tiles::Error> for Problem {
    fn from(error: &tiles::Error) -> Self {
        use tiles::Error;
        let message = error.to_string();
        match error {
            Error::NoGeometry(_) => Self::bad_request(message).code("no_geometry_column"),
            Error::ColumnNotFound { column_name, .. } => Self::bad_request(message)
                .code("column_not_found")
                .with("column_name", column_name.clone()),
            Error::Property { .. } => Self::bad_request(message).code("invalid_property"),
            Error::TooLarge { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("tile_too_large"),
            Error::Cancelled => Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("cancelled"),
            Error::Shared(error) => Self::from(error.as_ref()),
            Error::SharedSource(error) => Self::from(error.as_ref()),
            Error::Source(error) => error.into(),
            Error::Warehouse(error) => error.into(),
            Error::Geometry(_) | Error::Basemap { .. } | Error::Engine(_) => Self::internal(&message),
        }
    }
}

impl From<widgets::Error> for Problem {
    fn from(error: widgets::Error) -> Self {
        use widgets::Error;
        let message = error.to_string();
        match error {
            Error::UnknownModel { .. } => Self::not_found(message).code("unknown_model"),
            Error::WrongType { column, .. } => Self::bad_request(message)
                .code("wrong_type")
                .with("column_name", column),
            Error::Source(error) => error.into(),
        }
    }
}
