//! Everything below the labels: land, water, roads, buildings, borders.

use serde_json::{Value, json};

use super::palette::Palette;
use super::{by_zoom, geometry_is, kind_is};

pub(super) fn layers(p: &Palette) -> Vec<Value> {
    let mut layers = vec![
        json!({"id": "background", "type": "background", "paint": {"background-color": p.ground}}),
        fill(
            "landcover_wood",
            "landcover",
            kind_is(&["forest", "wood", "scrub", "shrub"]),
            p.wood,
        ),
        fill(
            "landcover_grass",
            "landcover",
            kind_is(&["grassland", "grass", "farmland"]),
            p.wood,
        ),
        fill("ice_landcover", "landcover", kind_is(&["glacier", "ice"]), p.ice),
        fill("landcover_urban", "landcover", kind_is(&["urban_area"]), p.built),
        fill(
            "landcover_wood_detail",
            "landuse",
            kind_is(&["forest", "wood", "scrub"]),
            p.wood,
        ),
        fill(
            "park_area",
            "landuse",
            kind_is(&[
                "park",
                "national_park",
                "nature_reserve",
                "protected_area",
                "garden",
                "golf_course",
                "cemetery",
                "recreation_ground",
                "pitch",
            ]),
            p.park,
        ),
        fill(
            "industrial_area",
            "landuse",
            kind_is(&["industrial", "railway", "aerodrome", "military", "port"]),
            p.industrial,
        ),
        fill("water", "water", geometry_is("Polygon"), p.water),
        line(
            "waterway",
            "water",
            json!(["all", geometry_is("LineString"), kind_is(&["river", "canal", "stream"])]),
            p.waterway,
            by_zoom(1.3, &[(3.0, 0.4), (7.0, 1.0), (12.0, 2.0), (18.0, 8.0)]),
        ),
    ];
    layers.extend(roads(p));
    layers.push(json!({
        "id": "building", "type": "fill", "source": "basemap", "source-layer": "buildings", "minzoom": 13,
        "paint": {"fill-color": p.building, "fill-opacity": by_zoom(1.0, &[(13.0, 0.0), (14.5, 1.0)])}
    }));
    layers.extend(boundaries(p));
    layers
}

fn roads(p: &Palette) -> Vec<Value> {
    let path = kind_is(&["path"]);
    let rail = kind_is(&["rail"]);
    let minor = kind_is(&["minor_road", "other"]);
    let major = kind_is(&["major_road"]);
    let highway = kind_is(&["highway"]);
    let widths: [&[(f64, f64)]; 3] = [
        &[(11.0, 0.3), (14.0, 2.0), (18.0, 11.0)],
        &[(7.0, 0.4), (11.0, 1.2), (14.0, 3.0), (18.0, 15.0)],
        &[(3.0, 0.2), (7.0, 0.8), (11.0, 2.0), (14.0, 4.0), (18.0, 18.0)],
    ];
    let casing = |stops: &[(f64, f64)]| {
        by_zoom(
            1.5,
            &stops.iter().map(|(z, w)| (*z, w + 0.6 + w * 0.1)).collect::<Vec<_>>(),
        )
    };
    let width = |stops: &[(f64, f64)]| by_zoom(1.5, stops);
    let from = |zoom: u8, mut layer: Value| {
        layer["minzoom"] = json!(zoom);
        layer
    };
    vec![
        from(
            14,
            line(
                "road_path",
                "roads",
                path,
                p.path,
                by_zoom(1.3, &[(14.0, 0.5), (18.0, 2.0)]),
            ),
        ),
        from(
            11,
            line(
                "railway",
                "roads",
                rail,
                p.railway,
                by_zoom(1.3, &[(11.0, 0.5), (18.0, 2.5)]),
            ),
        ),
        from(
            12,
            line("road_minor_casing", "roads", minor.clone(), p.casing, casing(widths[0])),
        ),
        from(
            9,
            line("road_major_casing", "roads", major.clone(), p.casing, casing(widths[1])),
        ),
        from(
            6,
            line(
                "road_highway_casing",
                "roads",
                highway.clone(),
                p.casing,
                casing(widths[2]),
            ),
        ),
        from(11, line("road_minor", "roads", minor, p.minor_road, width(widths[0]))),
        from(8, line("road_major", "roads", major, p.major_road, width(widths[1]))),
        from(5, line("road_highway", "roads", highway, p.highway, width(widths[2]))),
    ]
}

fn boundaries(p: &Palette) -> Vec<Value> {
    let is_country = json!([
        "any",
        ["==", ["get", "kind"], "country"],
        ["<=", ["to-number", ["get", "kind_detail"], 99], 2]
    ]);
    let disputed = json!(["to-boolean", ["coalesce", ["get", "disputed"], false]]);
    let country_width = || by_zoom(1.2, &[(0.0, 0.5), (3.0, 0.9), (6.0, 1.3), (10.0, 2.2)]);
    let dashed = |mut layer: Value, dashes: [f64; 2]| {
        layer["paint"]["line-dasharray"] = json!(dashes);
        layer
    };
    let region = line(
        "boundary_region",
        "boundaries",
        json!(["!", is_country.clone()]),
        p.region_border,
        by_zoom(1.2, &[(3.0, 0.4), (6.0, 0.8), (10.0, 1.4)]),
    );
    let mut region = dashed(region, [3.0, 2.0]);
    region["minzoom"] = json!(3);
    region["paint"]["line-opacity"] = by_zoom(1.0, &[(3.0, 0.5), (5.0, 1.0)]);
    vec![
        region,
        line(
            "boundary_country",
            "boundaries",
            json!(["all", is_country.clone(), ["!", disputed.clone()]]),
            p.country_border,
            country_width(),
        ),
        dashed(
            line(
                "boundary_country_disputed",
                "boundaries",
                json!(["all", is_country, disputed]),
                p.country_border,
                country_width(),
            ),
            [3.0, 2.5],
        ),
    ]
}

fn fill(id: &str, source_layer: &str, filter: Value, color: &str) -> Value {
    json!({
        "id": id, "type": "fill", "source": "basemap", "source-layer": source_layer,
        "filter": filter, "paint": {"fill-color": color}
    })
}

fn line(id: &str, source_layer: &str, filter: Value, color: &str, width: Value) -> Value {
    json!({
        "id": id, "type": "line", "source": "basemap", "source-layer": source_layer, "filter": filter,
        "layout": {"line-cap": "round", "line-join": "round"},
        "paint": {"line-color": color, "line-width": width}
    })
}
