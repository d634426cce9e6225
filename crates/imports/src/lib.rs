//! The imports room.
