//! The hidden key columns: which files have them and what a window asks of them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, col, lit};
use spatial::{LonLatBox, Quadbin, TileCoord, mercator};

use crate::catalog::SNAPSHOT_COLUMN;
use crate::table::DataFile;

pub(crate) const QB: &str = "_qb";
pub(crate) const LOD: &str = "_lod";
pub(crate) const XMIN: &str = "_xmin";
pub(crate) const YMIN: &str = "_ymin";
pub(crate) const XMAX: &str = "_xmax";
pub(crate) const YMAX: &str = "_ymax";
/// All names that tables may not use for their own columns.
pub(crate) const RESERVED: &[&str] = &[
    QB,
    LOD,
    XMIN,
    YMIN,
    XMAX,
    YMAX,
    FILE,
    super::numbered::ROW,
    SNAPSHOT_COLUMN,
];
/// The id of the file a row stands in: for statements that rewrite files.
pub(crate) const FILE: &str = "_file";

/// Ranges that a window of points is cut into at most.
const MOST_RANGES: usize = 12;

/// What the hidden columns of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// `_qb` and `_lod`.
    Points,
    /// The same and `_xmin` … `_ymax`.
    Boxes,
    /// None: somebody else wrote the file.
    Bare,
}

impl Shape {
    pub(crate) fn of(file: &DataFile) -> Self {
        match &file.keys {
            Some(keys) if keys.has_bounds => Shape::Boxes,
            Some(_) => Shape::Points,
            None => Shape::Bare,
        }
    }

    pub(crate) fn fields(self) -> Vec<Field> {
        match self {
            Shape::Bare => Vec::new(),
            Shape::Points => key_fields(false),
            Shape::Boxes => key_fields(true),
        }
    }
}

/// The fields of keys, as scans show them.
pub(crate) fn key_fields(has_bounds: bool) -> Vec<Field> {
    let mut fields = vec![
        Field::new(QB, DataType::Int64, true),
        Field::new(LOD, DataType::Int8, true),
    ];
    if has_bounds {
        fields.extend([XMIN, YMIN, XMAX, YMAX].map(|name| Field::new(name, DataType::Float32, true)));
    }
    fields
}

/// What is asked of hidden columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Boxes of which rows touch at least one.
    pub(crate) windows: Option<Vec<LonLatBox>>,
    /// Points whose `_qb` lies in this range, both ends included.
    pub(crate) key_range: Option<(i64, i64)>,
    pub(crate) min_lod: Option<i8>,
    pub(crate) max_lod: Option<i8>,
}

impl Wanted {
    /// Whether a file can hold wanted rows.
    pub(crate) fn may_hold(&self, file: &DataFile) -> bool {
        if let (Some(windows), Some(bounds)) = (&self.windows, &file.bounds)
            && !windows.iter().any(|window| touches(window, bounds))
        {
            return false;
        }
        let Some(keys) = &file.keys else { return true };
        if self.windows.is_some() && keys.qb.is_none() {
            return false;
        }
        if let (Some((least, most)), Some((first, last))) = (self.key_range, keys.qb)
            && (last < least || first > most)
        {
            return false;
        }
        match keys.lod {
            Some((first, last)) => {
                self.max_lod.is_none_or(|most| first <= most) && self.min_lod.is_none_or(|least| last >= least)
            }
            None => true,
        }
    }

    /// The condition on hidden columns of files of this shape; none when nothing is asked.
    pub(crate) fn condition(&self, shape: Shape, schema: &Schema) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let mut parts: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        match shape {
            Shape::Bare => return Ok(None),
            Shape::Points => {
                if let Some(windows) = &self.windows {
                    parts.push(in_ranges(&key_ranges(windows), schema)?);
                }
            }
            Shape::Boxes => {
                if let Some(windows) = &self.windows {
                    let boxes: Result<Vec<_>> = windows.iter().map(|window| touching(window, schema)).collect();
                    parts.push(any(boxes?));
                }
            }
        }
        if let Some((least, most)) = self.key_range {
            parts.push(in_ranges(&[(least, most)], schema)?);
        }
        if let Some(least) = self.min_lod {
            parts.push(compare(LOD, Operator::GtEq, ScalarValue::Int8(Some(least)), schema)?);
        }
        if let Some(most) = self.max_lod {
            parts.push(compare(LOD, Operator::LtEq, ScalarValue::Int8(Some(most)), schema)?);
        }
        Ok(parts.into_iter().reduce(and))
    }
}

/// Files merged from several snapshots show only rows up to the one that is read.
pub(crate) fn up_to_snapshot(snapshot: i64, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    compare(
        SNAPSHOT_COLUMN,
        Operator::LtEq,
        ScalarValue::Int64(Some(snapshot)),
        schema,
    )
}

pub(crate) fn and(left: Arc<dyn PhysicalExpr>, right: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(left, Operator::And, right))
}

/// Boxes of files and windows touch, also where one of them is written beyond ±180.
fn touches(window: &LonLatBox, bounds: &LonLatBox) -> bool {
    let touches = |shift: f64| {
        window.west + shift <= bounds.east
            && window.east + shift >= bounds.west
            && window.south <= bounds.north
            && window.north >= bounds.south
    };
    bounds.west > bounds.east || window.west > window.east || touches(0.0) || touches(360.0) || touches(-360.0)
}

fn compare(column: &str, operator: Operator, value: ScalarValue, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    Ok(Arc::new(BinaryExpr::new(col(column, schema)?, operator, lit(value))))
}

fn any(parts: Vec<Arc<dyn PhysicalExpr>>) -> Arc<dyn PhysicalExpr> {
    parts
        .into_iter()
        .reduce(|left, right| Arc::new(BinaryExpr::new(left, Operator::Or, right)))
        .unwrap_or_else(|| lit(false))
}

fn in_ranges(ranges: &[(i64, i64)], schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let parts: Result<Vec<_>> = ranges
        .iter()
        .map(|(least, most)| {
            Ok(and(
                compare(QB, Operator::GtEq, ScalarValue::Int64(Some(*least)), schema)?,
                compare(QB, Operator::LtEq, ScalarValue::Int64(Some(*most)), schema)?,
            ))
        })
        .collect();
    Ok(any(parts?))
}

/// Rows whose own box touches the window. The columns are rounded outwards, so are the sides of the window.
fn touching(window: &LonLatBox, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let side = |column: &str, operator: Operator, value: f64| {
        let value = match operator {
            Operator::LtEq => up(value),
            _ => down(value),
        };
        compare(column, operator, ScalarValue::Float32(Some(value)), schema)
    };
    Ok(and(
        and(
            side(XMIN, Operator::LtEq, window.east)?,
            side(XMAX, Operator::GtEq, window.west)?,
        ),
        and(
            side(YMIN, Operator::LtEq, window.north)?,
            side(YMAX, Operator::GtEq, window.south)?,
        ),
    ))
}

fn up(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) < value { near.next_up() } else { near }
}

fn down(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value {
        near.next_down()
    } else {
        near
    }
}

/// Few ranges of `_qb` that together hold every point in any of the windows.
fn key_ranges(windows: &[LonLatBox]) -> Vec<(i64, i64)> {
    let mut squares = Vec::new();
    for window in windows {
        squares.extend(world_squares(window));
    }
    let mut ranges: Vec<(i64, i64)> = squares
        .iter()
        .flat_map(|square| cover(*square, MOST_RANGES.div_ceil(squares.len().max(1)).max(4)))
        .collect();
    ranges.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (least, most) in ranges {
        match merged.last_mut() {
            Some(last) if least <= last.1.saturating_add(1) => last.1 = last.1.max(most),
            Some(_) | None => merged.push((least, most)),
        }
    }
    merged
}

/// A window as one or two squares of level-26 cells `[x0, y0, x1, y1]`, ends included: longitudes wrap as the keys do.
fn world_squares(window: &LonLatBox) -> Vec<[u32; 4]> {
    const LAST: u32 = (1 << 26) - 1;
    let cell = |unit: f64| mercator::world_from_unit(unit) >> 6;
    let [_, top] = mercator::unit_from_lonlat(0.0, window.north);
    let [_, bottom] = mercator::unit_from_lonlat(0.0, window.south);
    let (y0, y1) = (cell(top), cell(bottom));
    if window.east - window.west >= 360.0 {
        return vec![[0, y0, LAST, y1]];
    }
    let wrapped = |lon: f64| {
        if (-180.0..=180.0).contains(&lon) {
            lon
        } else {
            (lon + 180.0).rem_euclid(360.0) - 180.0
        }
    };
    let (west, east) = (wrapped(window.west), wrapped(window.east));
    let x = |lon: f64| cell((lon + 180.0) / 360.0);
    if west <= east {
        // A point at exactly -180 or 180 may have its key on either edge.
        let mut squares = vec![[x(west), y0, x(east), y1]];
        if west <= -180.0 {
            squares.push([LAST, y0, LAST, y1]);
        }
        if east >= 180.0 {
            squares.push([0, y0, 0, y1]);
        }
        squares
    } else {
        vec![[x(west), y0, LAST, y1], [0, y0, x(east), y1]]
    }
}

/// At most about `most` ranges of keys around a square of level-26 cells: tiles are split from the largest down while
/// they stick out.
fn cover(square: [u32; 4], most: usize) -> Vec<(i64, i64)> {
    let mut inside: Vec<(u8, u32, u32)> = Vec::new();
    let mut partly: Vec<(u8, u32, u32)> = vec![(0, 0, 0)];
    for level in 0..26u8 {
        let mut split = Vec::new();
        for (_, x, y) in &partly {
            for (cx, cy) in [
                (2 * x, 2 * y),
                (2 * x + 1, 2 * y),
                (2 * x, 2 * y + 1),
                (2 * x + 1, 2 * y + 1),
            ] {
                match overlap(square, level + 1, cx, cy) {
                    Overlap::None => {}
                    Overlap::Partly => split.push((level + 1, cx, cy)),
                    Overlap::Inside => inside.push((level + 1, cx, cy)),
                }
            }
        }
        if inside.len() + split.len() > most {
            inside.retain(|(tile_level, _, _)| *tile_level <= level);
            inside.extend(partly);
            partly = Vec::new();
            break;
        }
        partly = split;
        if partly.is_empty() {
            break;
        }
    }
    inside.extend(partly);
    inside
        .into_iter()
        .filter_map(|(level, x, y)| {
            let range = Quadbin::key_range(TileCoord::new(level, x, y).ok()?);
            Some((*range.start(), *range.end()))
        })
        .collect()
}

enum Overlap {
    None,
    Partly,
    Inside,
}

fn overlap([x0, y0, x1, y1]: [u32; 4], level: u8, x: u32, y: u32) -> Overlap {
    let shift = 26 - level;
    let (left, top) = (x << shift, y << shift);
    let last = (1u32 << shift) - 1;
    let (right, bottom) = (left + last, top + last);
    if right < x0 || left > x1 || bottom < y0 || top > y1 {
        Overlap::None
    } else if left >= x0 && right <= x1 && top >= y0 && bottom <= y1 {
        Overlap::Inside
    } else {
        Overlap::Partly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(ranges: &[(i64, i64)], lon: f64, lat: f64) -> bool {
        let key = Quadbin::from_lonlat(lon, lat, 26).expect("finite").as_i64();
        ranges.iter().any(|(least, most)| (*least..=*most).contains(&key))
    }

    #[test]
    fn every_point_of_a_window_has_its_key_in_a_range() {
        let mut seed = 7u64;
        let mut random = move || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 11) as f64 / (1u64 << 53) as f64
        };
        for _ in 0..300 {
            let (west, south) = (random() * 400.0 - 200.0, random() * 180.0 - 90.0);
            let (width, height) = (random().powi(4) * 300.0, random().powi(4) * 60.0);
            let window = LonLatBox {
                west,
                south,
                east: west + width,
                north: (south + height).min(90.0),
            };
            let ranges = key_ranges(&[window]);
            assert!(ranges.len() <= 2 * MOST_RANGES, "{} ranges", ranges.len());
            for _ in 0..50 {
                let lon = west + random() * width;
                let lat = south + random() * (window.north - south);
                assert!(holds(&ranges, lon, lat), "{lon} {lat} in {window:?}");
            }
            for (lon, lat) in [
                (west, south),
                (window.east, window.north),
                (west, window.north),
                (window.east, south),
            ] {
                assert!(holds(&ranges, lon, lat), "corner {lon} {lat} in {window:?}");
            }
        }
    }

    #[test]
    fn a_tile_is_covered_tightly() {
        let tile = TileCoord::new(12, 2861, 1342).expect("a tile");
        let window = tile.bounds();
        let cells: i128 = key_ranges(&[window])
            .iter()
            .map(|(least, most)| i128::from(most - least) + 1)
            .sum();
        let range = Quadbin::key_range(tile);
        let own = i128::from(range.end() - range.start()) + 1;
        assert!(cells < own * 3, "{cells} against {own}");
    }

    #[test]
    fn no_window_at_all_holds_nothing() {
        assert!(key_ranges(&[]).is_empty());
    }
}
