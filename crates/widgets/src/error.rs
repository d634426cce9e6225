//! What can be wrong with a widget, in words for the person who configured it.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("There is no model {name}; there are {}", available.join(", "))]
    UnknownModel { name: String, available: Vec<&'static str> },

    #[error("{column} is of type {column_type}: {operation} needs {needs}")]
    WrongType {
        column: String,
        column_type: &'static str,
        operation: String,
        needs: &'static str,
    },

    /// Anything about the source, the columns or the parameters.
    #[error(transparent)]
    Source(#[from] sources::Error),
}

impl From<warehouse::Error> for Error {
    fn from(error: warehouse::Error) -> Self {
        Error::Source(error.into())
    }
}
