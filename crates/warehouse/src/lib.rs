//! The warehouse room.
