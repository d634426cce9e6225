//! What tiles cost in processor time: ten million points, every zoom, from files and from memory.
//!
//! `cargo run --release -p tiles --example tile_cost -- [rows] [folder]`. The folder keeps the table between runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use access::Actor;
use connections::Connection;
use database::{Database, Id};
use datafusion::arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use sources::{Parameters, Source, SourceRequest};
use spatial::{TileCoord, TileResolution, mercator};
use tiles::{TileFormat, TileRequest, Tiler, TilerOptions};
use tokio_util::sync::CancellationToken;
use warehouse::{TableName, Warehouse, WarehouseOptions, WriteMode, WriteOptions};

const BATCH: u64 = 100_000;
const CENTRES: u64 = 20_000;
const TILES: u64 = 300;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(Ok(10_000_000), |text| text.parse())?;
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| format!("/tmp/tile_cost_{rows}")));
    std::fs::create_dir_all(&folder)?;
    let database = Database::open(&format!("sqlite://{}", folder.join("groma.db").display())).await?;
    database.migrate().await?;
    let warehouse = Warehouse::open(
        database,
        WarehouseOptions {
            storage: folder.join("data").display().to_string(),
            memory_limit_bytes: 384 << 20,
            spill_directory: folder.join("spill"),
            resident_bytes: 512 << 20,
        },
    )
    .await?;
    let name: TableName = "points".parse()?;
    if warehouse.table(&name).await.is_err() {
        let start = Cost::now();
        write(&warehouse, &name, rows).await?;
        say(&format!("wrote {rows} rows: {}", start.since()));
    }
    let connection = Connection::direct(warehouse);
    let table = ("name", "points");
    let filter = ("filters", r#"{"category":{"in":{"values":["rare"]}}}"#);
    let query = ("q", "SELECT * FROM points WHERE value > 50");
    let sources = [
        ("table", vec![table]),
        ("1 % filter", vec![table, filter]),
        ("SELECT * WHERE", vec![query]),
    ];
    for (label, parameters) in &sources {
        let pairs = parameters
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let kind = if parameters[0].0 == "q" { "query" } else { "table" };
        let source = Source::open(&connection, SourceRequest::of_map(kind, &Parameters::from_url(pairs))?).await?;
        let cold = Tiler::new(TilerOptions {
            uses_resident_tables: false,
            cache_bytes: 0,
        });
        if *label == "table" {
            for z in [12, 13, 14] {
                measure(
                    &format!("{label}, first touch"),
                    &cold,
                    &source,
                    z,
                    TileFormat::Binary,
                    TileResolution::Half,
                )
                .await?;
            }
        }
        let warm = Tiler::new(TilerOptions {
            cache_bytes: 0,
            ..TilerOptions::default()
        });
        let start = Cost::now();
        while warm_up(&warm, &source).await? {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        say(&format!(
            "{label}: in memory after {}, resident {} MB",
            start.since(),
            resident_megabytes()
        ));
        for z in 0..=14 {
            measure(label, &warm, &source, z, TileFormat::Binary, TileResolution::Half).await?;
        }
        for z in [0, 4, 8, 12, 14] {
            measure(
                &format!("{label}, mvt"),
                &warm,
                &source,
                z,
                TileFormat::Mvt,
                TileResolution::Half,
            )
            .await?;
            measure(
                &format!("{label}, resolution 1"),
                &warm,
                &source,
                z,
                TileFormat::Binary,
                TileResolution::One,
            )
            .await?;
        }
        say(&format!("resident {} MB", resident_megabytes()));
    }
    Ok(())
}

/// Draws one deep tile; true while the table is still being read into memory.
async fn warm_up(tiler: &Tiler, source: &Source) -> Result<bool, Failure> {
    let coord = TileCoord::of_world(16, place(1));
    tiler
        .tile(
            source,
            &request(coord, TileFormat::Binary, TileResolution::Half),
            CancellationToken::new(),
        )
        .await?;
    Ok(!tiler.is_in_memory(source))
}

async fn measure(
    label: &str,
    tiler: &Tiler,
    source: &Source,
    z: u8,
    format: TileFormat,
    resolution: TileResolution,
) -> Result<(), Failure> {
    // Tiles where rows are, so that dense places come up often.
    let coords: std::collections::BTreeSet<TileCoord> =
        (0..TILES).map(|i| TileCoord::of_world(z, place(i * 7919))).collect();
    let (mut shown, mut total, mut bytes) = (0, 0, 0);
    let start = Cost::now();
    for &coord in &coords {
        if let Some(tile) = tiler
            .tile(source, &request(coord, format, resolution), CancellationToken::new())
            .await?
        {
            shown += tile.shown;
            total += tile.total;
            bytes += tile.body.len();
        }
    }
    let tiles = coords.len() as f64;
    let cost = start.since();
    say(&format!(
        "{label:>24} z{z:<2} {:>7.2} ms CPU {:>7.2} ms wall per tile, {:>8.0} of {:>9.0} points, {:>6.0} kB",
        cost.cpu_ms / tiles,
        cost.wall_ms / tiles,
        shown as f64 / tiles,
        total as f64 / tiles,
        bytes as f64 / tiles / 1e3
    ));
    Ok(())
}

fn request(coord: TileCoord, format: TileFormat, resolution: TileResolution) -> TileRequest {
    TileRequest {
        coord,
        format,
        resolution,
        columns: None,
        feature_bbox: false,
    }
}

/// SplitMix64 as a number in [0, 1).
fn noise(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Rows crowd around centres, a few of which are far larger than the others.
fn lonlat(row: u64) -> [f64; 2] {
    let centre = (noise(row * 8).powi(3) * CENTRES as f64) as u64;
    let [lon, lat] = [
        noise(centre * 2 + 1) * 340.0 - 170.0,
        noise(centre * 2 + 2) * 120.0 - 55.0,
    ];
    let radius = (-2.0 * (1.0 - noise(row * 8 + 1)).ln()).sqrt() * (0.02 + 0.08 * noise(centre + 99));
    let angle = noise(row * 8 + 2) * std::f64::consts::TAU;
    [lon + radius * angle.cos(), lat + radius * angle.sin()]
}

fn place(row: u64) -> [u32; 2] {
    let [lon, lat] = lonlat(row);
    mercator::world_from_lonlat(lon, lat).unwrap_or_default()
}

fn schema() -> SchemaRef {
    let geometry = [
        ("ARROW:extension:name".to_owned(), "geoarrow.wkb".to_owned()),
        (
            "ARROW:extension:metadata".to_owned(),
            r#"{"crs":"EPSG:4326"}"#.to_owned(),
        ),
    ];
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("category", DataType::Utf8, false),
        Field::new("value", DataType::Float64, false),
        Field::new("country", DataType::Utf8, false),
        Field::new("geom", DataType::Binary, false).with_metadata(geometry.into_iter().collect()),
    ]))
}

async fn write(warehouse: &Warehouse, name: &TableName, rows: u64) -> Result<(), Failure> {
    let batches = (0..rows.div_ceil(BATCH)).map(move |batch| {
        let ids = batch * BATCH..(batch * BATCH + BATCH).min(rows);
        let wkb: Vec<[u8; 21]> = ids
            .clone()
            .map(|row| {
                let [lon, lat] = lonlat(row);
                let mut wkb = [0; 21];
                wkb[..5].copy_from_slice(&[1, 1, 0, 0, 0]);
                wkb[5..13].copy_from_slice(&lon.to_le_bytes());
                wkb[13..].copy_from_slice(&lat.to_le_bytes());
                wkb
            })
            .collect();
        let category = |row: u64| match (noise(row * 8 + 3) * 100.0) as u32 {
            0 => "rare",
            1..=40 => "common",
            41..=70 => "other",
            _ => "else",
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(ids.clone().map(|row| row as i64))),
            Arc::new(StringArray::from_iter_values(ids.clone().map(category))),
            Arc::new(Float64Array::from_iter_values(
                ids.clone().map(|row| (noise(row * 8 + 4) * 1e4).round() / 100.0),
            )),
            Arc::new(StringArray::from_iter_values(
                ids.clone()
                    .map(|row| format!("C{}", (noise(row * 8 + 5) * 200.0) as u32)),
            )),
            Arc::new(BinaryArray::from_iter_values(wkb)),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    });
    let stream = RecordBatchStreamAdapter::new(schema(), futures::stream::iter(batches));
    let actor = Actor::Operator {
        organisation: Id::new(),
    };
    warehouse
        .write_table(
            &actor,
            name,
            WriteMode::Create,
            Box::pin(stream),
            WriteOptions::default(),
        )
        .await?;
    Ok(())
}

/// Processor and wall time at one moment, or between two.
struct Cost {
    cpu_ms: f64,
    wall_ms: f64,
    at: Instant,
}

impl Cost {
    fn now() -> Self {
        Cost {
            cpu_ms: process_cpu_ms(),
            wall_ms: 0.0,
            at: Instant::now(),
        }
    }

    fn since(&self) -> Cost {
        Cost {
            cpu_ms: process_cpu_ms() - self.cpu_ms,
            wall_ms: self.at.elapsed().as_secs_f64() * 1e3,
            at: self.at,
        }
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} ms CPU, {:.0} ms wall", self.cpu_ms, self.wall_ms)
    }
}

/// User and system time of this process: fields 14 and 15 of `/proc/self/stat`, in hundredths of a second.
fn process_cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks * 10.0
}

fn resident_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn say(text: &str) {
    use std::io::Write as _;
    // A closed pipe is no reason to panic.
    let _ = writeln!(std::io::stdout(), "{text}");
}
