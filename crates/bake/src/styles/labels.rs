//! The labels, from the least to the most important: MapLibre places the topmost layer first.

use serde_json::{Value, json};

use super::palette::Palette;
use super::{FONT, by_zoom, kind_is};

/// Label sizes in pixels: countries, cities, everything else.
const COUNTRY: &[(f64, f64)] = &[(0.0, 9.0), (2.0, 10.5), (4.0, 12.5), (7.0, 16.0)];
const CITY: &[(f64, f64)] = &[(3.0, 10.5), (6.0, 12.0), (10.0, 15.0)];
const OTHER: &[(f64, f64)] = &[(1.0, 9.0), (5.0, 10.5), (12.0, 12.0)];

pub(super) fn layers(p: &Palette) -> Vec<Value> {
    vec![
        water(
            "watername_lake",
            kind_is(&["lake", "river", "water", "reservoir"]),
            6,
            p,
        ),
        road_names(p),
        place(
            "place_neighbourhood",
            kind_is(&["neighbourhood", "macrohood"]),
            12,
            OTHER,
            p.minor_label,
            p,
        ),
        place_dots(p),
        cities("place_city", json!(["==", ["get", "kind"], "locality"]), p),
        water("watername_sea", kind_is(&["sea", "bay", "strait", "fjord"]), 3, p),
        water("watername_ocean", kind_is(&["ocean"]), 1, p),
        region(p),
        country(p),
    ]
}

fn country(p: &Palette) -> Value {
    let mut layer = place("place_country", kind_is(&["country"]), 0, COUNTRY, p.country_label, p);
    layer["maxzoom"] = json!(9);
    layer["layout"]["text-transform"] = json!("uppercase");
    layer["layout"]["text-letter-spacing"] = json!(0.06);
    layer["layout"]["text-max-width"] = json!(7);
    layer["layout"]["text-padding"] = json!(3);
    layer
}

fn region(p: &Palette) -> Value {
    let mut layer = place("place_region", kind_is(&["region"]), 5, OTHER, p.minor_label, p);
    layer["maxzoom"] = json!(9);
    layer["layout"]["text-transform"] = json!("uppercase");
    layer["layout"]["text-letter-spacing"] = json!(0.08);
    layer
}

fn cities(id: &str, filter: Value, p: &Palette) -> Value {
    let mut layer = place(id, filter, 3, CITY, p.city_label, p);
    // Beside its dot while there is one, then in its place.
    layer["layout"]["text-variable-anchor"] = json!(["left", "right", "bottom", "top"]);
    layer["layout"]["text-radial-offset"] = by_zoom(1.0, &[(7.9, 0.45), (8.0, 0.0)]);
    layer["layout"]["text-justify"] = json!("auto");
    layer["layout"]["text-padding"] = json!(4);
    layer
}

/// A dot marks where a city lies while the city itself is too small to see.
fn place_dots(p: &Palette) -> Value {
    json!({
        "id": "place_dot", "type": "circle", "source": "basemap", "source-layer": "places",
        "minzoom": 3, "maxzoom": 8,
        "filter": ["all", kind_is(&["locality"]), [">", ["zoom"], ["+", ["to-number", ["get", "min_zoom"], 9], -0.01]]],
        "paint": {
            "circle-radius": ["case", ["==", ["get", "capital"], "yes"], 2.2, 1.5],
            "circle-color": p.city_label,
            "circle-opacity": 0.8,
            "circle-stroke-color": p.halo,
            "circle-stroke-width": 1
        }
    })
}

fn road_names(p: &Palette) -> Value {
    json!({
        "id": "roadname_major", "type": "symbol", "source": "basemap", "source-layer": "roads", "minzoom": 12,
        "filter": kind_is(&["highway", "major_road", "minor_road"]),
        "layout": {
            "symbol-placement": "line", "text-field": name(), "text-font": [FONT],
            "text-size": by_zoom(1.0, OTHER), "symbol-spacing": 300
        },
        "paint": {"text-color": p.minor_label, "text-halo-color": p.halo, "text-halo-width": 1, "text-halo-blur": 0.5}
    })
}

fn water(id: &str, kinds: Value, min_zoom: u8, p: &Palette) -> Value {
    json!({
        "id": id, "type": "symbol", "source": "basemap", "source-layer": "water", "minzoom": min_zoom,
        "filter": ["all", ["==", ["geometry-type"], "Point"], ["has", "name"], kinds],
        "layout": {
            "text-field": name(), "text-font": [FONT], "text-size": by_zoom(1.0, OTHER),
            "text-letter-spacing": 0.1, "text-max-width": 6, "text-line-height": 1.3, "text-padding": 8
        },
        "paint": {"text-color": p.water_label, "text-halo-color": p.water_halo, "text-halo-width": 1}
    })
}

fn place(id: &str, filter: Value, min_zoom: u8, size: &[(f64, f64)], color: &str, p: &Palette) -> Value {
    json!({
        "id": id, "type": "symbol", "source": "basemap", "source-layer": "places", "minzoom": min_zoom,
        "filter": filter,
        "layout": {
            "text-field": name(), "text-font": [FONT], "text-size": by_zoom(1.0, size), "text-max-width": 8,
            "text-line-height": 1.15,
            "symbol-sort-key": ["to-number", ["coalesce", ["get", "sort_key"], ["get", "min_zoom"]], 99]
        },
        "paint": {"text-color": color, "text-halo-color": p.halo, "text-halo-width": 1.2, "text-halo-blur": 0.5}
    })
}

fn name() -> Value {
    json!(["coalesce", ["get", "name:en"], ["get", "name"]])
}
