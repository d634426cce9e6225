//! `/v3`: the public contract, as CARTO's clients speak it. It may grow, never change.

pub(crate) mod maps;
pub(crate) mod models;
pub(crate) mod public_maps;
pub(crate) mod sql;
pub(crate) mod stats;
pub(crate) mod tiles;
