//! Conditions on places that a scan of points answers by itself, row by row as the functions do.
//!
//! `ST_Intersects(geom, <rectangle>)`, several of them joined by OR, and `geom IS NOT NULL`: what map clients ask for.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, ColumnarValue, Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;
use resident::{NotPoints, touches_boxes};

/// A condition that is about places alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Exactly {
    /// Points touch any of these boxes `[xmin, ymin, xmax, ymax]` in the column's own CRS.
    Boxes(Vec<[f64; 4]>),
    HasGeometry,
}

impl Exactly {
    /// What a filter says of `column`, when it says nothing else.
    pub(super) fn of(filter: &Expr, column: &str) -> Option<Self> {
        match filter {
            Expr::IsNotNull(inner) => is_column(inner, column).then_some(Exactly::HasGeometry),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Or,
                right,
            }) => match (Exactly::of(left, column)?, Exactly::of(right, column)?) {
                (Exactly::Boxes(mut boxes), Exactly::Boxes(more)) => {
                    boxes.extend(more);
                    Some(Exactly::Boxes(boxes))
                }
                (Exactly::HasGeometry, _) | (_, Exactly::HasGeometry) => None,
            },
            Expr::ScalarFunction(call) if call.func.name() == "st_intersects" => {
                let [one, other] = call.args.as_slice() else {
                    return None;
                };
                let constant = if is_column(one, column) {
                    other
                } else if is_column(other, column) {
                    one
                } else {
                    return None;
                };
                Some(Exactly::Boxes(vec![rectangle(constant)?]))
            }
            _ => None,
        }
    }
}

fn is_column(expression: &Expr, column: &str) -> bool {
    matches!(expression, Expr::Column(found) if found.name == column)
}

/// A polygon of four sides along the axes.
fn rectangle(constant: &Expr) -> Option<[f64; 4]> {
    const HEADER: [u8; 13] = [1, 3, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0];
    let Expr::Literal(ScalarValue::Binary(Some(wkb)) | ScalarValue::BinaryView(Some(wkb)), _) = constant else {
        return None;
    };
    let numbers = wkb.strip_prefix(&HEADER)?;
    if numbers.len() != 80 {
        return None;
    }
    let corners: Vec<[f64; 2]> = numbers
        .chunks_exact(16)
        .map(|corner| {
            let number = |at: usize| f64::from_le_bytes(corner[at..at + 8].try_into().expect("eight bytes"));
            [number(0), number(8)]
        })
        .collect();
    let side = |axis: usize, pick: fn(f64, f64) -> f64| corners.iter().map(|corner| corner[axis]).reduce(pick);
    let sides = [
        side(0, f64::min)?,
        side(1, f64::min)?,
        side(0, f64::max)?,
        side(1, f64::max)?,
    ];
    let is_corner = |[x, y]: [f64; 2]| (x == sides[0] || x == sides[2]) && (y == sides[1] || y == sides[3]);
    let turns = corners
        .windows(2)
        .all(|pair| (pair[0][0] == pair[1][0]) != (pair[0][1] == pair[1][1]));
    let around = corners[0] == corners[4] && corners[0] != corners[2] && corners[1] != corners[3];
    (sides.iter().all(|side| side.is_finite())
        && corners.iter().copied().all(is_corner)
        && turns
        && around
        && sides[0] < sides[2]
        && sides[1] < sides[3])
        .then_some(sides)
}

/// The condition on rows of a file: coordinates are compared while all geometries are points, else the function decides.
#[derive(Debug, Clone)]
pub(super) struct PointsInBoxes {
    pub(super) geometry: Arc<dyn PhysicalExpr>,
    pub(super) boxes: Vec<[f64; 4]>,
    /// The condition as it was written.
    pub(super) written: Arc<dyn PhysicalExpr>,
}

impl PartialEq for PointsInBoxes {
    fn eq(&self, other: &Self) -> bool {
        self.boxes == other.boxes && self.geometry.eq(&other.geometry) && self.written.eq(&other.written)
    }
}

impl Eq for PointsInBoxes {}

impl Hash for PointsInBoxes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.hash(state);
    }
}

impl fmt::Display for PointsInBoxes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} touches any of {:?}", self.geometry, self.boxes)
    }
}

impl PhysicalExpr for PointsInBoxes {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let geometry: ArrayRef = self.geometry.evaluate(batch)?.into_array(batch.num_rows())?;
        let geometry = if *geometry.data_type() == DataType::Binary {
            geometry
        } else {
            cast(&geometry, &DataType::Binary)?
        };
        match touches_boxes(geometry.as_binary(), &self.boxes) {
            Ok(answers) => Ok(ColumnarValue::Array(Arc::new(answers))),
            Err(NotPoints) => self.written.evaluate(batch),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.geometry, &self.written]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match <[_; 2]>::try_from(children) {
            Ok([geometry, written]) => Ok(Arc::new(PointsInBoxes {
                geometry,
                boxes: self.boxes.clone(),
                written,
            })),
            Err(_) => Err(DataFusionError::Internal("points in boxes have two inputs".to_owned())),
        }
    }

    fn fmt_sql(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt_sql(formatter)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{ScalarUDF, SimpleScalarUDF, Volatility, col, lit};

    use super::*;

    fn polygon(corners: &[[f64; 2]]) -> Expr {
        let mut wkb = vec![1, 3, 0, 0, 0, 1, 0, 0, 0, corners.len() as u8, 0, 0, 0];
        for number in corners.iter().flatten() {
            wkb.extend(number.to_le_bytes());
        }
        lit(ScalarValue::Binary(Some(wkb)))
    }

    fn intersects(one: Expr, other: Expr) -> Expr {
        let function = SimpleScalarUDF::new(
            "st_intersects",
            vec![DataType::Binary; 2],
            DataType::Boolean,
            Volatility::Immutable,
            Arc::new(|_| Ok(ScalarValue::Boolean(None).into())),
        );
        ScalarUDF::from(function).call(vec![one, other])
    }

    const BOX: [[f64; 2]; 5] = [[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 4.0], [1.0, 2.0]];

    #[test]
    fn boxes_are_recognised() {
        let sides = [1.0, 2.0, 3.0, 4.0];
        let check = |filter: Expr, expected: Option<Exactly>| {
            assert_eq!(Exactly::of(&filter, "geom"), expected, "{filter}");
        };
        let here = || intersects(col("geom"), polygon(&BOX));
        check(here(), Some(Exactly::Boxes(vec![sides])));
        check(
            intersects(polygon(&BOX), col("geom")),
            Some(Exactly::Boxes(vec![sides])),
        );
        check(here().or(here()), Some(Exactly::Boxes(vec![sides, sides])));
        check(col("geom").is_not_null(), Some(Exactly::HasGeometry));
        check(here().or(col("geom").is_not_null()), None);
        check(here().or(col("a").eq(lit(1))), None);
        check(!here(), None);
        check(intersects(col("other"), polygon(&BOX)), None);
    }

    #[test]
    fn other_shapes_are_left_to_the_function() {
        let check = |corners: &[[f64; 2]]| {
            assert_eq!(
                Exactly::of(&intersects(col("geom"), polygon(corners)), "geom"),
                None,
                "{corners:?}"
            );
        };
        check(&[[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.5, 4.0], [1.0, 2.0]]);
        check(&[[1.0, 2.0], [3.0, 4.0], [3.0, 2.0], [1.0, 4.0], [1.0, 2.0]]);
        check(&[[1.0, 2.0], [3.0, 2.0], [1.0, 2.0], [1.0, 4.0], [1.0, 2.0]]);
        check(&[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]);
        check(&[
            [1.0, 2.0],
            [f64::INFINITY, 2.0],
            [f64::INFINITY, 4.0],
            [1.0, 4.0],
            [1.0, 2.0],
        ]);
        check(&BOX[..4]);
    }
}
