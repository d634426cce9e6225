//! What can go wrong with an import, in words for the person who has the file.

use std::path::Path;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{name} cannot be read: {reason}")]
    Unreadable { name: String, reason: String },

    /// A file that is none of the formats, or is packed.
    #[error("{name}: {reason}")]
    UnknownFormat { name: String, reason: String },

    /// The file as a whole is not what its format asks for.
    #[error("This {format} file is damaged: {reason}")]
    Damaged { format: &'static str, reason: String },

    #[error("{what} is larger than {limit_megabytes} MB, the most that one import may take")]
    TooLarge { what: String, limit_megabytes: u64 },

    #[error("{0} has no rows")]
    Empty(String),

    /// An option that does not fit the file.
    #[error("{0}")]
    Option(String),

    #[error("The coordinate reference system {crs} is not known: {reason}")]
    Crs { crs: String, reason: String },

    /// Rows were read, but none of them could be kept.
    #[error("None of the {read} rows could be imported. Row {row}: {reason}")]
    NothingUsable { read: u64, row: u64, reason: String },

    #[error("Not implemented: {0}")]
    NotImplemented(String),

    #[error("The import was cancelled")]
    Cancelled,

    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),

    #[error("Internal error: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Self {
        Error::Unreadable {
            name: file_name(path),
            reason: reason.to_string(),
        }
    }
}

/// The last part of a path: what a person calls the file.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
