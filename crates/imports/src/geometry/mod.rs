//! Geometries on their way into a table: read, checked, repaired where the meaning is clear, turned to EPSG:4326.

mod check;
mod read;
mod wkb;

use geo::Geometry;
use warehouse::ToLonLat;

pub(crate) use read::{Given, from_geojson, from_text, looks_like_geometry};
pub(crate) use wkb::from_wkb;

use crate::error::{Error, Result};

/// What becomes of a geometry.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Well-known binary in EPSG:4326, and what was repaired, if anything.
    Kept { wkb: Vec<u8>, repair: Option<String> },
    /// There is nothing: null, or a geometry without points.
    Absent,
    /// It cannot be used, for this reason.
    Refused(String),
}

/// Turns geometries of one CRS into usable ones in EPSG:4326. Belongs to the thread that made it.
pub(crate) struct Gate {
    crs: String,
    to_lonlat: ToLonLat,
}

impl Gate {
    pub(crate) fn from_crs(crs: &str) -> Result<Self> {
        let to_lonlat = ToLonLat::from_crs(crs).map_err(|error| Error::Crs {
            crs: crs.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            crs: crs.to_owned(),
            to_lonlat,
        })
    }

    pub(crate) fn crs(&self) -> &str {
        &self.crs
    }

    /// Checks, turns and repairs one geometry.
    pub(crate) fn pass(&self, geometry: &Geometry<f64>) -> Verdict {
        if check::is_empty(geometry) {
            return Verdict::Absent;
        }
        if let Some(reason) = check::not_finite(geometry) {
            return Verdict::Refused(reason);
        }
        let turned;
        let geometry = if self.to_lonlat.is_identity() {
            geometry
        } else {
            match self.turned(geometry) {
                Ok(geometry) => turned = geometry,
                Err(reason) => return Verdict::Refused(reason),
            }
            &turned
        };
        match check::repaired(geometry) {
            Ok((geometry, repair)) => match read::to_wkb(&geometry) {
                Ok(wkb) => Verdict::Kept { wkb, repair },
                Err(reason) => Verdict::Refused(reason),
            },
            Err(reason) => Verdict::Refused(reason),
        }
    }

    fn turned(&self, geometry: &Geometry<f64>) -> Result<Geometry<f64>, String> {
        let outside = || format!("lies outside of where {} can be used", self.crs);
        if let Geometry::Point(point) = geometry {
            let [lon, lat] = self.to_lonlat.point(point.x(), point.y()).ok_or_else(outside)?;
            return Ok(geo::Point::new(lon, lat).into());
        }
        let turned = self.to_lonlat.wkb(&read::to_wkb(geometry)?).map_err(|_| outside())?;
        let turned = from_wkb(&turned)?.geometry.ok_or_else(outside)?;
        if check::not_finite(&turned).is_some() {
            Err(outside())
        } else {
            Ok(turned)
        }
    }
}

/// Gates for the CRS of a file and for those that single values name (`SRID=25830;POINT …`).
pub(crate) struct Gates {
    default: Gate,
    others: Vec<Gate>,
}

impl Gates {
    pub(crate) fn from_crs(crs: &str) -> Result<Self> {
        Ok(Self {
            default: Gate::from_crs(crs)?,
            others: Vec::new(),
        })
    }

    pub(crate) fn pass(&mut self, given: &Given) -> Verdict {
        let Some(geometry) = &given.geometry else {
            return Verdict::Absent;
        };
        let gate = match given.srid {
            None | Some(0) => &self.default,
            Some(srid) => match self.other(srid) {
                Ok(gate) => gate,
                Err(error) => return Verdict::Refused(error.to_string()),
            },
        };
        gate.pass(geometry)
    }

    fn other(&mut self, srid: u32) -> Result<&Gate> {
        let crs = format!("EPSG:{srid}");
        let known = self.others.iter().position(|gate| gate.crs() == crs);
        let at = match known {
            Some(at) => at,
            None => {
                self.others.push(Gate::from_crs(&crs)?);
                self.others.len() - 1
            }
        };
        Ok(&self.others[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(crs: &str, wkt: &str) -> Verdict {
        Gates::from_crs(crs).unwrap().pass(&from_text(wkt).unwrap())
    }

    fn kept(crs: &str, wkt: &str) -> (Geometry<f64>, Option<String>) {
        match check(crs, wkt) {
            Verdict::Kept { wkb, repair } => (from_wkb(&wkb).unwrap().geometry.unwrap(), repair),
            other => panic!("{wkt}: {other:?}"),
        }
    }

    fn refused(wkt: &str) -> String {
        match check("EPSG:4326", wkt) {
            Verdict::Refused(reason) => reason,
            other => panic!("{wkt}: {other:?}"),
        }
    }

    #[test]
    fn web_mercator_becomes_longitude_and_latitude() {
        // The corner of the square world, by the definition of EPSG:3857.
        let (geometry, repair) = kept("EPSG:3857", "POINT(20037508.342789244 0)");
        let Geometry::Point(point) = geometry else {
            panic!("no point")
        };
        assert!((point.x().abs() - 180.0).abs() < 1e-6 && point.y().abs() < 1e-6);
        assert_eq!(repair, None);
    }

    #[test]
    fn a_value_may_name_its_own_crs() {
        let (Geometry::Point(point), _) = kept("EPSG:4326", "SRID=3857;POINT(1113194.9079327357 0)") else {
            panic!()
        };
        assert!((point.x() - 10.0).abs() < 1e-6, "{point:?}");
    }

    #[test]
    fn an_unknown_crs_is_refused_by_name() {
        let Err(error) = Gates::from_crs("EPSG:123456789") else {
            panic!("it was taken")
        };
        assert!(error.to_string().contains("EPSG:123456789"));
    }

    #[test]
    fn what_lies_outside_the_world_is_refused() {
        assert!(refused("POINT(2 95)").contains("latitude 95"));
        assert!(refused("POINT(700000 4500000)").contains("projected"));
        assert!(refused("POLYGON((0 0, 1 1, 0 0, 0 0))").contains("no area"));
    }

    #[test]
    fn nothing_is_not_an_error() {
        assert_eq!(check("EPSG:4326", "POINT EMPTY"), Verdict::Absent);
        assert_eq!(check("EPSG:4326", "GEOMETRYCOLLECTION EMPTY"), Verdict::Absent);
    }

    #[test]
    fn a_longitude_past_180_comes_back_from_the_other_side() {
        let (geometry, repair) = kept("EPSG:4326", "POINT(190 10)");
        assert_eq!(geometry, geo::Point::new(-170.0, 10.0).into());
        assert!(repair.unwrap().contains("180"));
    }

    #[test]
    fn a_polygon_past_the_antimeridian_is_cut_in_two() {
        use geo::Area;
        let (geometry, repair) = kept("EPSG:4326", "POLYGON((170 0, 190 0, 190 10, 170 10, 170 0))");
        let Geometry::MultiPolygon(parts) = geometry else {
            panic!("not two parts")
        };
        assert_eq!(parts.0.len(), 2);
        assert!((parts.unsigned_area() - 200.0).abs() < 1e-9);
        assert!(repair.unwrap().contains("antimeridian"));
    }

    #[test]
    fn a_bow_tie_becomes_two_triangles() {
        use geo::Area;
        let (geometry, repair) = kept("EPSG:4326", "POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))");
        assert!((geometry.unsigned_area() - 2.0).abs() < 1e-9, "{geometry:?}");
        assert!(repair.unwrap().contains("crosses itself"));
    }

    #[test]
    fn a_hole_stays_a_hole() {
        use geo::Area;
        let (geometry, repair) = kept(
            "EPSG:4326",
            "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
        );
        assert!((geometry.unsigned_area() - 15.0).abs() < 1e-9);
        assert_eq!(repair, None);
    }
}
