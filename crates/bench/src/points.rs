//! Tiles of ten million points, each a different one: from memory beside PostGIS, and at first touch from files.

use std::collections::HashSet;

use spatial::mercator::unit_from_lonlat;

use crate::duckdb::{self, DuckDb};
use crate::groma::{Server, tile_path};
use crate::lines::Lines;
use crate::postgis::Postgis;
use crate::{Result, say};

/// A tile with more points than this is thinned by Groma, so it is not the same work.
const MOST_POINTS: f64 = 10_000.0;
/// Tiles that DuckDB draws per zoom: it is here for orientation.
const TILES_OF_DUCKDB: usize = 20;
/// Tiles per zoom at first touch.
const TILES_AT_FIRST_TOUCH: usize = 100;
/// Tiles per zoom of parts that have no peer.
const TILES_OF_LOW_ZOOMS: usize = 12;

pub(crate) const COLUMNS: (&str, &str) = ("columns", "id,cat,value,cc");

/// Which tiles are drawn: those of rows spread over the table, so that busy tiles come up more.
pub(crate) struct Plan {
    by_zoom: Vec<Vec<[u32; 3]>>,
}

impl Plan {
    pub(crate) async fn choose(postgis: &mut Postgis, tiles: usize) -> Result<Plan> {
        say("choosing tiles");
        let sample = postgis.sample(997).await?;
        let mut by_zoom = Vec::new();
        for z in 0..=14_u32 {
            let wanted = if z <= 8 { TILES_OF_LOW_ZOOMS } else { tiles };
            let mut seen = HashSet::new();
            let mut chosen = Vec::new();
            for [lon, lat] in &sample {
                if chosen.len() == wanted {
                    break;
                }
                let [x, y] = unit_from_lonlat(*lon, *lat);
                let side = f64::from(1_u32 << z);
                let tile = [
                    z,
                    ((x * side) as u32).min((1 << z) - 1),
                    ((y * side) as u32).min((1 << z) - 1),
                ];
                let fits = !matches!(z, 12 | 14) || {
                    let [z, x, y] = tile;
                    postgis
                        .number(&format!(
                            "SELECT count(*)::float8 FROM points WHERE geom && ST_TileEnvelope({z}, {x}, {y})"
                        ))
                        .await?
                        <= MOST_POINTS
                };
                if fits && seen.insert(tile) {
                    chosen.push(tile);
                }
            }
            by_zoom.push(chosen);
        }
        Ok(Plan { by_zoom })
    }

    pub(crate) fn tiles(&self, z: usize) -> &[[u32; 3]] {
        &self.by_zoom[z]
    }

    /// Tiles of all zooms, mixed.
    pub(crate) fn mixed(&self) -> Vec<[u32; 3]> {
        let longest = self.by_zoom.iter().map(Vec::len).max().unwrap_or(0);
        (0..longest)
            .flat_map(|index| self.by_zoom.iter().filter_map(move |tiles| tiles.get(index)).copied())
            .collect()
    }
}

/// What drawing tiles cost.
pub(crate) struct Cost {
    pub(crate) cpu_ms_per_tile: f64,
    pub(crate) features_per_tile: f64,
    pub(crate) bytes_per_tile: f64,
}

/// Draws tiles of a template and says what it cost the server.
pub(crate) fn draw(server: &mut Server, template: &str, tiles: &[[u32; 3]], encoding: &str) -> Result<Cost> {
    let (mut features, mut bytes) = (0, 0);
    let before = server.cpu_ms()?;
    for tile in tiles {
        let response = server.get(&tile_path(template, *tile), encoding)?;
        if response.status != 200 && response.status != 204 {
            return Err(format!(
                "tile {tile:?}: {}: {}",
                response.status,
                String::from_utf8_lossy(&response.body)
            )
            .into());
        }
        bytes += response.body.len();
        if template.contains("formatTiles=mvt") && encoding == "identity" {
            features += mvt_features(&response.body);
        }
    }
    let count = tiles.len() as f64;
    Ok(Cost {
        cpu_ms_per_tile: (server.cpu_ms()? - before) / count,
        features_per_tile: features as f64 / count,
        bytes_per_tile: bytes as f64 / count,
    })
}

/// Columns in memory, beside the peers.
pub(crate) async fn warm(
    server: &mut Server,
    postgis: &mut Postgis,
    duckdb: &mut DuckDb,
    plan: &Plan,
    lines: &mut Lines,
) -> Result<()> {
    let template = server.tiles_of("table", &[("name", "bench.points"), COLUMNS], "mvt")?;
    wait_until_resident(server, &template, plan)?;
    for z in [14, 12, 11, 10, 9] {
        let tiles = plan.tiles(z);
        let ours = draw(server, &template, tiles, "identity")?;
        let section = "points, tiles from memory (CPU ms per tile, features per tile)";
        lines.figure(section, &format!("z{z} Groma"), ours.cpu_ms_per_tile);
        lines.figure(section, &format!("z{z} Groma, features"), ours.features_per_tile);
        let peers = if matches!(z, 12 | 14) {
            tiles
        } else {
            &tiles[..tiles.len().min(TILES_OF_DUCKDB)]
        };
        let (theirs, their_features) = draw_in_postgis(postgis, peers).await?;
        lines.figure(section, &format!("z{z} PostGIS ST_AsMVT"), theirs);
        lines.figure(section, &format!("z{z} PostGIS ST_AsMVT, features"), their_features);
        let few = &tiles[..tiles.len().min(TILES_OF_DUCKDB)];
        let before = duckdb.cpu_ms()?;
        for tile in few {
            duckdb.rows(&duckdb::points_tile(*tile))?;
        }
        lines.figure(
            section,
            &format!("z{z} DuckDB ST_AsMVT"),
            (duckdb.cpu_ms()? - before) / few.len() as f64,
        );
        match z {
            12 => lines.at_most(
                "points z12, tile from memory, no more than PostGIS",
                ours.cpu_ms_per_tile,
                theirs,
            ),
            14 => lines.at_most(
                "points z14, tile from memory, PostGIS + 0.3",
                ours.cpu_ms_per_tile,
                theirs + 0.3,
            ),
            _ => lines.at_most(&format!("points z{z}, tile from memory"), ours.cpu_ms_per_tile, 15.0),
        }
        if matches!(z, 12 | 14) && (ours.features_per_tile - their_features).abs() > 0.001 * their_features {
            let message = format!(
                "z{z}: {} features a tile, PostGIS {their_features}",
                ours.features_per_tile
            );
            return Err(format!("the tiles do not hold the same points: {message}").into());
        }
    }
    let binary = server.tiles_of("table", &[("name", "bench.points"), COLUMNS], "binary")?;
    for z in [14, 12, 9] {
        let cost = draw(server, &binary, plan.tiles(z), "identity")?;
        lines.figure(
            "points, tiles from memory in CARTO's binary format (CPU ms per tile)",
            &format!("z{z}"),
            cost.cpu_ms_per_tile,
        );
    }
    Ok(())
}

/// Tiles bring the columns into memory, beside the answers: draws some until the server rests between them.
pub(crate) fn wait_until_resident(server: &mut Server, template: &str, plan: &Plan) -> Result<()> {
    const DRAWN: usize = 10;
    wait_until_rested(server, |server| {
        for z in [0, 9, 12, 14] {
            let tiles = plan.tiles(z);
            draw(server, template, &tiles[..tiles.len().min(DRAWN)], "identity")?;
        }
        Ok(())
    })
}

/// Asks the server for something until it does nothing between two times.
pub(crate) fn wait_until_rested(server: &mut Server, mut ask: impl FnMut(&mut Server) -> Result<()>) -> Result<()> {
    const QUIET_ROUNDS: usize = 3;
    let mut quiet = 0;
    for _ in 0..240 {
        ask(server)?;
        let before = server.cpu_ms()?;
        std::thread::sleep(std::time::Duration::from_millis(250));
        quiet = if server.cpu_ms()? - before < 20.0 { quiet + 1 } else { 0 };
        if quiet == QUIET_ROUNDS {
            return Ok(());
        }
    }
    Err("the server does not come to rest".into())
}

async fn draw_in_postgis(postgis: &mut Postgis, tiles: &[[u32; 3]]) -> Result<(f64, f64)> {
    // The first execution of a statement is planned.
    postgis.points_tile(tiles[0]).await?;
    let mut features = 0;
    let before = postgis.cpu_ms()?;
    for tile in tiles {
        features += mvt_features(&postgis.points_tile(*tile).await?);
    }
    let count = tiles.len() as f64;
    Ok(((postgis.cpu_ms()? - before) / count, features as f64 / count))
}

/// No column in memory: every tile is read from Parquet.
pub(crate) fn first_touch(server: &mut Server, plan: &Plan, lines: &mut Lines) -> Result<()> {
    let template = server.tiles_of("table", &[("name", "bench.points"), COLUMNS], "mvt")?;
    // File footers and page indexes are read once per server.
    draw(server, &template, &plan.tiles(13)[..1], "identity")?;
    for z in [12, 13, 14] {
        let tiles = plan.tiles(z);
        let cost = draw(
            server,
            &template,
            &tiles[1..tiles.len().min(TILES_AT_FIRST_TOUCH + 1)],
            "identity",
        )?;
        lines.at_most(
            &format!("points z{z}, first touch from Parquet"),
            cost.cpu_ms_per_tile,
            10.0,
        );
    }
    Ok(())
}

/// Features in the layers of a Mapbox vector tile: fields 2 of fields 3.
pub(crate) fn mvt_features(tile: &[u8]) -> usize {
    fields(tile)
        .filter(|(field, _)| *field == 3)
        .flat_map(|(_, layer)| fields(layer))
        .filter(|(field, _)| *field == 2)
        .count()
}

/// The length-delimited fields of a protobuf message.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            let key = varint(&mut message)?;
            match key & 7 {
                0 => {
                    varint(&mut message)?;
                }
                1 => message = message.get(8..)?,
                2 => {
                    let length = usize::try_from(varint(&mut message)?).ok()?;
                    let (content, rest) = message.split_at_checked(length)?;
                    message = rest;
                    return Some((key >> 3, content));
                }
                5 => message = message.get(4..)?,
                _ => return None,
            }
        }
    })
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
