//! Spatial filters: an area that rows must touch, in longitude and latitude.
//!
//! A viewport may span the world, leave ±180° when the map has been turned round, and cross the antimeridian;
//! rows lie within ±180°. So areas are brought there first: boxes become boxes, other polygons are cut and moved.

use geo::{BooleanOps, BoundingRect, Coord, LineString, MultiPolygon, Polygon, Rect, Translate};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spatial::LonLatBox;

use crate::error::{Error, Result};

/// Rows pass when the geometry in this column touches the area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct SpatialFilter {
    pub column: String,
    pub area: Area,
    /// As it was asked for.
    geometry: Value,
}

/// An area within ±180° and ±90°.
#[derive(Debug, Clone, PartialEq)]
pub enum Area {
    /// Everything that has a geometry.
    World,
    /// Any of these boxes; none of them crosses the antimeridian. Usually one.
    Boxes(Vec<LonLatBox>),
    /// Any of these polygons.
    Polygons(Vec<Polygon<f64>>),
}

#[derive(Serialize, Deserialize)]
struct Document {
    column: String,
    geometry: Value,
}

impl From<SpatialFilter> for Document {
    fn from(filter: SpatialFilter) -> Self {
        Document {
            column: filter.column,
            geometry: filter.geometry,
        }
    }
}

impl TryFrom<Document> for SpatialFilter {
    type Error = Error;

    fn try_from(document: Document) -> Result<Self> {
        SpatialFilter::new(document.column, &document.geometry)
    }
}

/// Latitudes beyond this are off every Web Mercator map: a view that reaches it shows all there is.
const MERCATOR_EDGE: f64 = 85.0;

impl SpatialFilter {
    /// Reads the `spatialFilters` parameter: `{"<column>": <GeoJSON Polygon or MultiPolygon>}`.
    pub fn parse(filters: Option<&Value>) -> Result<Option<SpatialFilter>> {
        let filters = match filters {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(filters)) => filters,
            Some(_) => return Err(invalid("must be an object of a column and a polygon")),
        };
        let mut filters = filters.iter().filter(|(_, geometry)| !geometry.is_null());
        let Some((column, geometry)) = filters.next() else {
            return Ok(None);
        };
        if filters.next().is_some() {
            return Err(Error::NotImplemented(
                "spatial filters on several columns; give one".to_owned(),
            ));
        }
        // Older clients write the column as they do in a map: `h3:geom`.
        let column = column.rsplit_once(':').map_or(column.as_str(), |(_, column)| column);
        SpatialFilter::new(column.to_owned(), geometry).map(Some)
    }

    /// Rows of `column` that touch a GeoJSON Polygon or MultiPolygon (or a Feature of one).
    pub fn new(column: String, geometry: &Value) -> Result<SpatialFilter> {
        let polygons = polygons_of(geometry)?;
        Ok(SpatialFilter {
            column,
            area: Area::of(polygons),
            geometry: geometry.clone(),
        })
    }

    /// The box, when the area is a single one: what a table sorted in space answers without testing shapes.
    #[must_use]
    pub fn as_box(&self) -> Option<LonLatBox> {
        match &self.area {
            Area::World => Some(LonLatBox::WORLD),
            Area::Boxes(boxes) => match boxes.as_slice() {
                [one] => Some(*one),
                [east, west] if east.east == 180.0 && west.west == -180.0 && same_latitudes(east, west) => {
                    Some(LonLatBox {
                        east: west.east,
                        ..*east
                    })
                }
                _ => None,
            },
            Area::Polygons(_) => None,
        }
    }

    /// A box around the area; it crosses the antimeridian when that is shorter. `None` for an empty area.
    #[must_use]
    pub fn bounds(&self) -> Option<LonLatBox> {
        match &self.area {
            Area::World => Some(LonLatBox::WORLD),
            Area::Boxes(boxes) => self
                .as_box()
                .or_else(|| boxes.iter().copied().reduce(|all, next| all.union(&next))),
            Area::Polygons(polygons) => polygons.iter().filter_map(box_of).reduce(|all, next| all.union(&next)),
        }
    }
}

fn same_latitudes(one: &LonLatBox, other: &LonLatBox) -> bool {
    one.south == other.south && one.north == other.north
}

impl Area {
    fn of(polygons: Vec<Polygon<f64>>) -> Area {
        let boxes: Option<Vec<LonLatBox>> = polygons.iter().map(as_rectangle).collect();
        match boxes {
            Some(boxes) => {
                let boxes: Vec<LonLatBox> = boxes.into_iter().flat_map(wrapped).collect();
                if boxes.iter().any(is_world) {
                    Area::World
                } else {
                    Area::Boxes(boxes)
                }
            }
            None => Area::Polygons(polygons.into_iter().flat_map(cut).collect()),
        }
    }
}

fn is_world(area: &LonLatBox) -> bool {
    area.west <= -180.0 && area.east >= 180.0 && area.south <= -MERCATOR_EDGE && area.north >= MERCATOR_EDGE
}

/// The box, when the polygon is one: four corners, sides along meridians and parallels, no holes.
fn as_rectangle(polygon: &Polygon<f64>) -> Option<LonLatBox> {
    let corners: Vec<Coord<f64>> = polygon.exterior().coords().copied().collect();
    if !polygon.interiors().is_empty() || corners.len() != 5 {
        return None;
    }
    let bounds = box_of(polygon)?;
    let is_corner = |corner: &Coord<f64>| {
        (corner.x == bounds.west || corner.x == bounds.east) && (corner.y == bounds.south || corner.y == bounds.north)
    };
    let turns = corners
        .windows(2)
        .all(|side| (side[0].x == side[1].x) != (side[0].y == side[1].y));
    (corners.iter().all(is_corner) && turns).then_some(bounds)
}

fn box_of(polygon: &Polygon<f64>) -> Option<LonLatBox> {
    let bounds = polygon.bounding_rect()?;
    Some(LonLatBox::new(
        bounds.min().x,
        bounds.min().y,
        bounds.max().x,
        bounds.max().y,
    ))
}

/// The box within ±180°, in two parts when it crosses the antimeridian.
fn wrapped(area: LonLatBox) -> impl Iterator<Item = LonLatBox> {
    let (south, north) = (area.south.max(-90.0), area.north.min(90.0));
    let placed = if area.east - area.west >= 360.0 {
        LonLatBox::new(-180.0, south, 180.0, north)
    } else {
        // Longitudes that are in range already keep every digit.
        let west = if (-180.0..180.0).contains(&area.west) {
            area.west
        } else {
            (area.west + 180.0).rem_euclid(360.0) - 180.0
        };
        let turns = ((area.west - west) / 360.0).round();
        let east = area.east - 360.0 * turns;
        LonLatBox::new(west, south, if east > 180.0 { east - 360.0 } else { east }, north)
    };
    placed.parts()
}

/// The parts of a polygon within ±180° and ±90°, each world copy moved to where rows are.
fn cut(polygon: Polygon<f64>) -> Vec<Polygon<f64>> {
    let Some(bounds) = box_of(&polygon) else {
        return Vec::new();
    };
    if bounds.west >= -180.0 && bounds.east <= 180.0 && bounds.south >= -90.0 && bounds.north <= 90.0 {
        return vec![polygon];
    }
    let world = Rect::new(Coord { x: -180.0, y: -90.0 }, Coord { x: 180.0, y: 90.0 }).to_polygon();
    let first = ((bounds.west + 180.0) / 360.0).floor() as i64;
    let last = ((bounds.east + 180.0) / 360.0).ceil() as i64;
    let mut parts = MultiPolygon::new(Vec::new());
    for copy in first..last.max(first + 1) {
        let moved = polygon.translate(-360.0 * copy as f64, 0.0);
        parts = parts.union(&moved.intersection(&world));
    }
    parts.0
}

fn polygons_of(geometry: &Value) -> Result<Vec<Polygon<f64>>> {
    let kind = geometry.get("type").and_then(Value::as_str).unwrap_or_default();
    let coordinates = geometry.get("coordinates").and_then(Value::as_array);
    match (kind, coordinates) {
        ("Feature", _) => polygons_of(geometry.get("geometry").unwrap_or(&Value::Null)),
        ("Polygon", Some(rings)) => Ok(vec![polygon_of(rings)?]),
        ("MultiPolygon", Some(polygons)) => polygons
            .iter()
            .map(|rings| {
                polygon_of(
                    rings
                        .as_array()
                        .ok_or_else(|| invalid("a polygon must be a list of rings"))?,
                )
            })
            .collect(),
        ("h3" | "h3int" | "quadbin", _) => Err(Error::NotImplemented(format!(
            "spatial filters by {kind} cells; use a polygon"
        ))),
        _ => Err(invalid("must be a GeoJSON Polygon or MultiPolygon")),
    }
}

fn polygon_of(rings: &[Value]) -> Result<Polygon<f64>> {
    let mut rings = rings.iter().map(ring_of).collect::<Result<Vec<_>>>()?.into_iter();
    let exterior = rings.next().ok_or_else(|| invalid("a polygon needs an outer ring"))?;
    Ok(Polygon::new(exterior, rings.collect()))
}

fn ring_of(ring: &Value) -> Result<LineString<f64>> {
    let positions = ring
        .as_array()
        .ok_or_else(|| invalid("a ring must be a list of positions"))?;
    let mut coordinates = positions
        .iter()
        .map(|position| {
            let number = |index: usize| {
                position
                    .get(index)
                    .and_then(Value::as_f64)
                    .filter(|number| number.is_finite())
            };
            match (number(0), number(1)) {
                (Some(x), Some(y)) => Ok(Coord { x, y }),
                _ => Err(invalid("a position must be [longitude, latitude]")),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    if coordinates.first() != coordinates.last() {
        coordinates.extend(coordinates.first().copied());
    }
    if coordinates.len() < 4 {
        return Err(invalid("a ring needs at least three different positions"));
    }
    Ok(LineString::new(coordinates))
}

fn invalid(reason: &str) -> Error {
    Error::invalid("spatialFilters", reason)
}

#[cfg(test)]
mod tests {
    use geo::{Area as _, Contains, Point};
    use serde_json::json;

    use super::*;

    fn filter(geometry: Value) -> SpatialFilter {
        SpatialFilter::parse(Some(&json!({ "geom": geometry })))
            .unwrap()
            .unwrap()
    }

    fn rectangle(west: f64, south: f64, east: f64, north: f64) -> Value {
        json!({"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]})
    }

    fn boxes(west: f64, south: f64, east: f64, north: f64) -> Vec<[f64; 4]> {
        match filter(rectangle(west, south, east, north)).area {
            Area::Boxes(boxes) => boxes.into_iter().map(LonLatBox::to_array).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_viewport_is_a_box() {
        assert_eq!(boxes(71.2, 51.0, 71.6, 51.3), [[71.2, 51.0, 71.6, 51.3]]);
        assert_eq!(
            filter(rectangle(71.2, 51.0, 71.6, 51.3)).as_box().unwrap().to_array(),
            [71.2, 51.0, 71.6, 51.3]
        );
    }

    #[test]
    fn a_box_beyond_180_degrees_comes_back_to_where_rows_are() {
        assert_eq!(boxes(190.0, -10.0, 200.0, 10.0), [[-170.0, -10.0, -160.0, 10.0]]);
        assert_eq!(boxes(-550.0, -10.0, -540.0, 10.0), [[170.0, -10.0, 180.0, 10.0]]);
        assert_eq!(
            boxes(170.0, -10.0, 190.0, 10.0),
            [[170.0, -10.0, 180.0, 10.0], [-180.0, -10.0, -170.0, 10.0]]
        );
        assert_eq!(
            boxes(-190.0, -10.0, -170.0, 10.0),
            [[170.0, -10.0, 180.0, 10.0], [-180.0, -10.0, -170.0, 10.0]]
        );
        assert_eq!(
            filter(rectangle(170.0, -10.0, 190.0, 10.0))
                .as_box()
                .unwrap()
                .to_array(),
            [170.0, -10.0, -170.0, 10.0]
        );
    }

    #[test]
    fn a_view_of_the_world_is_everything_that_has_a_geometry() {
        assert_eq!(filter(rectangle(-180.0, -85.06, 180.0, 85.06)).area, Area::World);
        assert_eq!(filter(rectangle(-270.0, -90.0, 250.0, 90.0)).area, Area::World);
        assert_eq!(boxes(-270.0, 0.0, 250.0, 10.0), [[-180.0, 0.0, 180.0, 10.0]]);
    }

    #[test]
    fn a_polygon_over_the_antimeridian_is_cut() {
        let triangle = json!({"type": "Polygon", "coordinates": [[[170, 0], [190, 0], [180, 10], [170, 0]]]});
        let SpatialFilter {
            area: Area::Polygons(parts),
            ..
        } = filter(triangle.clone())
        else {
            panic!("polygons")
        };
        let area: f64 = parts.iter().map(|part| part.unsigned_area()).sum();
        assert!((area - 100.0).abs() < 1e-6, "{area}");
        for (lon, lat, is_inside) in [
            (175.0, 1.0, true),
            (-175.0, 1.0, true),
            (0.0, 1.0, false),
            (-179.0, 8.5, true),
            (-171.0, 8.0, false),
        ] {
            assert_eq!(
                parts.iter().any(|part| part.contains(&Point::new(lon, lat))),
                is_inside,
                "{lon} {lat}"
            );
        }
        assert_eq!(
            filter(triangle).bounds().unwrap().to_array().map(f64::round),
            [-180.0, 0.0, 180.0, 10.0]
        );
    }

    #[test]
    fn holes_and_several_polygons_stay() {
        let square = |side: f64| {
            json!([
                [-side, -side],
                [side, -side],
                [side, side],
                [-side, side],
                [-side, -side]
            ])
        };
        let with_hole = filter(json!({"type": "Polygon", "coordinates": [square(10.0), square(5.0)]}));
        let Area::Polygons(polygons) = &with_hole.area else {
            panic!("polygons")
        };
        assert_eq!(polygons[0].unsigned_area(), 300.0);
        assert_eq!(with_hole.as_box(), None);
        let two = filter(json!({"type": "MultiPolygon", "coordinates": [[square(1.0)], [[[5, 5], [6, 5], [5, 6]]]]}));
        assert!(matches!(two.area, Area::Polygons(polygons) if polygons.len() == 2));
    }

    #[test]
    fn a_filter_survives_being_written_down() {
        let before = filter(rectangle(170.0, -10.0, 190.0, 10.0));
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<SpatialFilter>(&text).unwrap(), before);
    }

    #[test]
    fn what_is_no_area_is_refused() {
        let check = |geometry: Value, expected: &str| {
            let error = SpatialFilter::parse(Some(&json!({ "geom": geometry })))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            json!({"type": "Point", "coordinates": [1, 2]}),
            "must be a GeoJSON Polygon",
        );
        check(
            json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}),
            "at least three",
        );
        check(json!({"type": "Polygon", "coordinates": []}), "outer ring");
        check(
            json!({"type": "Polygon", "coordinates": [[[0, "x"], [1, 1], [2, 2]]]}),
            "[longitude, latitude]",
        );
        check(json!({"type": "h3", "indexes": ["8a"]}), "spatial filters by h3 cells");
        assert_eq!(SpatialFilter::parse(Some(&json!({"geom": null}))).unwrap(), None);
        assert!(SpatialFilter::parse(Some(&json!("x"))).is_err());
    }
}
