//! Imports: files that people have become tables of the warehouse.
//!
//! A file is read twice. The first reading finds out what it holds, looking at every row; the second writes rows whose
//! types are known, turned to EPSG:4326, and refuses by number and reason what cannot be kept. Nothing is lost
//! silently: [`Report`] counts `read = written + refused_count`, and a table appears whole or not at all.

mod batches;
mod columns;
mod csv;
pub mod demo;
mod error;
mod format;
mod geojson;
mod geometry;
mod geoparquet;
mod import;
mod job;
mod names;
mod options;
mod report;
mod survey;
mod watch;

pub use columns::{ColumnType, ImportedColumn};
pub use error::{Error, Result};
pub use format::{Format, detect};
pub use import::{MOST_BYTES, import, preview};
pub use job::{ImportJob, JOB_KIND, Request, new_job};
pub use options::ImportOptions;
pub use report::{GeometrySource, Report, RowNote};
pub use survey::Preview;
pub use watch::ImportProgress;
