//! Walking the checkout: which files there are, and whether they are newer than what was made of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders that hold nothing we wrote.
const FOREIGN: [&str; 7] = ["target", "node_modules", "dist", ".git", ".venv", "baked", "data"];

/// Every file below `folder` whose name ends in one of `endings` (all files when empty), sorted.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(folder, endings, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !FOREIGN.contains(&name.as_str()) {
                collect(&path, endings, found);
            }
        } else if endings.is_empty() || endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// When the newest of these files or folders' files changed.
pub fn newest(places: &[PathBuf]) -> Option<SystemTime> {
    places
        .iter()
        .flat_map(|place| {
            if place.is_dir() {
                files(place, &[])
            } else {
                vec![place.clone()]
            }
        })
        .filter_map(|file| fs::metadata(file).and_then(|found| found.modified()).ok())
        .max()
}

/// Whether `made` is missing or older than any of its sources.
pub fn is_stale(made: &Path, sources: &[PathBuf]) -> bool {
    let Ok(made) = fs::metadata(made).and_then(|found| found.modified()) else {
        return true;
    };
    newest(sources).is_some_and(|newest| newest > made)
}
