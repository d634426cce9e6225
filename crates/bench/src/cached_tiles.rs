//! Tiles that are encoded and compressed already, beside nginx serving the same bytes as static files to the same
//! requests, over a connection that stays open.

use std::fs;
use std::path::Path;

use crate::groma::{Server, tile_path};
use crate::lines::Lines;
use crate::nginx::Nginx;
use crate::points::{COLUMNS, Plan, wait_until_resident};
use crate::{Result, say};

const SIZES: [(&str, f64, usize); 2] = [("2 kB", 2_000.0, 20_000), ("150 kB", 150_000.0, 4000)];
const ENCODINGS: [&str; 2] = ["gzip", "br"];
/// Times the cost of nginx.
const MOST: f64 = 2.0;
/// Requests that take turns with the peer's.
const TURN: usize = 500;

pub(crate) fn measure(server: &mut Server, work: &Path, plan: &Plan, lines: &mut Lines) -> Result<()> {
    let template = server.tiles_of("table", &[("name", "bench.points"), COLUMNS], "mvt")?;
    // The first tiles bring columns into memory; what that costs is not the cost of a cached tile.
    wait_until_resident(server, &template, plan)?;
    for encoding in ENCODINGS {
        for (name, size, requests) in SIZES {
            let (path, body) = tile_of_size(server, &template, plan, encoding, size)?;
            let folder = work.join("nginx");
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("tile"), &body)?;
            let mut nginx = Nginx::start(&folder, encoding)?;
            // The same query and headers, so that both read as much.
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let file = format!("/tile?{query}");
            let bearer = server.bearer();
            let mut costs = [0.0; 2];
            for turn in 0..=requests / TURN {
                let before = [server.precise_cpu_ms()?, nginx.cpu_ms()?];
                for _ in 0..TURN {
                    let ours = server.get(&path, encoding)?;
                    if ours.body != body || ours.header("content-encoding") != Some(encoding) {
                        return Err(format!("{path} is not the cached {encoding} tile").into());
                    }
                }
                for _ in 0..TURN {
                    let theirs = nginx
                        .client
                        .get(&file, &[("Authorization", &bearer), ("Accept-Encoding", encoding)])?;
                    if theirs.body != body {
                        return Err(format!("nginx: status {}", theirs.status).into());
                    }
                }
                // The first turn warms both.
                if turn > 0 {
                    costs[0] += server.precise_cpu_ms()? - before[0];
                    costs[1] += nginx.cpu_ms()? - before[1];
                }
            }
            let section = "cached tiles (CPU microseconds per request)";
            let microseconds = |cost: f64| cost * 1000.0 / (requests / TURN * TURN) as f64;
            lines.figure(
                section,
                &format!("{encoding}, {name} ({} bytes), Groma", body.len()),
                microseconds(costs[0]),
            );
            lines.figure(section, &format!("{encoding}, {name}, nginx"), microseconds(costs[1]));
            lines.at_most(
                &format!("cached tile, {encoding}, {name}, times nginx"),
                costs[0] / costs[1],
                MOST,
            );
        }
    }
    Ok(())
}

/// The tile whose compressed body comes nearest to a size.
fn tile_of_size(
    server: &mut Server,
    template: &str,
    plan: &Plan,
    encoding: &str,
    size: f64,
) -> Result<(String, Vec<u8>)> {
    const PROBED: usize = 40;
    let mut best: Option<(f64, String, Vec<u8>)> = None;
    for z in [14, 13, 12, 11, 10, 8, 6] {
        for tile in plan.tiles(z).iter().take(PROBED) {
            let path = tile_path(template, *tile);
            let response = server.get(&path, encoding)?;
            if response.status != 200 {
                continue;
            }
            let distance = (response.body.len() as f64 / size).ln().abs();
            if best.as_ref().is_none_or(|(nearest, _, _)| distance < *nearest) {
                best = Some((distance, path, response.body));
            }
        }
        if best.as_ref().is_some_and(|(nearest, _, _)| *nearest < 0.05) {
            break;
        }
    }
    let (distance, path, body) = best.ok_or("no tile to serve")?;
    if distance > 0.5 {
        say(&format!("no tile near {size} bytes: the nearest has {}", body.len()));
    }
    // Compression may come after the first answer; what is served from now on is the cached form.
    let body = server
        .get(&path, encoding)
        .map(|response| response.body)
        .unwrap_or(body);
    Ok((path, body))
}
