//! Astana in OpenStreetMap: buildings, roads and points of interest, from the tiles of @mapbox/mvt-fixtures.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use geo::{BooleanOps, Centroid, Coord, Geometry, InteriorPoint, LineString, MultiLineString, MultiPolygon, Polygon};

use super::Demo;
use crate::geoparquet::{Table, along_the_curve};
use crate::{Error, packages, vector_tile};

const ATTRIBUTION: &str = "© OpenStreetMap contributors";
const LICENCE: &str = "ODbL 1.0";

/// Tags that make something a point of interest, the most telling first.
const INTEREST: [&str; 9] = [
    "amenity",
    "shop",
    "tourism",
    "leisure",
    "office",
    "healthcare",
    "historic",
    "craft",
    "public_transport",
];

/// An object of OpenStreetMap, whole again: the tiles cut it at their edges.
struct Object {
    id: i64,
    is_node: bool,
    tags: HashMap<String, String>,
    parts: Vec<Geometry<f64>>,
}

impl Object {
    fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<i32> {
        self.tag(name)?.trim().parse::<f64>().ok().map(|n| n as i32)
    }

    fn is_true(&self, name: &str) -> Option<bool> {
        self.tag(name).map(|value| value != "no")
    }

    fn interest(&self) -> Option<(&'static str, &str)> {
        INTEREST.iter().find_map(|key| Some((*key, self.tag(key)?)))
    }
}

pub(crate) fn tables(packages: &Path) -> Result<[Demo; 3], Error> {
    let objects = read(packages)?;
    Ok([buildings(&objects), roads(&objects), points_of_interest(&objects)])
}

fn buildings(objects: &[Object]) -> Demo {
    let rows = rows(objects, |o| {
        o.tag("building")
            .filter(|b| *b != "no")
            .and_then(|_| polygons(&o.parts))
            .map(polygon_geometry)
    });
    let text = |name: &'static str| rows.iter().map(move |(o, _)| o.tag(name));
    let table = table(&rows)
        .text("building", text("building"))
        .text("name", text("name"))
        .small_integer("levels", rows.iter().map(|(o, _)| o.number("building:levels")))
        .text("street", text("addr:street"))
        .text("house_number", text("addr:housenumber"));
    Demo {
        name: "astana_buildings",
        description: "Buildings of Astana, Kazakhstan, with their levels and address, as of 2017.",
        attribution: ATTRIBUTION,
        licence: LICENCE,
        table,
    }
}

fn roads(objects: &[Object]) -> Demo {
    let rows = rows(objects, |o| o.tag("highway").and_then(|_| lines(&o.parts)));
    let text = |name: &'static str| rows.iter().map(move |(o, _)| o.tag(name));
    let table = table(&rows)
        .text("highway", text("highway"))
        .text("name", text("name"))
        .text("name_en", text("name:en"))
        .text("surface", text("surface"))
        .small_integer("lanes", rows.iter().map(|(o, _)| o.number("lanes")))
        .small_integer("maxspeed", rows.iter().map(|(o, _)| o.number("maxspeed")))
        .boolean("oneway", rows.iter().map(|(o, _)| o.is_true("oneway")))
        .boolean("bridge", rows.iter().map(|(o, _)| o.is_true("bridge")))
        .boolean("tunnel", rows.iter().map(|(o, _)| o.is_true("tunnel")));
    Demo {
        name: "astana_roads",
        description: "Roads, streets and paths of Astana, Kazakhstan, as of 2017.",
        attribution: ATTRIBUTION,
        licence: LICENCE,
        table,
    }
}

/// Nodes as they are; areas by a point inside them.
fn points_of_interest(objects: &[Object]) -> Demo {
    let rows = rows(objects, |o| {
        o.interest()?;
        match (o.is_node, o.parts.first()?) {
            (true, Geometry::Point(point)) => Some((*point).into()),
            (true, _) => None,
            (false, _) => polygons(&o.parts)?.interior_point().map(Geometry::from),
        }
    });
    let text = |name: &'static str| rows.iter().map(move |(o, _)| o.tag(name));
    let table = table(&rows)
        .text(
            "osm_type",
            rows.iter().map(|(o, _)| Some(if o.is_node { "node" } else { "way" })),
        )
        .text(
            "category",
            rows.iter().map(|(o, _)| o.interest().map(|(category, _)| category)),
        )
        .text("class", rows.iter().map(|(o, _)| o.interest().map(|(_, class)| class)))
        .text("name", text("name"))
        .text("name_en", text("name:en"))
        .text("name_kk", text("name:kk"))
        .text("brand", text("brand"))
        .text("opening_hours", text("opening_hours"));
    Demo {
        name: "astana_pois",
        description: "Points of interest of Astana, Kazakhstan: amenities, shops, offices and more, as of 2017.",
        attribution: ATTRIBUTION,
        licence: LICENCE,
        table,
    }
}

/// The objects for which `shape` has a geometry, in the order of a space-filling curve.
fn rows<'a>(
    objects: &'a [Object],
    shape: impl Fn(&'a Object) -> Option<Geometry<f64>>,
) -> Vec<(&'a Object, Geometry<f64>)> {
    let mut rows: Vec<_> = objects
        .iter()
        .filter_map(|object| Some((object, shape(object)?)))
        .collect();
    rows.sort_by_key(|(object, geometry)| {
        let centre = geometry.centroid().map_or(Coord { x: 0.0, y: 0.0 }, |point| point.0);
        (along_the_curve(centre), object.id)
    });
    rows
}

fn table(rows: &[(&Object, Geometry<f64>)]) -> Table {
    Table::new(rows.iter().map(|(_, geometry)| geometry.clone()).collect())
        .integer("osm_id", rows.iter().map(|(object, _)| Some(object.id)))
}

fn read(packages: &Path) -> Result<Vec<Object>, Error> {
    let folder = packages::file(packages, "@mapbox/mvt-fixtures", "package/real-world/osm-qa-astana");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .map_err(|e| Error::source(&folder, e))?
        .filter_map(|e| Some(e.ok()?.path()))
        .collect();
    files.sort();
    let mut objects: BTreeMap<(bool, i64), Object> = BTreeMap::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "mvt")) {
        // z-x-y.mvt
        let name = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let numbers: Vec<u32> = name.split('-').filter_map(|n| n.parse().ok()).collect();
        let [z, x, y] = numbers[..] else {
            return Err(Error::source(file, "is not named z-x-y.mvt"));
        };
        let bytes = fs::read(file).map_err(|e| Error::source(file, e))?;
        let features =
            vector_tile::decode(&bytes, z as u8, x, y).ok_or_else(|| Error::source(file, "is no vector tile"))?;
        for feature in features {
            let Some(id) = feature.tags.get("@id").and_then(|id| id.parse().ok()) else {
                continue;
            };
            let is_node = feature.tags.get("@type").is_some_and(|t| t == "node");
            let object = objects.entry((is_node, id));
            let object = object.or_insert_with(|| Object {
                id,
                is_node,
                tags: feature.tags.clone(),
                parts: Vec::new(),
            });
            object.parts.push(feature.geometry);
        }
    }
    Ok(objects.into_values().collect())
}

/// The union of the parts that are polygons; closed lines count as polygons.
fn polygons(parts: &[Geometry<f64>]) -> Option<MultiPolygon<f64>> {
    let mut areas = parts.iter().filter_map(|part| match part {
        Geometry::MultiPolygon(area) => Some(area.clone()),
        Geometry::MultiLineString(lines) => match lines.0.as_slice() {
            [ring] if ring.is_closed() && ring.0.len() >= 4 => {
                Some(MultiPolygon(vec![Polygon::new(ring.clone(), vec![])]))
            }
            _ => None,
        },
        _ => None,
    });
    let first = areas.next()?;
    let whole = areas.fold(first, |whole, part| whole.union(&part));
    (!whole.0.is_empty()).then_some(whole)
}

fn polygon_geometry(mut area: MultiPolygon<f64>) -> Geometry<f64> {
    if area.0.len() == 1 {
        area.0.remove(0).into()
    } else {
        area.into()
    }
}

/// The parts that are lines, joined where the tiles cut them.
fn lines(parts: &[Geometry<f64>]) -> Option<Geometry<f64>> {
    let mut pieces: Vec<LineString<f64>> = Vec::new();
    for part in parts {
        match part {
            Geometry::MultiLineString(lines) => pieces.extend(lines.0.iter().filter(|l| l.0.len() >= 2).cloned()),
            // A street that runs in a ring comes as an area.
            Geometry::MultiPolygon(areas) => pieces.extend(areas.0.iter().map(|a| a.exterior().clone())),
            _ => {}
        }
    }
    let mut joined = Vec::new();
    while let Some(mut line) = pieces.pop() {
        while let Some((at, longer)) = pieces
            .iter()
            .enumerate()
            .find_map(|(at, piece)| Some((at, join(&line, piece)?)))
        {
            pieces.remove(at);
            line = longer;
        }
        joined.push(line);
    }
    match joined.len() {
        0 => None,
        1 => Some(joined.remove(0).into()),
        _ => Some(MultiLineString(joined).into()),
    }
}

/// About a decimetre, in degrees: how far the two ends of a cut line may lie apart.
const CUT: f64 = 1e-6;

fn join(a: &LineString<f64>, b: &LineString<f64>) -> Option<LineString<f64>> {
    let near = |p: &Coord<f64>, q: &Coord<f64>| (p.x - q.x).abs() < CUT && (p.y - q.y).abs() < CUT;
    let (a, b) = (&a.0, &b.0);
    let (before, after) = match (a.first()?, a.last()?, b.first()?, b.last()?) {
        (_, end, start, _) if near(end, start) => (a, b),
        (start, _, _, end) if near(end, start) => (b, a),
        _ => return None,
    };
    Some(before.iter().chain(&after[1..]).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Contains, Point};

    fn line(points: &[(f64, f64)]) -> Geometry<f64> {
        MultiLineString(vec![points.to_vec().into()]).into()
    }

    #[test]
    fn a_road_cut_by_two_tile_edges_is_one_line_again() {
        let parts = [
            line(&[(1.0, 0.0), (2.0, 0.0)]),
            line(&[(0.0, 0.0), (1.0, 0.0)]),
            line(&[(2.0, 0.0), (3.0, 1.0)]),
        ];
        let Some(Geometry::LineString(whole)) = lines(&parts) else {
            panic!("not one line")
        };
        assert_eq!(
            whole,
            LineString::from(vec![(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 1.0)])
        );
    }

    #[test]
    fn an_area_is_shown_by_a_point_inside_it() {
        // A U: its centroid lies outside.
        let u = vec![
            (0.0, 0.0),
            (9.0, 0.0),
            (9.0, 9.0),
            (8.0, 9.0),
            (8.0, 1.0),
            (1.0, 1.0),
            (1.0, 9.0),
            (0.0, 9.0),
            (0.0, 0.0),
        ];
        let area = polygons(&[MultiPolygon(vec![Polygon::new(u.into(), vec![])]).into()]).unwrap();
        let inside: Point<f64> = area.interior_point().unwrap();
        assert!(area.contains(&inside));
    }
}
