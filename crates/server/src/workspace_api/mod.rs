//! `/workspace-api`: what our own web interface asks. It changes together with it.

pub(crate) mod activity;
pub(crate) mod bookmarks;
pub(crate) mod connections;
pub(crate) mod imports;
pub(crate) mod jobs;
pub(crate) mod maps;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod tables;
pub(crate) mod tokens;
