//! The rules of the house that a program can check. `cargo xtask tidy` says every breach with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::{Outcome, cargo, output, root};
use crate::tree::files;

const LONGEST_FILE: usize = 600;
const VAGUE_NAMES: [&str; 12] = [
    "utils", "util", "helper", "helpers", "manager", "common", "misc", "data2", "stuff", "things", "shared", "base",
];
/// Marks in tests that make a test not count.
const LOOSENED: [&str; 6] = [
    "#[ignore",
    ".only(",
    "test.skip(",
    "it.skip(",
    "describe.skip(",
    "test.todo(",
];

pub fn tidy() -> Outcome {
    let mut breaches = Vec::new();
    rooms(&mut breaches);
    pinned_features(&mut breaches);
    migrations(&mut breaches);
    integration_tests(&mut breaches);
    for folder in ["crates", "xtask/src", "web/src", "web/e2e", "tests"] {
        for file in files(&root().join(folder), &[".rs", ".ts", ".tsx", ".mjs"]) {
            one_file(&file, &mut breaches);
        }
    }
    web_imports(&mut breaches);
    if breaches.is_empty() {
        return Ok(());
    }
    for breach in &breaches {
        eprintln!("  {breach}");
    }
    Err(format!("{} breaches of the house rules", breaches.len()))
}

/// The `rooms` block of ARCHITECTURE.md against `cargo metadata`: every crate stands in it,
/// and a room uses only rooms on lower floors.
fn rooms(breaches: &mut Vec<String>) {
    let Ok(architecture) = fs::read_to_string(root().join("ARCHITECTURE.md")) else {
        breaches.push("ARCHITECTURE.md is missing".into());
        return;
    };
    let Some(floors) = declared_rooms(&architecture) else {
        breaches.push("ARCHITECTURE.md has no ```rooms block".into());
        return;
    };
    let Some(metadata) = output(cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]))
        .and_then(|text| serde_json::from_str::<Value>(&text).ok())
    else {
        breaches.push("`cargo metadata` failed".into());
        return;
    };
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let names: BTreeSet<String> = packages
        .iter()
        .filter_map(|package| package["name"].as_str().map(str::to_string))
        .collect();
    for name in names.difference(&floors.keys().cloned().collect()) {
        breaches.push(format!("crates/{name}: not in the rooms table of ARCHITECTURE.md"));
    }
    for name in floors.keys().filter(|name| !names.contains(*name)) {
        breaches.push(format!(
            "ARCHITECTURE.md: the rooms table names {name}, which is no crate"
        ));
    }
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(Some(floor)) = floors.get(name) else { continue };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            let is_for_tests = dependency["kind"].as_str() == Some("dev");
            match floors.get(used) {
                None => {}
                Some(None) if used == "pins" || is_for_tests => {}
                Some(None) => breaches.push(format!("crates/{name}: uses {used}, which is backstage")),
                Some(Some(below)) if below < floor || is_for_tests => {}
                Some(Some(below)) => breaches.push(format!(
                    "crates/{name} (floor {floor}) uses {used} (floor {below}): only lower floors may be used"
                )),
            }
        }
    }
}

/// Room → floor; `None` for what stands backstage (floor `-`).
fn declared_rooms(architecture: &str) -> Option<BTreeMap<String, Option<u32>>> {
    let block = architecture.split("```rooms").nth(1)?.split("```").next()?;
    let mut floors = BTreeMap::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let floor = words.next()?.parse().ok();
        floors.insert(words.next()?.to_string(), floor);
    }
    Some(floors)
}

/// Every third-party line of the workspace stands in crates/pins, so that features never differ between builds.
fn pinned_features(breaches: &mut Vec<String>) {
    let read = |path: &str| {
        fs::read_to_string(root().join(path))
            .ok()
            .and_then(|text| text.parse::<toml::Table>().ok())
    };
    let (Some(workspace), Some(pins)) = (read("Cargo.toml"), read("crates/pins/Cargo.toml")) else {
        breaches.push("Cargo.toml or crates/pins/Cargo.toml cannot be read".into());
        return;
    };
    let dependencies = workspace["workspace"]["dependencies"]
        .as_table()
        .cloned()
        .unwrap_or_default();
    for (name, line) in &dependencies {
        let is_room = line.get("path").is_some();
        if !is_room && pins["dependencies"].get(name).is_none() {
            breaches.push(format!(
                "crates/pins/Cargo.toml: {name} is missing (cargo would build other features for one room)"
            ));
        }
    }
}

/// SQLite and PostgreSQL have the same migrations by name.
fn migrations(breaches: &mut Vec<String>) {
    let names = |store: &str| -> BTreeSet<String> {
        files(&root().join("migrations").join(store), &[".sql"])
            .iter()
            .filter_map(|file| file.file_name().map(|name| name.to_string_lossy().into_owned()))
            .collect()
    };
    for name in names("sqlite").symmetric_difference(&names("postgres")) {
        breaches.push(format!("migrations: {name} exists for one store only"));
    }
}

/// One integration-test binary per room: `tests/it.rs`.
fn integration_tests(breaches: &mut Vec<String>) {
    for file in files(&root().join("crates"), &[".rs"]) {
        let is_binary = file.parent().is_some_and(|folder| folder.ends_with("tests")) && !file.ends_with("tests/it.rs");
        if is_binary {
            breaches.push(format!(
                "{}: a second test binary; make it a module of tests/it.rs",
                shown(&file)
            ));
        }
    }
}

fn one_file(file: &Path, breaches: &mut Vec<String>) {
    let Ok(text) = fs::read_to_string(file) else { return };
    let place = shown(file);
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        breaches.push(format!(
            "{place}: {lines} lines; a file has one job in at most {LONGEST_FILE}"
        ));
    }
    let stem = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    if VAGUE_NAMES.contains(&stem.as_str()) {
        breaches.push(format!("{place}: the name says nothing"));
    }
    let first = text.lines().next().unwrap_or_default();
    let is_rust = file.extension().is_some_and(|extension| extension == "rs");
    let says_its_job = match is_rust {
        true => first.starts_with("//!"),
        false => first.starts_with("//") || first.starts_with("/*") || first.starts_with("#!"),
    };
    if !says_its_job {
        breaches.push(format!("{place}:1: the first line says what the file is for"));
    }
    if !place.starts_with("xtask/") {
        for (number, line) in text.lines().enumerate() {
            let marks = LOOSENED.iter().filter(|mark| mark.starts_with("#[") == is_rust);
            for mark in marks.filter(|mark| line.contains(**mark)) {
                breaches.push(format!("{place}:{}: `{mark}`: a test counts or goes", number + 1));
            }
        }
    }
}

/// `routes → features → map → api, ui → lib`; features never import features; no barrels.
fn web_imports(breaches: &mut Vec<String>) {
    let source = root().join("web/src");
    for file in files(&source, &[".ts", ".tsx"]) {
        let Ok(inside) = file.strip_prefix(&source) else {
            continue;
        };
        let Some(own) = web_layer(&inside.to_string_lossy()) else {
            continue;
        };
        let place = shown(&file);
        if file.file_stem().is_some_and(|stem| stem == "index") {
            breaches.push(format!("{place}: a barrel; import from the file itself"));
        }
        let is_test = place.contains(".test.");
        for import in imports(&fs::read_to_string(&file).unwrap_or_default()) {
            let Some(target) = resolve(inside.parent().unwrap_or(Path::new("")), &import) else {
                continue;
            };
            let Some(other) = web_layer(&target) else { continue };
            let between_features = own.0 == 3 && other.0 == 3 && own.1 != other.1;
            let upwards = other.0 > own.0 || (own.0 == other.0 && own.1 != other.1 && own.0 != 4);
            if (between_features || upwards) && !is_test {
                breaches.push(format!(
                    "{place}: imports {target}; the direction is routes → features → map → api, ui → lib"
                ));
            }
        }
    }
}

/// (height, room) of a file below web/src; files at the top are the routes.
fn web_layer(path: &str) -> Option<(u32, String)> {
    let parts: Vec<&str> = path.split('/').collect();
    Some(match parts.as_slice() {
        ["paths" | "paths.ts"] => (0, "lib".into()),
        [_] => (4, "routes".into()),
        ["features", name, ..] => (3, (*name).into()),
        ["map", ..] => (2, "map".into()),
        ["api", ..] => (1, "api".into()),
        ["ui", ..] => (1, "ui".into()),
        ["lib" | "i18n" | "styles", ..] => (0, "lib".into()),
        _ => return None,
    })
}

fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in ["from '", "from \"", "import('", "import(\"", "import '", "import \""] {
        for piece in text.split(mark).skip(1) {
            let quote = mark.chars().last().expect("a mark ends in a quote");
            if let Some(end) = piece.find(quote) {
                found.push(piece[..end].to_string());
            }
        }
    }
    found
}

/// `../ui/button` seen from `features/maps` is `features/ui/button`: a path below web/src, or nothing for packages.
fn resolve(folder: &Path, import: &str) -> Option<String> {
    if let Some(rest) = import.strip_prefix("@/") {
        return Some(rest.to_string());
    }
    if !import.starts_with('.') {
        return None;
    }
    let mut parts: Vec<String> = folder.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    for part in import.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name.to_string()),
        }
    }
    Some(parts.join("/"))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}
