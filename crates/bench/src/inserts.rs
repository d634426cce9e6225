//! A table that grew by a thousand one-row INSERTs and was compacted, beside the same rows freshly loaded.

use std::path::Path;
use std::time::Instant;

use access::Actor;
use database::Database;
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Sql, TableName, Warehouse, WarehouseOptions};

use crate::groma::Server;
use crate::lines::Lines;
use crate::points::{COLUMNS, Plan, draw};
use crate::{Result, say};

/// Rows that come by INSERTs of their own.
const INSERTS: u64 = 1_000;
/// Times that a tile may cost what it costs in the freshly loaded table.
const MOST: f64 = 1.5;
/// Tiles drawn of each table.
const TILES: usize = 200;

/// Makes `bench.inserted` with the rows of `bench.points_small` in a data folder that no server has open.
pub(crate) async fn prepare(data: &Path, rows: u64) -> Result<()> {
    let started = Instant::now();
    let database = Database::open(&format!("sqlite://{}", data.join("groma.db").display())).await?;
    let options = WarehouseOptions {
        storage: data.join("warehouse").display().to_string(),
        memory_limit_bytes: 1 << 30,
        spill_directory: data.join("spill"),
        resident_bytes: 0,
    };
    let warehouse = Warehouse::open(database, options).await?;
    let run = async |text: String| {
        let sql = Sql::new(text);
        warehouse
            .execute(&Actor::Anonymous, &sql, &Limits::default())
            .await
            .map_err(|error| format!("{}: {error}", sql.text))
    };
    let every = rows / INSERTS;
    run(format!(
        "CREATE OR REPLACE TABLE bench.inserted AS SELECT * FROM bench.points_small WHERE id % {every} <> 0"
    ))
    .await?;
    for number in 0..INSERTS {
        let id = number * every;
        run(format!(
            "INSERT INTO bench.inserted SELECT * FROM bench.points_small WHERE id = {id}"
        ))
        .await?;
    }
    let name = TableName::new("bench", "inserted");
    let compacted = warehouse.compact_table(&name, &CancellationToken::new(), None).await?;
    let table = warehouse.table(&name).await?;
    if table.rows != rows {
        return Err(format!("{} rows after the inserts, not {rows}", table.rows).into());
    }
    say(&format!(
        "Groma: bench.inserted, {INSERTS} inserts, {} files compacted to {}, in {:.0} s",
        compacted.files_before,
        compacted.files_after,
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Tiles at zoom 12 read from Parquet, of one table after the other.
pub(crate) fn measure(server: &mut Server, plan: &Plan, lines: &mut Lines) -> Result<()> {
    let tiles = &plan.tiles(12)[..plan.tiles(12).len().min(TILES)];
    let mut costs = Vec::new();
    for table in ["bench.points_small", "bench.inserted"] {
        let template = server.tiles_of("table", &[("name", table), COLUMNS], "mvt")?;
        // Footers and page indexes are read once per server.
        draw(server, &template, &tiles[..1], "identity")?;
        let cost = draw(server, &template, tiles, "identity")?;
        let section = "1 M points, z12 from Parquet (CPU ms per tile, features per tile)";
        lines.figure(section, table, cost.cpu_ms_per_tile);
        lines.figure(section, &format!("{table}, features"), cost.features_per_tile);
        costs.push(cost);
    }
    if costs[0].features_per_tile != costs[1].features_per_tile {
        return Err("the tiles of bench.inserted do not hold the same points".into());
    }
    lines.at_most(
        "points z12 after 1,000 one-row INSERTs and compaction, times the freshly loaded table",
        costs[1].cpu_ms_per_tile / costs[0].cpu_ms_per_tile,
        MOST,
    );
    Ok(())
}
