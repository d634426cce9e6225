//! Windows: what a spatial condition with a constant says about where rows lie.
//!
//! A condition such as `ST_Intersects(geom, <constant>)` can only hold for rows whose bounding box touches the
//! constant's. The scan reads no others; the condition itself is asked of what is left.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use sedona_geometry::bounds::wkb_bounds_xy;
use sedona_geometry::interval::IntervalTrait;
use spatial::LonLatBox;

use crate::engine::ToLonLat;

/// Predicates that need the bounding boxes to touch, with a geometry constant on either side.
const TOUCHING: &[&str] = &[
    "st_intersects",
    "st_within",
    "st_contains",
    "st_containsproperly",
    "st_covers",
    "st_coveredby",
    "st_equals",
    "st_touches",
    "st_crosses",
    "st_overlaps",
];

/// The same within a distance in the units of the CRS.
const WITHIN_DISTANCE: &str = "st_dwithin";

/// Points along a side of a box when it is turned into another CRS.
const STEPS: usize = 16;
/// More boxes than this are joined into one.
const MOST_BOXES: usize = 16;

/// Boxes in the geometry column's own CRS: `[xmin, ymin, xmax, ymax]`.
type Boxes = Vec<[f64; 4]>;

/// Where rows can lie for which all filters hold: boxes in longitude and latitude of which a row touches at least one.
/// Nothing is known when no filter says anything about `column`.
pub(crate) fn windows_of(filters: &[Expr], column: &str, crs: &str) -> Option<Vec<LonLatBox>> {
    let boxes = filters
        .iter()
        .filter_map(|filter| boxes_of(filter, column))
        .reduce(|one, other| both(&one, &other))?;
    let to_lonlat = ToLonLat::from_crs(crs).ok()?;
    let boxes = if boxes.len() > MOST_BOXES {
        vec![around(&boxes)]
    } else {
        boxes
    };
    boxes.iter().map(|sides| lonlat_box(*sides, &to_lonlat)).collect()
}

fn boxes_of(filter: &Expr, column: &str) -> Option<Boxes> {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => match (boxes_of(left, column), boxes_of(right, column)) {
            (Some(one), Some(other)) => Some(both(&one, &other)),
            (one, other) => one.or(other),
        },
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => {
            let mut boxes = boxes_of(left, column)?;
            boxes.extend(boxes_of(right, column)?);
            Some(if boxes.len() > MOST_BOXES {
                vec![around(&boxes)]
            } else {
                boxes
            })
        }
        Expr::ScalarFunction(call) => {
            let name = call.func.name();
            match call.args.as_slice() {
                [one, other] if TOUCHING.contains(&name) => {
                    let constant = other_than_column(one, other, column)?;
                    constant_box(constant)
                }
                [one, other, distance] if name == WITHIN_DISTANCE => {
                    let constant = other_than_column(one, other, column)?;
                    let distance = constant_number(distance).filter(|distance| *distance >= 0.0)?;
                    let boxes = constant_box(constant)?;
                    Some(
                        boxes
                            .into_iter()
                            .map(|[xmin, ymin, xmax, ymax]| {
                                [xmin - distance, ymin - distance, xmax + distance, ymax + distance]
                            })
                            .collect(),
                    )
                }
                _ => None,
            }
        }
        Expr::Alias(alias) => boxes_of(&alias.expr, column),
        _ => None,
    }
}

/// The argument that stands next to the geometry column.
fn other_than_column<'a>(one: &'a Expr, other: &'a Expr, column: &str) -> Option<&'a Expr> {
    let is_column = |expression: &Expr| matches!(expression, Expr::Column(found) if found.name == column);
    if is_column(one) {
        Some(other)
    } else if is_column(other) {
        Some(one)
    } else {
        None
    }
}

/// No box at all for a constant that is null or empty: such a condition holds nowhere.
fn constant_box(constant: &Expr) -> Option<Boxes> {
    let Expr::Literal(value, _) = constant else { return None };
    let wkb = match value {
        ScalarValue::Binary(wkb) | ScalarValue::BinaryView(wkb) | ScalarValue::LargeBinary(wkb) => wkb,
        ScalarValue::Null => return Some(Vec::new()),
        _ => return None,
    };
    let Some(wkb) = wkb else { return Some(Vec::new()) };
    let bounds = wkb_bounds_xy(wkb).ok()?;
    let (x, y) = (bounds.x(), bounds.y());
    if x.is_empty() || y.is_empty() {
        return Some(Vec::new());
    }
    let sides = [x.lo(), y.lo(), x.hi(), y.hi()];
    sides.iter().all(|side| side.is_finite()).then(|| vec![sides])
}

fn constant_number(constant: &Expr) -> Option<f64> {
    let Expr::Literal(value, _) = constant else { return None };
    match value.cast_to(&datafusion::arrow::datatypes::DataType::Float64) {
        Ok(ScalarValue::Float64(number)) => number.filter(|number| number.is_finite()),
        _ => None,
    }
}

/// Boxes of which a row touches one when it touches one of each list. A long row may touch two boxes that are apart,
/// so the smaller of each pair is asked for, not what they share.
fn both(one: &Boxes, other: &Boxes) -> Boxes {
    let mut boxes: Boxes = one
        .iter()
        .flat_map(|left| other.iter().map(move |right| smaller(*left, *right)))
        .collect();
    boxes.dedup();
    if boxes.len() > MOST_BOXES {
        vec![around(&boxes)]
    } else {
        boxes
    }
}

fn smaller(one: [f64; 4], other: [f64; 4]) -> [f64; 4] {
    let area = |sides: [f64; 4]| (sides[2] - sides[0]) * (sides[3] - sides[1]);
    if area(one) <= area(other) { one } else { other }
}

fn around(boxes: &Boxes) -> [f64; 4] {
    boxes.iter().fold(
        [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
        |all, one| {
            [
                all[0].min(one[0]),
                all[1].min(one[1]),
                all[2].max(one[2]),
                all[3].max(one[3]),
            ]
        },
    )
}

/// The box in longitude and latitude; nothing when it does not translate, so that nothing is left out.
fn lonlat_box(sides: [f64; 4], to_lonlat: &ToLonLat) -> Option<LonLatBox> {
    let [xmin, ymin, xmax, ymax] = sides;
    if to_lonlat.is_identity() {
        return Some(LonLatBox {
            west: xmin,
            south: ymin,
            east: xmax,
            north: ymax,
        });
    }
    let mut all: Option<[f64; 4]> = None;
    for step in 0..=STEPS {
        let part = step as f64 / STEPS as f64;
        let (x, y) = (xmin + (xmax - xmin) * part, ymin + (ymax - ymin) * part);
        for [x, y] in [[x, ymin], [x, ymax], [xmin, y], [xmax, y], [x, (ymin + ymax) / 2.0]] {
            let [lon, lat] = to_lonlat.point(x, y)?;
            let sides = all.get_or_insert([lon, lat, lon, lat]);
            *sides = [
                sides[0].min(lon),
                sides[1].min(lat),
                sides[2].max(lon),
                sides[3].max(lat),
            ];
        }
    }
    let [west, south, east, north] = all?;
    // Sides bow outwards between the points that were turned.
    let (across, up) = ((east - west) * 0.05, (north - south) * 0.05);
    Some(LonLatBox {
        west: west - across,
        south: south - up,
        east: east + across,
        north: north + up,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{ScalarUDF, SimpleScalarUDF, Volatility, col, lit};

    use super::*;

    /// WKB of a point, little endian.
    fn point(x: f64, y: f64) -> Expr {
        let mut wkb = vec![1, 1, 0, 0, 0];
        wkb.extend(x.to_le_bytes());
        wkb.extend(y.to_le_bytes());
        lit(ScalarValue::Binary(Some(wkb)))
    }

    fn call(name: &str, arguments: Vec<Expr>) -> Expr {
        let function = SimpleScalarUDF::new(
            name,
            vec![DataType::Binary; arguments.len()],
            DataType::Boolean,
            Volatility::Immutable,
            Arc::new(|_| Ok(ScalarValue::Boolean(None).into())),
        );
        ScalarUDF::from(function).call(arguments)
    }

    fn check(filter: Expr, expected: Option<Vec<[f64; 4]>>) {
        let found = windows_of(&[filter], "geom", "EPSG:4326");
        let found = found.map(|boxes| boxes.iter().map(|sides| sides.to_array()).collect::<Vec<_>>());
        assert_eq!(found, expected);
    }

    #[test]
    fn conditions_with_a_constant_say_where() {
        let here = || call("st_intersects", vec![col("geom"), point(3.0, 4.0)]);
        check(here(), Some(vec![[3.0, 4.0, 3.0, 4.0]]));
        check(
            call("st_within", vec![point(3.0, 4.0), col("geom")]),
            Some(vec![[3.0, 4.0, 3.0, 4.0]]),
        );
        check(
            call("st_dwithin", vec![col("geom"), point(3.0, 4.0), lit(1.0)]),
            Some(vec![[2.0, 3.0, 4.0, 5.0]]),
        );
        check(here().and(col("a").eq(lit(1))), Some(vec![[3.0, 4.0, 3.0, 4.0]]));
        check(
            here().or(call("st_intersects", vec![col("geom"), point(9.0, 9.0)])),
            Some(vec![[3.0, 4.0, 3.0, 4.0], [9.0, 9.0, 9.0, 9.0]]),
        );
        check(
            call("st_intersects", vec![col("geom"), lit(ScalarValue::Binary(None))]),
            Some(vec![]),
        );
    }

    #[test]
    fn other_conditions_say_nothing() {
        check(col("a").eq(lit(1)), None);
        check(call("st_disjoint", vec![col("geom"), point(3.0, 4.0)]), None);
        check(call("st_intersects", vec![col("other"), point(3.0, 4.0)]), None);
        check(
            call("st_intersects", vec![col("geom"), point(3.0, 4.0)]).or(col("a").eq(lit(1))),
            None,
        );
        check(!call("st_intersects", vec![col("geom"), point(3.0, 4.0)]), None);
    }
}
