//! Sources: a table or a query with filters and parameters becomes something to select from.
//!
//! A request is read ([`SourceRequest`]), opened against a connection ([`Source::open`]) and selected from
//! ([`Selection`]). What stands behind a short tile URL is an [`instantiation::Instantiation`].

mod error;
pub mod expressions;
mod field;
pub mod filter_sql;
mod filters;
mod geojson;
pub mod instantiation;
pub mod literal;
mod parameters;
mod recognition;
mod request;
pub mod rows;
mod source;
mod spatial_filter;
mod spatial_sql;
mod statement;

pub use error::{Error, Result};
pub use field::{Field, FieldType};
pub use filters::{ColumnFilter, Filters, Interval, LogicalOperator, Scalar, StringSearch, Test};
pub use parameters::Parameters;
pub use request::{DEFAULT_SPATIAL_DATA_COLUMN, SourceKind, SourceRequest, SpatialDataType};
pub use rows::RowWriter;
pub use source::{Source, SourceGeometry, TableSource, is_finite};
pub use spatial_filter::{Area, SpatialFilter};
pub use statement::{Selection, subquery};
