//! `make bench`: what Groma costs beside PostGIS, DuckDB and nginx, in processor time, on the same machine and data.
//!
//! Every line of "Speed to reach" is printed as target, measured, met or missed: the median of interleaved runs.
//! The report goes to `benches/results/`; a missed line makes the program end with 1.

mod aggregates;
mod cached_tiles;
mod duckdb;
mod generator;
mod groma;
mod http;
mod inserts;
mod lines;
mod machine;
mod memory;
mod nginx;
mod points;
mod polygons;
mod postgis;
mod report;
mod wide_tiles;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::lines::Lines;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// The benchmark against the peers.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Arguments {
    /// Interleaved runs; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Points in the large table. The small one has a tenth.
    #[arg(long, default_value_t = 10_000_000)]
    points: u64,
    /// Different tiles per zoom.
    #[arg(long, default_value_t = 500)]
    tiles: usize,
    /// Only parts whose name holds this: points, wide, inserts, aggregates, polygons, cached, memory.
    #[arg(long, default_value = "")]
    only: String,
    /// Where the data of Groma and of the peers stays between benches.
    #[arg(long, default_value = "target/bench")]
    work: PathBuf,
    /// Where the report goes.
    #[arg(long, default_value = "benches/results")]
    out: PathBuf,
    /// The program to measure.
    #[arg(long, default_value = "target/release/groma")]
    groma: PathBuf,
}

impl Arguments {
    fn runs_part(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(bench(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

fn fail(error: &Failure) -> ExitCode {
    eprintln!("bench: {error}");
    ExitCode::from(2)
}

pub(crate) fn say(message: &str) {
    eprintln!("▸ {message}");
}

/// Runs everything; true when every line is met.
async fn bench(arguments: &Arguments) -> Result<bool> {
    let work = std::path::absolute(&arguments.work)?;
    std::fs::create_dir_all(&work)?;
    let data = generator::prepare(&work, arguments.points)?;
    let mut postgis = postgis::Postgis::start(&work, &data).await?;
    let mut duckdb = duckdb::DuckDb::start(&work, &data)?;
    let store = groma::Store::prepare(&arguments.groma, &work, &data).await?;
    let plan = points::Plan::choose(&mut postgis, arguments.tiles).await?;
    let mut lines = Lines::default();
    let started = Instant::now();
    for run in 1..=arguments.runs {
        say(&format!("run {run} of {}", arguments.runs));
        if ["points", "wide", "aggregates", "polygons", "memory"]
            .iter()
            .any(|part| arguments.runs_part(part))
        {
            let mut server = store.serve(&[("GROMA_TILE_CACHE_MB", "0")])?;
            if arguments.runs_part("points") {
                points::warm(&mut server, &mut postgis, &mut duckdb, &plan, &mut lines).await?;
            }
            if arguments.runs_part("wide") {
                wide_tiles::measure(&mut server, &plan, &mut lines)?;
            }
            if arguments.runs_part("aggregates") {
                aggregates::measure(&mut server, &mut postgis, &mut duckdb, &data, &mut lines).await?;
            }
            if arguments.runs_part("polygons") {
                polygons::measure(&mut server, &mut postgis, &mut lines).await?;
            }
            if arguments.runs_part("memory") {
                memory::parallel_clients(&server, &plan)?;
            }
            lines.add_peak(server.peak_resident_mb()?);
        }
        if arguments.runs_part("points") {
            let mut server = store.serve(&[("GROMA_TILE_CACHE_MB", "0"), ("GROMA_RESIDENT_TABLES_MB", "0")])?;
            points::first_touch(&mut server, &plan, &mut lines)?;
            lines.add_peak(server.peak_resident_mb()?);
        }
        if arguments.runs_part("inserts") {
            let mut server = store.serve(&[("GROMA_TILE_CACHE_MB", "0"), ("GROMA_RESIDENT_TABLES_MB", "0")])?;
            inserts::measure(&mut server, &plan, &mut lines)?;
            lines.add_peak(server.peak_resident_mb()?);
        }
        if arguments.runs_part("cached") {
            let mut server = store.serve(&[])?;
            cached_tiles::measure(&mut server, &work, &plan, &mut lines)?;
            lines.add_peak(server.peak_resident_mb()?);
        }
    }
    lines.judge_memory();
    report::write(arguments, started, &data, &lines)
}
