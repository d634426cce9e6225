//! Where `assets/fetch.sh` puts the files of a package.

use std::path::{Path, PathBuf};

/// The path of `file` of the package `name` below the folder that was given to `fetch.sh`.
pub(crate) fn file(packages: &Path, name: &str, file: &str) -> PathBuf {
    packages.join(name.replace('/', "+")).join(file)
}
