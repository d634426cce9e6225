//! The spatial room.
