//! The map styles positron, dark-matter and voyager, each also without labels.
//!
//! They draw the Protomaps schema: our own world file and any detailed file that an administrator drops in.
//! Addresses begin at the root of the server, which puts its own name before them. Layer ids begin as the clients
//! of CARTO's styles expect when they show and hide groups of layers (place_, road_, water, boundary_ …).

mod labels;
mod land;
mod palette;

use std::fs;
use std::path::Path;

use palette::Palette;
use serde_json::{Value, json};

use crate::Error;

/// The only font whose glyphs we can serve to other people's pages.
const FONT: &str = "Noto Sans Regular";

pub(crate) fn bake(out: &Path) -> Result<(), Error> {
    let folder = out.join("styles");
    fs::create_dir_all(&folder).map_err(|e| Error::write(&folder, e))?;
    for palette in [palette::POSITRON, palette::DARK_MATTER, palette::VOYAGER] {
        for (suffix, with_labels) in [("", true), ("-nolabels", false)] {
            let name = format!("{}{suffix}", palette.name);
            let path = folder.join(format!("{name}.json"));
            let text =
                serde_json::to_string(&style(&name, &palette, with_labels)).map_err(|e| Error::write(&path, e))?;
            fs::write(&path, text).map_err(|e| Error::write(&path, e))?;
        }
    }
    crate::say("styles positron, dark-matter, voyager, each also without labels");
    Ok(())
}

fn style(name: &str, palette: &Palette, with_labels: bool) -> Value {
    let mut layers = land::layers(palette);
    if with_labels {
        layers.extend(labels::layers(palette));
    }
    json!({
        "version": 8,
        "name": name,
        "center": [10, 30],
        "zoom": 1.5,
        "sources": {"basemap": {"type": "vector", "url": "/basemaps/world.json"}},
        "glyphs": "/basemaps/fonts/{fontstack}/{range}.pbf",
        "layers": layers
    })
}

/// A value that grows with the zoom, by a power of `base` between the stops.
fn by_zoom(base: f64, stops: &[(f64, f64)]) -> Value {
    let mut expression = vec![json!("interpolate"), json!(["exponential", base]), json!(["zoom"])];
    for (zoom, value) in stops {
        expression.extend([json!(zoom), json!(value)]);
    }
    Value::Array(expression)
}

fn kind_is(kinds: &[&str]) -> Value {
    json!(["in", ["get", "kind"], ["literal", kinds]])
}

/// Features of one dimension; parts of a whole are named apart by some readers.
fn geometry_is(kind: &str) -> Value {
    json!(["in", ["geometry-type"], ["literal", [kind, format!("Multi{kind}")]]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(style: &Value) -> Vec<&str> {
        style["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["id"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn labels_stand_above_everything_else_and_are_left_out_without() {
        for palette in [palette::POSITRON, palette::DARK_MATTER, palette::VOYAGER] {
            let with = style("with", &palette, true);
            let types: Vec<&str> = with["layers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| l["type"].as_str().unwrap())
                .collect();
            let first_label = types.iter().position(|t| *t == "symbol").unwrap();
            assert!(
                types[first_label..].iter().all(|t| matches!(*t, "symbol" | "circle")),
                "{types:?}"
            );
            let without = style("without", &palette, false);
            assert!(
                without["layers"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|l| l["type"] != "symbol")
            );
            assert!(ids(&without).iter().all(|id| !id.starts_with("place_")));
        }
    }

    #[test]
    fn every_layer_belongs_to_a_group_that_clients_know() {
        let all = style("all", &palette::POSITRON, true);
        let groups = [
            "background",
            "place_",
            "park_",
            "water",
            "boundary_",
            "road",
            "rail",
            "bridge",
            "tunnel",
            "building",
            "landcover",
            "industrial",
            "ice_",
        ];
        for id in ids(&all) {
            assert!(groups.iter().any(|group| id.starts_with(group)), "{id}");
        }
        let mut unique = ids(&all);
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ids(&all).len());
    }

    #[test]
    fn countries_are_placed_before_cities() {
        let style = style("all", &palette::POSITRON, true);
        let at = |name: &str| ids(&style).iter().position(|id| *id == name).unwrap();
        // The topmost layer is placed first.
        assert!(at("place_country") > at("place_city"));
    }
}
