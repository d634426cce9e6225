//! Tiles of zooms 0 to 8: what they show is bounded by level of detail, so ten times the rows cost hardly more.

use crate::Result;
use crate::generator::RARE;
use crate::groma::Server;
use crate::lines::Lines;
use crate::points::{COLUMNS, Plan, draw, wait_until_resident};

/// Milliseconds that a tile may cost, scan and encoding.
const MOST: f64 = 25.0;
/// Times that ten times the rows may cost.
const MOST_GROWTH: f64 = 1.3;
/// Tiles are drawn again until a zoom had at least this many, because processor time is counted in steps of 10 ms.
const DRAWN: usize = 24;

pub(crate) fn measure(server: &mut Server, plan: &Plan, lines: &mut Lines) -> Result<()> {
    let table = [("name", "bench.points"), COLUMNS];
    let small = [("name", "bench.points_small"), COLUMNS];
    let rare = format!(r#"{{"cat":{{"in":{{"values":["{RARE}"]}}}}}}"#);
    let query = [("q", "SELECT * FROM bench.points WHERE value > 20"), COLUMNS];
    let kinds: [(&str, &str, Vec<(&str, &str)>); 4] = [
        (
            "tileResolution 0.5",
            "table",
            [&table[..], &[("tileResolution", "0.5")]].concat(),
        ),
        (
            "tileResolution 1",
            "table",
            [&table[..], &[("tileResolution", "1")]].concat(),
        ),
        (
            "1 % category filter",
            "table",
            [&table[..], &[("filters", rare.as_str())]].concat(),
        ),
        ("SELECT * FROM t WHERE value > 20", "query", query.to_vec()),
    ];
    let mut of_large = Vec::new();
    for (name, kind, parameters) in &kinds {
        let template = server.tiles_of(kind, parameters, "mvt")?;
        let costs = by_zoom(server, &template, plan, &format!("points z0-z8, {name}"), lines)?;
        let most = costs.iter().copied().fold(0.0, f64::max);
        lines.at_most(&format!("points z0-z8, {name}, the dearest zoom"), most, MOST);
        if of_large.is_empty() {
            of_large = costs;
        }
    }
    let template = server.tiles_of("table", &small, "mvt")?;
    let of_small = by_zoom(server, &template, plan, "points z0-z8, a tenth of the rows", lines)?;
    let growth = of_large.iter().sum::<f64>() / of_small.iter().sum::<f64>();
    lines.at_most(
        "points z0-z8, times the cost of a tenth of the rows",
        growth,
        MOST_GROWTH,
    );
    let template = server.tiles_of("table", &table, "mvt")?;
    for z in 0..=8 {
        let tiles = repeated(plan.tiles(z));
        let cost = draw(server, &template, &tiles, "gzip")?;
        let section = "points z0-z8, gzip on top (CPU ms per tile in all, kB per tile)";
        lines.figure(section, &format!("z{z}"), cost.cpu_ms_per_tile);
        lines.figure(section, &format!("z{z}, kB"), cost.bytes_per_tile / 1000.0);
    }
    Ok(())
}

fn repeated(tiles: &[[u32; 3]]) -> Vec<[u32; 3]> {
    tiles.iter().copied().cycle().take(DRAWN.max(tiles.len())).collect()
}

fn by_zoom(server: &mut Server, template: &str, plan: &Plan, name: &str, lines: &mut Lines) -> Result<Vec<f64>> {
    wait_until_resident(server, template, plan)?;
    (0..=8)
        .map(|z| {
            let cost = draw(server, template, &repeated(plan.tiles(z)), "identity")?;
            let section = format!("{name} (CPU ms per tile, features per tile)");
            lines.figure(&section, &format!("z{z}"), cost.cpu_ms_per_tile);
            lines.figure(&section, &format!("z{z}, features"), cost.features_per_tile);
            Ok(cost.cpu_ms_per_tile)
        })
        .collect()
}
