//! The connections room.
