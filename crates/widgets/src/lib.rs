//! The widgets room.
