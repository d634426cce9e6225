//! Eight clients at once: tiles of all zooms and widgets, so that the peak of memory is a real one.

use std::thread;

use serde_json::json;

use crate::groma::{Server, tile_path};
use crate::http::{Client, encoded};
use crate::points::{COLUMNS, Plan};
use crate::{Failure, Result};

const CLIENTS: usize = 8;
const REQUESTS: usize = 150;

pub(crate) fn parallel_clients(server: &Server, plan: &Plan) -> Result<()> {
    let tiles = plan.mixed();
    let bearer = format!("Bearer {}", server.token);
    let mut first = Client::connect(&server.address)?;
    let path = format!(
        "/v3/maps/carto_dw/table?name=bench.points&{}={}&format=tilejson",
        COLUMNS.0,
        encoded(COLUMNS.1)
    );
    let tilejson = first.get(&path, &[("Authorization", &bearer)])?.json()?;
    let url = tilejson["tiles"][0].as_str().ok_or("no tiles")?;
    let template = format!("/{}", url.splitn(4, '/').nth(3).ok_or("an odd tile URL")?);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| {
                let (tiles, bearer, template) = (&tiles, &bearer, &template);
                scope.spawn(move || -> Result<()> {
                    let mut client = Client::connect(&server.address)?;
                    for request in 0..REQUESTS {
                        let tile = tiles[(index * 7919 + request * 104_729) % tiles.len()];
                        let path = if request % 10 == 9 {
                            widget(index + request)
                        } else {
                            tile_path(template, tile)
                        };
                        let response = client.get(&path, &[("Authorization", bearer), ("Accept-Encoding", "gzip")])?;
                        if response.status != 200 && response.status != 204 {
                            return Err(format!(
                                "{path}: {}: {}",
                                response.status,
                                String::from_utf8_lossy(&response.body)
                            )
                            .into());
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().map_err(|_| Failure::from("a client panicked"))?)
    })
}

/// A widget over a box somewhere in Europe.
fn widget(number: usize) -> String {
    let west = -10.0 + (number * 37 % 30) as f64;
    let south = 36.0 + (number * 17 % 20) as f64;
    let (east, north) = (west + 8.0, south + 5.0);
    let polygon = json!({"geom": {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}});
    let params = r#"{"column":"cat","operation":"avg","operationColumn":"value"}"#;
    format!(
        "/v3/sql/carto_dw/model/category?type=table&source=bench.points&params={}&spatialFilters={}",
        encoded(params),
        encoded(&polygon.to_string())
    )
}
