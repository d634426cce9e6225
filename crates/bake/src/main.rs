//! Turns the files of pinned packages into demo tables, the offline basemap, its styles and fonts.
//!
//! `bake --packages DIR --out DIR`; it reads and writes files and never the network.

mod antimeridian;
mod basemap;
mod fonts;
mod geoparquet;
mod packages;
mod shapefile;
mod styles;
mod tables;
mod topojson;
mod vector_tile;

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{path}: {reason}", path = path.display())]
    Source { path: PathBuf, reason: String },
    #[error("{path} could not be written: {reason}", path = path.display())]
    Write { path: PathBuf, reason: String },
    #[error("topology: {0}")]
    Topology(String),
    #[error("geometry: {0}")]
    Geometry(String),
    #[error("{0}\nusage: bake --packages DIR --out DIR [--only tables|basemap|styles|fonts]")]
    Usage(String),
}

impl Error {
    fn source(path: &Path, reason: impl Display) -> Self {
        Self::Source {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    fn write(path: &Path, reason: impl Display) -> Self {
        Self::Write {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

struct Options {
    packages: PathBuf,
    out: PathBuf,
    only: Option<String>,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| bake(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn bake(options: &Options) -> Result<(), Error> {
    let start = Instant::now();
    let Options { packages, out, only } = options;
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    std::fs::create_dir_all(out).map_err(|e| Error::write(out, e))?;
    if wanted("tables") {
        tables::bake(packages, out)?;
    }
    if wanted("basemap") {
        basemap::bake(packages, out)?;
    }
    if wanted("styles") {
        styles::bake(out)?;
    }
    if wanted("fonts") {
        fonts::bake(packages, out)?;
    }
    say(&format!(
        "all in {} after {:.1} s",
        out.display(),
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, Error> {
    let (mut packages, mut out, mut only) = (None, None, None);
    let mut arguments = arguments;
    while let Some(name) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| Error::Usage(format!("{name} needs a value")))
        };
        match name.as_str() {
            "--packages" => packages = Some(PathBuf::from(value()?)),
            "--out" => out = Some(PathBuf::from(value()?)),
            "--only" => only = Some(value()?),
            other => return Err(Error::Usage(format!("{other} is not known"))),
        }
    }
    let missing = |name: &str| Error::Usage(format!("{name} is missing"));
    Ok(Options {
        packages: packages.ok_or_else(|| missing("--packages"))?,
        out: out.ok_or_else(|| missing("--out"))?,
        only,
    })
}

/// One line of progress for the person who waits.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "bake: {line}");
}
