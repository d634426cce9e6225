//! The demo tables: which there are, where each comes from, and under which licence.

pub(crate) mod airports;
pub(crate) mod astana;
pub(crate) mod cities;
pub(crate) mod countries;
pub(crate) mod earthquakes;
pub(crate) mod populated_places;
pub(crate) mod united_states;

use std::fs;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::geoparquet::Table;

/// A table with what people must know about it.
pub(crate) struct Demo {
    pub name: &'static str,
    pub description: &'static str,
    /// What a map that shows the table must say.
    pub attribution: &'static str,
    pub licence: &'static str,
    pub table: Table,
}

/// An entry of `tables.json`, which `imports::demo` reads.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    file: String,
    rows: usize,
    bytes: u64,
    /// SHA-256 of the file: a table with the same content is not loaded twice.
    content: String,
    description: &'static str,
    attribution: &'static str,
    licence: &'static str,
}

pub(crate) fn bake(packages: &Path, out: &Path) -> Result<(), Error> {
    let folder = out.join("tables");
    fs::create_dir_all(&folder).map_err(|e| Error::write(&folder, e))?;
    let mut entries = Vec::new();
    let mut finish = |demo: Demo| -> Result<(), Error> {
        let file = format!("{}.parquet", demo.name);
        let path = folder.join(&file);
        let rows = demo.table.rows();
        demo.table.write(&path)?;
        let content = fs::read(&path).map_err(|e| Error::source(&path, e))?;
        crate::say(&format!(
            "table {:<22} {rows:>7} rows {:>6} kB",
            demo.name,
            content.len() / 1000
        ));
        entries.push(Entry {
            name: demo.name,
            file,
            rows,
            bytes: content.len() as u64,
            content: hex::encode(Sha256::digest(&content)),
            description: demo.description,
            attribution: demo.attribution,
            licence: demo.licence,
        });
        Ok(())
    };
    finish(airports::airports(packages)?)?;
    finish(airports::world_airports(packages)?)?;
    for demo in astana::tables(packages)? {
        finish(demo)?;
    }
    finish(cities::cities(packages)?)?;
    finish(cities::cities_1000(packages)?)?;
    finish(countries::countries(packages)?)?;
    finish(earthquakes::earthquakes(packages)?)?;
    finish(populated_places::populated_places(packages)?)?;
    finish(united_states::us_counties(packages)?)?;
    finish(united_states::usa_states_boundaries(packages)?)?;
    let list = serde_json::to_string_pretty(&entries).map_err(|e| Error::write(&folder, e))?;
    let path = folder.join("tables.json");
    fs::write(&path, list).map_err(|e| Error::write(&path, e))
}
