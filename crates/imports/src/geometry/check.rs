//! The rules for geometries in longitude and latitude: what is refused, what is repaired and how.

use geo::{
    BooleanOps, BoundingRect, Coord, CoordsIter, Geometry, GeometryCollection, LineString, MapCoords, MultiLineString,
    MultiPolygon, Point, Polygon, Rect,
};
use geos::Geom;

use super::{from_wkb, read};

type Repaired = (Geometry<f64>, Option<String>);

/// Whether there is not a single position in it.
pub(super) fn is_empty(geometry: &Geometry<f64>) -> bool {
    match geometry {
        // An empty point is written with NaN coordinates.
        Geometry::Point(point) => point.x().is_nan() && point.y().is_nan(),
        other => other.coords_count() == 0,
    }
}

/// Why coordinates are no numbers to work with.
pub(super) fn not_finite(geometry: &Geometry<f64>) -> Option<String> {
    let bad = geometry.coords_iter().find(|c| !c.x.is_finite() || !c.y.is_finite())?;
    let value = if bad.x.is_finite() { bad.y } else { bad.x };
    Some(if value.is_nan() {
        "a coordinate is NaN".to_owned()
    } else {
        "a coordinate is infinite".to_owned()
    })
}

/// The geometry as it can be stored, and what was done to it; an error says why it cannot.
pub(super) fn repaired(geometry: &Geometry<f64>) -> Result<Repaired, String> {
    let bounds = geometry.bounding_rect().ok_or("has no extent")?;
    check_range(&bounds)?;
    let (geometry, cut) = within_world(geometry, &bounds)?;
    let (geometry, mended) = valid(geometry)?;
    let repair = match (cut, mended) {
        (Some(cut), Some(mended)) => Some(format!("{cut}; {mended}")),
        (cut, mended) => cut.or(mended),
    };
    Ok((geometry, repair))
}

/// Longitudes may go once around the world more than they should; latitudes may not.
fn check_range(bounds: &Rect<f64>) -> Result<(), String> {
    let (low, high) = (bounds.min(), bounds.max());
    let widest = low.x.abs().max(high.x.abs());
    let tallest = if low.y.abs() > high.y.abs() { low.y } else { high.y };
    if widest > 540.0 || tallest.abs() > 540.0 {
        return Err(format!(
            "coordinate {} is no longitude or latitude; if the coordinates are projected, say in which CRS",
            if widest > 540.0 {
                if low.x.abs() > high.x.abs() { low.x } else { high.x }
            } else {
                tallest
            }
        ));
    }
    if tallest.abs() > 90.0 {
        return Err(format!(
            "latitude {tallest} is outside -90 to 90; are longitude and latitude swapped?"
        ));
    }
    Ok(())
}

/// Brings what lies past 180° back from the other side.
fn within_world(geometry: &Geometry<f64>, bounds: &Rect<f64>) -> Result<Repaired, String> {
    if bounds.min().x >= -180.0 && bounds.max().x <= 180.0 {
        return Ok((geometry.clone(), None));
    }
    let cut = "cut at the antimeridian".to_owned();
    match geometry {
        Geometry::Point(point) => Ok((
            Point::new(around(point.x()), point.y()).into(),
            Some("longitude brought into -180 to 180".to_owned()),
        )),
        Geometry::MultiPoint(points) => {
            let moved = points.map_coords(|c| Coord { x: around(c.x), y: c.y });
            Ok((moved.into(), Some("longitudes brought into -180 to 180".to_owned())))
        }
        Geometry::Polygon(polygon) => Ok((cut_polygons(&MultiPolygon(vec![polygon.clone()])), Some(cut))),
        Geometry::MultiPolygon(polygons) => Ok((cut_polygons(polygons), Some(cut))),
        Geometry::LineString(line) => Ok((cut_lines(&MultiLineString(vec![line.clone()])), Some(cut))),
        Geometry::MultiLineString(lines) => Ok((cut_lines(lines), Some(cut))),
        Geometry::GeometryCollection(members) => {
            let members = members.0.iter().map(|member| {
                let bounds = member.bounding_rect().ok_or("has no extent")?;
                Ok(within_world(member, &bounds)?.0)
            });
            Ok((
                Geometry::GeometryCollection(GeometryCollection(members.collect::<Result<_, String>>()?)),
                Some(cut),
            ))
        }
        Geometry::Line(_) | Geometry::Rect(_) | Geometry::Triangle(_) => {
            Err("is of a kind that files do not hold".to_owned())
        }
    }
}

fn around(longitude: f64) -> f64 {
    let turned = (longitude + 180.0).rem_euclid(360.0) - 180.0;
    if turned == -180.0 && longitude > 0.0 {
        180.0
    } else {
        turned
    }
}

/// The world and its neighbours to the west and east: how far to move what lies in each.
const WORLDS: [(f64, f64, f64); 3] = [(-540.0, -180.0, 360.0), (-180.0, 180.0, 0.0), (180.0, 540.0, -360.0)];

fn cut_polygons(polygons: &MultiPolygon<f64>) -> Geometry<f64> {
    let mut parts = Vec::new();
    for (west, east, shift) in WORLDS {
        let world = Rect::new((west, -90.0), (east, 90.0)).to_polygon();
        let inside = polygons.intersection(&world);
        parts.extend(inside.map_coords(|c| Coord { x: c.x + shift, y: c.y }).0);
    }
    simplest_polygons(parts)
}

fn cut_lines(lines: &MultiLineString<f64>) -> Geometry<f64> {
    let mut parts: Vec<LineString<f64>> = Vec::new();
    for (west, east, shift) in WORLDS {
        let world: Polygon<f64> = Rect::new((west, -90.0), (east, 90.0)).to_polygon();
        let inside = MultiPolygon(vec![world]).clip(lines, false);
        parts.extend(inside.map_coords(|c| Coord { x: c.x + shift, y: c.y }).0);
    }
    if parts.len() == 1 {
        parts.remove(0).into()
    } else {
        MultiLineString(parts).into()
    }
}

fn simplest_polygons(mut parts: Vec<Polygon<f64>>) -> Geometry<f64> {
    if parts.len() == 1 {
        parts.remove(0).into()
    } else {
        MultiPolygon(parts).into()
    }
}

/// Polygons whose rings cross or touch are mended; lines and points are always fine.
fn valid(geometry: Geometry<f64>) -> Result<Repaired, String> {
    match geometry {
        Geometry::Polygon(polygon) => mended(MultiPolygon(vec![polygon])),
        Geometry::MultiPolygon(polygons) => mended(polygons),
        Geometry::LineString(line) if line.0.len() < 2 => Err("is a line of one position".to_owned()),
        Geometry::GeometryCollection(members) => {
            let mut repair = None;
            let mut kept = Vec::new();
            for member in members.0 {
                let (member, mended) = valid(member)?;
                repair = repair.or(mended);
                kept.push(member);
            }
            Ok((Geometry::GeometryCollection(GeometryCollection(kept)), repair))
        }
        other @ (Geometry::Point(_)
        | Geometry::MultiPoint(_)
        | Geometry::LineString(_)
        | Geometry::MultiLineString(_)
        | Geometry::Line(_)
        | Geometry::Rect(_)
        | Geometry::Triangle(_)) => Ok((other, None)),
    }
}

fn mended(polygons: MultiPolygon<f64>) -> Result<Repaired, String> {
    let count = polygons.0.len();
    let mut parts: Vec<Polygon<f64>> = Vec::new();
    let mut repair = None;
    for polygon in polygons.0 {
        // A ring needs three different corners; `Polygon` closes open rings by itself.
        if polygon.exterior().0.len() < 4 {
            repair = Some("a ring with fewer than three corners was left out".to_owned());
            continue;
        }
        let holes: Vec<LineString<f64>> = polygon
            .interiors()
            .iter()
            .filter(|hole| hole.0.len() >= 4)
            .cloned()
            .collect();
        if holes.len() < polygon.interiors().len() {
            repair = Some("a hole with fewer than three corners was left out".to_owned());
        }
        parts.push(Polygon::new(polygon.exterior().clone(), holes));
    }
    if parts.is_empty() {
        return Err("is a polygon with no area: a ring needs three corners".to_owned());
    }
    let whole = if count == 1 {
        simplest_polygons(parts)
    } else {
        MultiPolygon(parts).into()
    };
    let wkb = read::to_wkb(&whole)?;
    let checked = geos::Geometry::new_from_wkb(&wkb).map_err(|error| error.to_string())?;
    if checked.is_valid() == Ok(true) {
        return Ok((whole, repair));
    }
    let reason = checked.is_valid_reason().unwrap_or_default();
    let made = checked
        .make_valid()
        .map_err(|error| format!("is a polygon that cannot be mended: {error}"))?;
    let made: Vec<u8> = made.to_wkb().map_err(|error| error.to_string())?;
    let mut areas = Vec::new();
    collect_areas(from_wkb(&made)?.geometry, &mut areas);
    if areas.is_empty() {
        return Err("is a polygon with no area".to_owned());
    }
    Ok((simplest_polygons(areas), Some(said(&reason))))
}

/// Mending may leave lines and points where a polygon had no width; only areas are kept.
fn collect_areas(geometry: Option<Geometry<f64>>, areas: &mut Vec<Polygon<f64>>) {
    match geometry {
        Some(Geometry::Polygon(polygon)) => areas.push(polygon),
        Some(Geometry::MultiPolygon(polygons)) => areas.extend(polygons.0),
        Some(Geometry::GeometryCollection(members)) => {
            members.0.into_iter().for_each(|m| collect_areas(Some(m), areas))
        }
        Some(_) | None => {}
    }
}

/// GEOS's reason in plain words.
fn said(reason: &str) -> String {
    let what = if reason.contains("Self-intersection") {
        "a ring crosses itself"
    } else if reason.contains("Hole lies outside") {
        "a hole lies outside its polygon"
    } else if reason.contains("Nested") || reason.contains("Holes are nested") {
        "rings lie inside one another"
    } else if reason.contains("Duplicate") {
        "two rings are the same"
    } else {
        "rings touch in a way that polygons may not"
    };
    format!("mended: {what}")
}
