//! The tiles room.
