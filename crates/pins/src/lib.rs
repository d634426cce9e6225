//! Holds no code: its manifest pins one feature set for the whole workspace.
