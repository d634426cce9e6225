//! The glyph ranges of the basemap's labels, for pages that ask for them by URL.

use std::fs;
use std::path::Path;

use crate::{Error, packages};

/// Copies `fonts/{stack}/{range}.pbf`; ranges without a single glyph stay, because pages ask for them.
pub(crate) fn bake(packages: &Path, out: &Path) -> Result<(), Error> {
    const STACK: &str = "Noto Sans Regular";
    let from = packages::file(packages, "tileserver-gl-styles", "package/fonts").join(STACK);
    let to = out.join("fonts").join(STACK);
    fs::create_dir_all(&to).map_err(|e| Error::write(&to, e))?;
    let mut ranges = 0;
    for entry in fs::read_dir(&from).map_err(|e| Error::source(&from, e))? {
        let path = entry.map_err(|e| Error::source(&from, e))?.path();
        let Some(name) = path
            .file_name()
            .filter(|_| path.extension().is_some_and(|e| e == "pbf"))
        else {
            continue;
        };
        fs::copy(&path, to.join(name)).map_err(|e| Error::write(&to, e))?;
        ranges += 1;
    }
    crate::say(&format!("font {STACK}, {ranges} ranges"));
    Ok(())
}
