//! Tables in memory as tiles see them: points by their place, lines and polygons by their boxes.

mod crossings;
mod outlines;
mod points;
mod shapes;
mod simplification;
mod table;

pub(crate) use table::{Places, ResidentTable};
