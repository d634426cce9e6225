//! Hot tables in memory, sorted: a tile of them needs neither SQL nor files.

mod columns;
mod crossings;
mod outlines;
mod points;
mod shapes;
mod store;
mod table;

pub(crate) use store::Residents;
pub(crate) use table::{Places, ResidentTable};
