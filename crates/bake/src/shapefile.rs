//! Reads ESRI shapefiles and their dBASE tables, as far as Natural Earth uses them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use geo::{Area, BoundingRect, Contains, Coord, Geometry, LineString, MultiLineString, MultiPolygon, Point, Polygon};

use crate::Error;

/// One row of a shapefile: its geometry (x = longitude, y = latitude, degrees) and its attributes.
pub(crate) struct Row {
    pub geometry: Geometry<f64>,
    pub attributes: Attributes,
}

/// The dBASE attributes of a row, names in lower case, values trimmed; empty values are absent.
#[derive(Default, Clone)]
pub(crate) struct Attributes(HashMap<String, String>);

impl Attributes {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number; Natural Earth writes -99 (and -999) where it knows none.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?
            .parse::<f64>()
            .ok()
            .filter(|n| *n != -99.0 && *n != -999.0 && *n != -9999.0)
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.number(name).map(|n| n as i64)
    }
}

/// Reads `path` (the `.shp`) and, when it exists, the `.dbf` beside it.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>, Error> {
    let shapes = shapes(path)?;
    let table = path.with_extension("dbf");
    let attributes = if table.exists() {
        attributes(&table)?
    } else {
        Vec::new()
    };
    if !attributes.is_empty() && attributes.len() != shapes.len() {
        return Err(Error::source(
            path,
            format!("{} shapes but {} rows in its dbf", shapes.len(), attributes.len()),
        ));
    }
    let mut attributes = attributes.into_iter();
    Ok(shapes
        .into_iter()
        .map(|geometry| (geometry, attributes.next().unwrap_or_default()))
        .filter_map(|(geometry, attributes)| {
            Some(Row {
                geometry: geometry?,
                attributes,
            })
        })
        .collect())
}

/// The shapes in the order of the index (`.shx`): some writers leave gaps between records.
fn shapes(path: &Path) -> Result<Vec<Option<Geometry<f64>>>, Error> {
    let bytes = fs::read(path).map_err(|e| Error::source(path, e))?;
    let index_path = path.with_extension("shx");
    let index = fs::read(&index_path).map_err(|e| Error::source(&index_path, e))?;
    let broken = || Error::source(path, "ends in the middle of a shape");
    let words = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes")) as usize * 2;
    index[100.min(index.len())..]
        .chunks_exact(8)
        .map(|entry| {
            let start = words(&entry[..4]) + 8;
            let content = bytes.get(start..start + words(&entry[4..])).ok_or_else(broken)?;
            shape(content).ok_or_else(broken)
        })
        .collect()
}

/// `None` for a truncated record, `Some(None)` for a null shape.
fn shape(content: &[u8]) -> Option<Option<Geometry<f64>>> {
    let kind = i32_at(content, 0)?;
    // 1x and 2x are the same shapes with Z or M values behind, which are not read.
    Some(match kind % 10 {
        0 => None,
        1 => Some(Point::from(coordinate_at(content, 4)?).into()),
        3 => Some(MultiLineString(parts(content)?.into_iter().map(LineString).collect()).into()),
        5 => Some(assemble(parts(content)?).into()),
        _ => None,
    })
}

fn parts(content: &[u8]) -> Option<Vec<Vec<Coord<f64>>>> {
    let count = i32_at(content, 36)? as usize;
    let points = i32_at(content, 40)? as usize;
    let starts = (0..count)
        .map(|i| i32_at(content, 44 + 4 * i).map(|s| s as usize))
        .collect::<Option<Vec<_>>>()?;
    let first = 44 + 4 * count;
    let mut parts = Vec::with_capacity(count);
    for (i, start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(points);
        parts.push(
            (*start..end)
                .map(|p| coordinate_at(content, first + 16 * p))
                .collect::<Option<Vec<_>>>()?,
        );
    }
    Some(parts)
}

/// Rings to polygons: clockwise rings are shells, the others holes of the smallest shell around them.
fn assemble(rings: Vec<Vec<Coord<f64>>>) -> MultiPolygon<f64> {
    let mut shells = Vec::new();
    let mut holes = Vec::new();
    for ring in rings.into_iter().filter(|r| r.len() >= 4) {
        let polygon = Polygon::new(LineString(ring), Vec::new());
        if polygon.signed_area() <= 0.0 {
            shells.push(polygon)
        } else {
            holes.push(polygon)
        }
    }
    if shells.is_empty() {
        return MultiPolygon(holes);
    }
    let boxes: Vec<_> = shells
        .iter()
        .map(|s| s.bounding_rect().expect("a shell has points"))
        .collect();
    for hole in holes {
        let inside = Point::from(hole.exterior().0[0]);
        let mut candidates: Vec<usize> = (0..shells.len()).filter(|i| boxes[*i].contains(&inside)).collect();
        candidates.sort_by(|a, b| {
            let area = |i: &usize| boxes[*i].width() * boxes[*i].height();
            area(a).total_cmp(&area(b))
        });
        let around = match candidates.as_slice() {
            [] => continue,
            [only] => *only,
            several => {
                let corner_inside = |i: &&usize| Polygon::new(shells[**i].exterior().clone(), vec![]).contains(&inside);
                several.iter().find(corner_inside).copied().unwrap_or(several[0])
            }
        };
        let (ring, _) = hole.into_inner();
        shells[around].interiors_push(ring);
    }
    MultiPolygon(shells)
}

fn attributes(path: &Path) -> Result<Vec<Attributes>, Error> {
    let bytes = fs::read(path).map_err(|e| Error::source(path, e))?;
    let broken = || Error::source(path, "is no whole dBASE table");
    let rows = u32::from_le_bytes(bytes.get(4..8).ok_or_else(broken)?.try_into().expect("four bytes")) as usize;
    let head = u16::from_le_bytes(bytes.get(8..10).ok_or_else(broken)?.try_into().expect("two bytes")) as usize;
    let length = u16::from_le_bytes(bytes.get(10..12).ok_or_else(broken)?.try_into().expect("two bytes")) as usize;
    let mut fields = Vec::new();
    let mut at = 32;
    while bytes.get(at).is_some_and(|b| *b != 0x0d) {
        let field = bytes.get(at..at + 32).ok_or_else(broken)?;
        let name = field[..11].split(|b| *b == 0).next().unwrap_or_default();
        fields.push((String::from_utf8_lossy(name).to_lowercase(), field[16] as usize));
        at += 32;
    }
    (0..rows)
        .map(|row| {
            let start = head + row * length + 1;
            let mut record = bytes.get(start..start + length - 1).ok_or_else(broken)?;
            let mut values = HashMap::new();
            for (name, width) in &fields {
                let (value, rest) = record.split_at_checked(*width).ok_or_else(broken)?;
                record = rest;
                let value = decoded(value);
                if !value.is_empty() && !value.starts_with('*') {
                    values.insert(name.clone(), value);
                }
            }
            Ok(Attributes(values))
        })
        .collect()
}

/// UTF-8 where it is that, else Windows-1252, which the older Natural Earth files mix in.
fn decoded(value: &[u8]) -> String {
    let value = value.split(|b| *b == 0).next().unwrap_or_default();
    let text = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|b| windows_1252(*b)).collect(),
    };
    text.trim().to_owned()
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x91 | 0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x96 => '–',
        0x8a => 'Š',
        0x9a => 'š',
        0x8e => 'Ž',
        0x9e => 'ž',
        0x8c => 'Œ',
        0x9c => 'œ',
        other => char::from(other),
    }
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn coordinate_at(bytes: &[u8], at: usize) -> Option<Coord<f64>> {
    let number = |at: usize| Some(f64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    Some(Coord {
        x: number(at)?,
        y: number(at + 8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(from: f64, to: f64, clockwise: bool) -> Vec<Coord<f64>> {
        let mut ring = vec![(from, from), (from, to), (to, to), (to, from), (from, from)];
        if !clockwise {
            ring.reverse();
        }
        ring.into_iter().map(Coord::from).collect()
    }

    #[test]
    fn a_hole_belongs_to_the_smallest_shell_around_it() {
        let polygons = assemble(vec![
            square(0.0, 10.0, true),
            square(4.0, 5.0, true),
            square(4.2, 4.8, false),
            square(1.0, 9.0, false),
        ]);
        assert_eq!(polygons.0.len(), 2);
        assert!((polygons.0[0].unsigned_area() - 36.0).abs() < 1e-9);
        assert!((polygons.0[1].unsigned_area() - 0.64).abs() < 1e-9);
    }

    #[test]
    fn old_tables_are_read_as_windows_1252() {
        assert_eq!(decoded(b"K\xf6ln   "), "Köln");
        assert_eq!(decoded("Köln\0\0".as_bytes()), "Köln");
    }
}
