//! What can go wrong with maps, in words for the person who can fix it.

use crate::Map;

/// Result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with maps.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such map, or none that the actor may know of.
    #[error("There is no such map.")]
    NotFound,
    /// The actor may see the map, but not do this with it.
    #[error("You may not do this with this map.")]
    Forbidden,
    /// The document cannot be kept as it is.
    #[error("{0}")]
    Invalid(String),
    /// Someone saved in between; here is what they saved.
    #[error("The map was changed in the meantime: it is at version {} now.", .0.version)]
    Conflict(Box<Map>),
    /// A map without title or source has nothing to show.
    #[error("A map can be shared once it has a title and at least one source.")]
    NothingToShare,
    /// The access room refused or failed.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The metadata store failed.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// What stands in the store is not what we wrote.
    #[error("the stored map {0} cannot be read")]
    Damaged(String),
}
