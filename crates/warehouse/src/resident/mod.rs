//! Hot tables in memory, one copy for tiles, queries and widgets.
//!
//! A table that is touched often is read once, its rows in the order of their places, and further columns when they
//! are asked for. What is kept belongs to one version of the table and never changes.

mod loading;
mod points;
mod store;
mod table;

use std::any::Any;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int8Array, UInt32Array};

use crate::error::Result;
use crate::table::Table;

pub use store::{Haste, Touched};
pub use table::ResidentTable;

pub(crate) use store::Residents;

/// How the geometries of a table are kept.
pub trait Places: Send + Sync + Sized + 'static {
    type Builder: PlacesBuilder<Places = Self>;

    /// What a table's places will about take, before they are read.
    fn estimated_bytes(table: &Table) -> u64;

    /// Rows that have a place.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes(&self) -> usize;

    /// The place of each row among the rows as they were read; `None` when it is the same.
    fn order(&self) -> Option<&UInt32Array>;
}

/// Collects places while a table is read.
pub trait PlacesBuilder: Send + Sized {
    type Places;

    /// `trusts_levels`: the levels that rows bring were elected over all rows together.
    fn start(rows: usize, trusts_levels: bool, is_roomy: bool) -> Self;

    /// Takes in well-known binary (`Binary`) and stored levels of detail.
    fn push(&mut self, geometries: &ArrayRef, levels: Option<&Int8Array>) -> Result<Fit>;

    /// Memory taken so far.
    fn bytes(&self) -> usize;

    fn finish(self) -> Result<Self::Places>;
}

/// Whether geometries are of the kind that is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    Fits,
    Strange,
}

/// Something that takes memory and is given up when others need it more.
pub(crate) trait Kept: Send + Sync {
    fn bytes(&self) -> usize;

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<P: Places> Kept for ResidentTable<P> {
    fn bytes(&self) -> usize {
        ResidentTable::bytes(self)
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A table, and which of its columns it is about.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) table: Arc<Table>,
    pub(crate) geometry: String,
}
