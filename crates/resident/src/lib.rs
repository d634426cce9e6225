//! Tables in memory as plain data: points in an order that makes a window a few ranges, and narrow columns.
//!
//! Nothing here knows of SQL, files or tiles: rows are pushed in, places and columns are asked for.

mod columns;
mod coordinates;
mod place;
mod points;
mod window;

pub use columns::{ColumnBuilder, ResidentColumn};
pub use coordinates::{Coordinates, Keep};
pub use place::{NotPoints, touches_boxes};
pub use points::{Points, PointsBuilder};
pub use window::{Rows, Windows};
