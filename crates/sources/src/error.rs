//! What can be wrong with a source or a request, in words for the person who asked.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("Parameter {name} is missing: {hint}")]
    MissingParameter { name: String, hint: String },

    #[error("Parameter {name}: {reason}")]
    InvalidParameter { name: String, reason: String },

    /// The text is fixed: CARTO's clients compare it. [`Error::column_name`] and [`Error::hint`] say the rest.
    #[error("Column not found")]
    ColumnNotFound { column: String, available: Vec<String> },

    /// CARTO's clients look for the first two words.
    #[error("Missing columns: {}. There are: {}", missing.join(", "), available.join(", "))]
    MissingColumns {
        missing: Vec<String>,
        available: Vec<String>,
    },

    #[error("{}", no_geometry_column(column, geometry_columns))]
    NoGeometryColumn {
        column: String,
        geometry_columns: Vec<String>,
    },

    #[error("There is no registered source {hash}: ask for the map again")]
    UnknownInstantiation { hash: String },

    #[error("Not implemented: {0}")]
    NotImplemented(String),

    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),

    #[error(transparent)]
    Connection(#[from] connections::Error),

    #[error(transparent)]
    Database(#[from] database::Error),

    #[error("Internal error: {0}")]
    Internal(String),
}

impl Error {
    pub fn invalid(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::InvalidParameter {
            name: name.into(),
            reason: reason.into(),
        }
    }

    /// The column the message is about, as the wire's `column_name`.
    #[must_use]
    pub fn column_name(&self) -> Option<&str> {
        match self {
            Error::ColumnNotFound { column, .. } | Error::NoGeometryColumn { column, .. } => Some(column),
            Error::MissingColumns { missing, .. } => missing.first().map(String::as_str),
            Error::MissingParameter { .. }
            | Error::InvalidParameter { .. }
            | Error::UnknownInstantiation { .. }
            | Error::NotImplemented(_)
            | Error::Warehouse(_)
            | Error::Connection(_)
            | Error::Database(_)
            | Error::Internal(_) => None,
        }
    }

    /// What to do about it, as the wire's `hint`.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::ColumnNotFound { column, available } => Some(format!(
                "There is no column {column}. There are: {}",
                available.join(", ")
            )),
            Error::MissingColumns { .. }
            | Error::NoGeometryColumn { .. }
            | Error::MissingParameter { .. }
            | Error::InvalidParameter { .. }
            | Error::UnknownInstantiation { .. }
            | Error::NotImplemented(_)
            | Error::Warehouse(_)
            | Error::Connection(_)
            | Error::Database(_)
            | Error::Internal(_) => None,
        }
    }
}

fn no_geometry_column(column: &str, geometry_columns: &[String]) -> String {
    match geometry_columns {
        [] => format!(
            "{column} is not a geometry column, and the source has none: add one, such as ST_Point(longitude, latitude) AS geom"
        ),
        [one] => {
            format!("{column} is not a geometry column. The geometry column is {one}: name it as spatialDataColumn")
        }
        several => format!(
            "{column} is not a geometry column. The geometry columns are {}: name one as spatialDataColumn",
            several.join(", ")
        ),
    }
}
