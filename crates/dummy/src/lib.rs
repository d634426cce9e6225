//! The dummy room.
