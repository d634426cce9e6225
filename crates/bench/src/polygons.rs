//! Tiles of US counties beside PostGIS.

use crate::Result;
use crate::groma::Server;
use crate::lines::Lines;
use crate::points::draw;
use crate::postgis::Postgis;

/// Tiles around the middle of the United States at each zoom.
const ZOOMS: std::ops::RangeInclusive<u32> = 3..=10;
const SIDE: u32 = 4;

pub(crate) async fn measure(server: &mut Server, postgis: &mut Postgis, lines: &mut Lines) -> Result<()> {
    let template = server.tiles_of("table", &[("name", "bench.counties"), ("columns", "geoid,name")], "mvt")?;
    for z in ZOOMS {
        let [x, y] = spatial::mercator::unit_from_lonlat(-95.0, 38.0).map(|unit| (unit * f64::from(1_u32 << z)) as u32);
        let tiles: Vec<[u32; 3]> = (0..SIDE * SIDE)
            .map(|index| {
                [
                    z,
                    (x + index % SIDE).saturating_sub(SIDE / 2),
                    (y + index / SIDE).saturating_sub(SIDE / 2),
                ]
            })
            .collect();
        draw(server, &template, &tiles[..1], "identity")?;
        let ours = draw(server, &template, &tiles, "identity")?;
        postgis.counties_tile(tiles[0]).await?;
        let before = postgis.cpu_ms()?;
        for tile in &tiles {
            postgis.counties_tile(*tile).await?;
        }
        let section = "US counties (CPU ms per tile)";
        lines.figure(section, &format!("z{z} Groma"), ours.cpu_ms_per_tile);
        lines.figure(
            section,
            &format!("z{z} PostGIS ST_AsMVT"),
            (postgis.cpu_ms()? - before) / tiles.len() as f64,
        );
    }
    Ok(())
}
