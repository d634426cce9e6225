//! Where rows are: their key, their level of detail as far as one row can tell, and their box.

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, BinaryArray, Float32Array, Int8Array, Int8Builder, Int64Array, Int64Builder};
use spatial::{Quadbin, level_of_detail, mercator};

use crate::catalog::GeometryStatistics;
use crate::engine::ToLonLat;

use super::wkb::{GeometryType, walk};

/// The level of detail of points before they were compared with their neighbours.
pub(super) const TO_BE_ELECTED: i8 = -1;

/// Keys of the rows of one batch.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) quadbins: Int64Array,
    /// [`TO_BE_ELECTED`] for points.
    pub(crate) levels: Int8Array,
    /// Some row is something else than a point.
    pub(crate) has_shapes: bool,
}

/// What one geometry covers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cover {
    kind: GeometryType,
    /// `[xmin, ymin, xmax, ymax]` in the geometry's own coordinates; absent when it is empty or a coordinate is not
    /// finite.
    bounds: Option<[f64; 4]>,
    /// `[west, south, east, north]` in degrees; absent too where the projection does not reach.
    lonlat: Option<[f64; 4]>,
}

fn cover_of(bytes: &[u8], to_lonlat: &ToLonLat) -> Option<Cover> {
    let mut own = Bounds::empty();
    let mut lonlat = Bounds::empty();
    let is_identity = to_lonlat.is_identity();
    let kind = walk(bytes, &mut |x, y| {
        own.add(x, y);
        if !is_identity {
            match to_lonlat.point(x, y) {
                Some([lon, lat]) => lonlat.add(lon, lat),
                None => lonlat.is_finite = false,
            }
        }
    })?;
    let bounds = own.get();
    Some(Cover {
        kind,
        bounds,
        lonlat: if is_identity { bounds } else { lonlat.get() },
    })
}

/// A box that grows.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    sides: [f64; 4],
    is_finite: bool,
}

impl Bounds {
    fn empty() -> Self {
        Bounds {
            sides: [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
            is_finite: true,
        }
    }

    #[inline]
    fn add(&mut self, x: f64, y: f64) {
        self.is_finite &= x.is_finite() && y.is_finite();
        self.sides = [
            self.sides[0].min(x),
            self.sides[1].min(y),
            self.sides[2].max(x),
            self.sides[3].max(y),
        ];
    }

    fn get(self) -> Option<[f64; 4]> {
        (self.is_finite && self.sides[0] <= self.sides[2]).then_some(self.sides)
    }

    fn merge(&mut self, other: [f64; 4]) {
        self.add(other[0], other[1]);
        self.add(other[2], other[3]);
    }
}

impl Keys {
    /// Keys of geometries. Rows without a place (null, empty, not finite, no WKB) have none.
    pub(crate) fn of(geometries: &BinaryArray, to_lonlat: &ToLonLat) -> Keys {
        let mut quadbins = Int64Builder::with_capacity(geometries.len());
        let mut levels = Int8Builder::with_capacity(geometries.len());
        let mut has_shapes = false;
        for bytes in geometries {
            let cover = bytes.and_then(|bytes| cover_of(bytes, to_lonlat));
            has_shapes |= cover.is_some_and(|cover| !cover.kind.is_point());
            let key = cover.and_then(|cover| Some((cover, quadbin_of(cover.lonlat?)?)));
            match key {
                Some((cover, quadbin)) => {
                    quadbins.append_value(quadbin.as_i64());
                    levels.append_value(if cover.kind.is_point() {
                        TO_BE_ELECTED
                    } else {
                        cover.lonlat.map_or(level_of_detail::DEEPEST_EXTENT, level_of)
                    });
                }
                None => {
                    quadbins.append_null();
                    levels.append_null();
                }
            }
        }
        Keys {
            quadbins: quadbins.finish(),
            levels: levels.finish(),
            has_shapes,
        }
    }
}

fn quadbin_of([west, south, east, north]: [f64; 4]) -> Option<Quadbin> {
    Quadbin::from_lonlat(
        f64::midpoint(west, east),
        f64::midpoint(south, north),
        spatial::MAX_ZOOM,
    )
}

fn level_of([west, south, east, north]: [f64; 4]) -> i8 {
    let [left, bottom] = mercator::unit_from_lonlat(west, south);
    let [right, top] = mercator::unit_from_lonlat(east, north);
    level_of_detail::of_extent(right - left, bottom - top)
}

/// Gathers what the rows of one file cover.
#[derive(Debug)]
pub(crate) struct GeometryScan {
    own: Option<Bounds>,
    lonlat: Option<Bounds>,
    types: BTreeSet<GeometryType>,
    pub(crate) nulls: u64,
    pub(crate) values: u64,
}

impl GeometryScan {
    pub(crate) fn new() -> Self {
        GeometryScan {
            own: None,
            lonlat: None,
            types: BTreeSet::new(),
            nulls: 0,
            values: 0,
        }
    }

    /// Takes in a batch. With `wants_bounds`, gives the rows' boxes as the columns of [`super::BOUNDS_COLUMNS`].
    pub(crate) fn add(
        &mut self,
        geometries: &BinaryArray,
        to_lonlat: &ToLonLat,
        wants_bounds: bool,
    ) -> Option<[Float32Array; 4]> {
        let mut columns: [Vec<Option<f32>>; 4] = Default::default();
        for bytes in geometries {
            let cover = bytes.and_then(|bytes| cover_of(bytes, to_lonlat));
            match bytes {
                Some(_) => self.values += 1,
                None => self.nulls += 1,
            }
            if let Some(cover) = cover {
                self.types.insert(cover.kind);
                if let Some(bounds) = cover.bounds {
                    self.own.get_or_insert_with(Bounds::empty).merge(bounds);
                }
                if let Some(bounds) = cover.lonlat {
                    self.lonlat.get_or_insert_with(Bounds::empty).merge(bounds);
                }
            }
            if wants_bounds {
                let sides = cover.and_then(|cover| cover.lonlat).map(round_outward);
                for (column, side) in columns.iter_mut().zip(0..4) {
                    column.push(sides.map(|sides| sides[side]));
                }
            }
        }
        wants_bounds.then(|| columns.map(Float32Array::from))
    }

    /// As the catalog keeps it.
    pub(crate) fn statistics(&self) -> GeometryStatistics {
        GeometryStatistics {
            bounds: self.bounds(),
            types: self
                .types
                .iter()
                .map(|kind| kind.catalog_name())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        }
    }

    /// `[xmin, ymin, xmax, ymax]` in the geometries' own coordinates.
    pub(crate) fn bounds(&self) -> Option<[f64; 4]> {
        self.own.and_then(Bounds::get)
    }

    /// `[west, south, east, north]` in degrees.
    pub(crate) fn lonlat_bounds(&self) -> Option<[f64; 4]> {
        self.lonlat.and_then(Bounds::get)
    }

    /// GeoParquet's names of the types.
    pub(crate) fn geoparquet_types(&self) -> Vec<String> {
        self.types.iter().map(|kind| kind.geoparquet_name()).collect()
    }
}

/// A box in single precision that holds the box.
fn round_outward([west, south, east, north]: [f64; 4]) -> [f32; 4] {
    let down = |side: f64| {
        let rounded = side as f32;
        if f64::from(rounded) > side {
            rounded.next_down()
        } else {
            rounded
        }
    };
    let up = |side: f64| {
        let rounded = side as f32;
        if f64::from(rounded) < side {
            rounded.next_up()
        } else {
            rounded
        }
    };
    [down(west), down(south), up(east), up(north)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, y: f64) -> Vec<u8> {
        [&[1u8, 1, 0, 0, 0][..], &x.to_le_bytes(), &y.to_le_bytes()].concat()
    }

    fn line(coordinates: &[[f64; 2]]) -> Vec<u8> {
        let mut bytes = vec![1u8, 2, 0, 0, 0];
        bytes.extend((coordinates.len() as u32).to_le_bytes());
        for number in coordinates.iter().flatten() {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    fn lonlat() -> ToLonLat {
        ToLonLat::from_crs("EPSG:4326").unwrap()
    }

    #[test]
    fn rows_without_a_place_have_no_key() {
        let empty = point(f64::NAN, f64::NAN);
        let infinite = line(&[[0.0, 0.0], [f64::INFINITY, 1.0]]);
        let rows = BinaryArray::from(vec![
            None,
            Some(empty.as_slice()),
            Some(infinite.as_slice()),
            Some(b"no geometry".as_slice()),
        ]);
        let keys = Keys::of(&rows, &lonlat());
        assert_eq!(keys.quadbins.null_count(), 4);
        assert_eq!(keys.levels.null_count(), 4);
        let mut scan = GeometryScan::new();
        let bounds = scan.add(&rows, &lonlat(), true).unwrap();
        assert!(bounds.iter().all(|column| column.null_count() == 4));
        assert_eq!((scan.nulls, scan.values, scan.lonlat_bounds()), (1, 3, None));
    }

    #[test]
    fn a_shape_is_keyed_by_the_centre_of_its_box() {
        let shape = line(&[[10.0, 20.0], [30.0, 40.0]]);
        let centre = point(20.0, 30.0);
        let rows = BinaryArray::from(vec![Some(shape.as_slice()), Some(centre.as_slice())]);
        let keys = Keys::of(&rows, &lonlat());
        assert!(keys.has_shapes);
        assert_eq!(keys.quadbins.value(0), keys.quadbins.value(1));
        assert_eq!(keys.levels.value(1), TO_BE_ELECTED);
        // 20 degrees of longitude are 1/18 of the world: more than a pixel at zoom 0.
        assert_eq!(keys.levels.value(0), 0);
    }

    #[test]
    fn boxes_are_rounded_outward() {
        for side in [0.1, -0.1, 1.0 / 3.0, 179.999_999_99, -52.123_456_789] {
            let [west, south, east, north] = round_outward([side; 4]);
            assert!(f64::from(west) <= side && f64::from(south) <= side);
            assert!(f64::from(east) >= side && f64::from(north) >= side);
            assert!(f64::from(east) - f64::from(west) < 1e-4);
        }
    }

    #[test]
    fn projected_geometries_are_keyed_in_degrees() {
        // pyproj: EPSG:3857 (1113194.9079327357, 2273030.926987689) is 10 E 20 N.
        let rows = BinaryArray::from(
            vec![Some(point(1_113_194.907_932_735_7, 2_273_030.926_987_689))]
                .iter()
                .map(|bytes| bytes.as_deref())
                .collect::<Vec<_>>(),
        );
        let to_lonlat = ToLonLat::from_crs("EPSG:3857").unwrap();
        let keys = Keys::of(&rows, &to_lonlat);
        assert_eq!(
            Quadbin::try_from(keys.quadbins.value(0)).unwrap().tile().z(),
            Quadbin::from_lonlat(10.0, 20.0, 26).unwrap().tile().z()
        );
        let mut scan = GeometryScan::new();
        scan.add(&rows, &to_lonlat, false);
        let [west, south, ..] = scan.lonlat_bounds().unwrap();
        assert!(
            (west - 10.0).abs() < 1e-7 && (south - 20.0).abs() < 1e-7,
            "{west} {south}"
        );
        assert_eq!(scan.statistics().types, ["point"]);
    }
}
