//! The offline basemap of the world: Natural Earth cut into vector tiles, one PMTiles file.

mod encode;
mod layers;
mod names;
mod pyramid;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use flate2::write::GzEncoder;
use pmtiles::{Compression, PmTilesWriter, TileCoord, TileType};
use serde_json::json;

use crate::Error;

/// The last zoom with tiles of its own; deeper ones are drawn from it, enlarged.
pub(crate) const MAX_ZOOM: u8 = 7;

const ATTRIBUTION: &str = "Made with <a href=\"https://www.naturalearthdata.com\">Natural Earth</a>";

pub(crate) fn bake(packages: &Path, out: &Path) -> Result<(), Error> {
    let features = layers::read(packages, MAX_ZOOM)?;
    let path = out.join("world.pmtiles");
    let write = |e: &dyn std::fmt::Display| Error::write(&path, e);
    let file = BufWriter::new(File::create(&path).map_err(|e| write(&e))?);
    let mut archive = PmTilesWriter::new(TileType::Mvt)
        .precompressed(Compression::Gzip)
        .min_zoom(0)
        .max_zoom(MAX_ZOOM)
        .bounds(-180.0, -85.05113, 180.0, 85.05113)
        .center(10.0, 30.0)
        .center_zoom(2)
        .metadata(metadata().to_string())
        .create(file)
        .map_err(|e| write(&e))?;
    for z in 0..=MAX_ZOOM {
        let mut tiles = Vec::new();
        pyramid::cut(&features, z, MAX_ZOOM, &mut |z, x, y, features| {
            tiles.extend(encode::vector_tile(z, x, y, &features).map(|tile| (x, y, tile)));
        });
        let mut compressed = Vec::with_capacity(tiles.len());
        for (x, y, tile) in tiles {
            let coord = TileCoord::new(z, x, y).map_err(|e| write(&e))?;
            compressed.push((coord, gzip(&tile).map_err(|e| write(&e))?));
        }
        // The order of the archive's directory, so that neighbours lie together.
        compressed.sort_by_key(|(coord, _)| pmtiles::TileId::from(*coord));
        let bytes: usize = compressed.iter().map(|(_, tile)| tile.len()).sum();
        let largest = compressed.iter().map(|(_, tile)| tile.len()).max().unwrap_or_default();
        crate::say(&format!(
            "zoom {z}: {:>5} tiles {:>6} kB, largest {:>3} kB",
            compressed.len(),
            bytes / 1000,
            largest / 1000
        ));
        for (coord, tile) in compressed {
            archive.add_tile(coord, &tile).map_err(|e| write(&e))?;
        }
    }
    archive.finalize().map_err(|e| write(&e))
}

fn gzip(tile: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(tile)?;
    encoder.finish()
}

fn metadata() -> serde_json::Value {
    let layer =
        |id: &str, fields: serde_json::Value| json!({"id": id, "minzoom": 0, "maxzoom": MAX_ZOOM, "fields": fields});
    json!({
        "name": "Groma world",
        "description": "Water, boundaries and places of Natural Earth, in the Protomaps schema",
        "attribution": ATTRIBUTION,
        "type": "baselayer",
        "version": "1",
        "vector_layers": [
            layer("water", json!({"kind": "String", "name": "String", "name:en": "String", "name:es": "String", "min_zoom": "Number"})),
            layer("boundaries", json!({"kind": "String", "kind_detail": "Number", "disputed": "Boolean"})),
            layer("places", json!({
                "kind": "String", "kind_detail": "String", "name": "String", "name:en": "String", "name:es": "String",
                "min_zoom": "Number", "population_rank": "Number", "sort_key": "Number", "capital": "String"
            })),
            // Empty here, but drawn by the styles: MapLibre complains about layers that nobody announced.
            layer("landcover", json!({"kind": "String"})),
            layer("landuse", json!({"kind": "String"})),
            layer("roads", json!({"kind": "String", "name": "String"})),
            layer("buildings", json!({"kind": "String"})),
        ]
    })
}
