//! What can go wrong in the warehouse, in words for the person who can fix it.

use std::time::Duration;

use crate::name::TableName;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("Table not found: {name}{}", did_you_mean(near))]
    TableNotFound { name: String, near: Vec<String> },

    #[error("Schema not found: {schema}{}", did_you_mean(near))]
    SchemaNotFound { schema: String, near: Vec<String> },

    #[error("Column not found: {column_name}{}", did_you_mean(near))]
    ColumnNotFound { column_name: String, near: Vec<String> },

    #[error("Function not found: {name}{}", did_you_mean(near))]
    FunctionNotFound { name: String, near: Vec<String> },

    #[error("'{name}' is not a table name: {reason}")]
    InvalidName { name: String, reason: String },

    /// Text that does not parse. Line and column count from 1.
    #[error("Syntax error at line {line}, column {column}: {message}")]
    Syntax { message: String, line: u64, column: u64 },

    #[error("Expected one SQL statement, found {found}")]
    StatementCount { found: usize },

    /// A statement that parses but means nothing: types that do not fit, ambiguous names …
    #[error("{0}")]
    Invalid(String),

    #[error("{statement} changes data and is not allowed here: only queries are")]
    ReadOnly { statement: String },

    /// Something that SQL may not do here at all, such as reading files of the machine.
    #[error("{0}")]
    NotAllowed(String),

    #[error("Not implemented: {0}")]
    NotImplemented(String),

    #[error("Query parameter {name}: {reason}")]
    Parameter { name: String, reason: String },

    #[error("{what} already exists: {name}")]
    AlreadyExists { what: &'static str, name: String },

    #[error("{0} was changed by somebody else at the same time; try again")]
    Conflict(TableName),

    /// Another program holds the catalog or published at the same moment.
    #[error("The catalog is busy; try again")]
    Busy,

    /// There is no snapshot at the asked time or version.
    #[error("{0}")]
    NoSuchSnapshot(String),

    #[error("The query took longer than {} s and was stopped", limit.as_secs_f64())]
    Timeout { limit: Duration },

    #[error("The query was cancelled")]
    Cancelled,

    #[error("The result has more than {limit} rows; add a LIMIT or aggregate")]
    TooManyRows { limit: usize },

    #[error("The query needs more memory than the limit: {0}")]
    OutOfMemory(String),

    /// Rows made the statement fail: division by zero, a value that does not fit its type …
    #[error("{0}")]
    Execution(String),

    /// A row breaks a rule of its table.
    #[error("{0}")]
    Constraint(String),

    #[error("{crs}: {reason}")]
    Crs { crs: String, reason: String },

    #[error("Storage: {0}")]
    Storage(#[from] object_store::Error),

    #[error("Metadata store: {0}")]
    Database(String),

    /// A file or the catalog holds what it should not.
    #[error("Damaged: {0}")]
    Damaged(String),

    #[error("Internal error: {0}")]
    Internal(String),
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [one] => format!(". Did you mean {one}?"),
        [several @ .., last] => format!(". Did you mean {} or {last}?", several.join(", ")),
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Error::Database(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Internal(error.to_string())
    }
}

impl From<datafusion::parquet::errors::ParquetError> for Error {
    fn from(error: datafusion::parquet::errors::ParquetError) -> Self {
        Error::Damaged(error.to_string())
    }
}

impl From<datafusion::arrow::error::ArrowError> for Error {
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        Error::Execution(error.to_string())
    }
}

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        match error {
            // Another program published a snapshot of the same number, or holds the store: the same may be tried again.
            database::Error::Busy | database::Error::Duplicate { .. } => Error::Busy,
            other => Error::Database(other.to_string()),
        }
    }
}
