//! Coordinate reference systems: PROJ when the machine has it, a pure Rust fallback for common EPSG codes otherwise.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::OnceLock;

use proj4rs::Proj;
use sedona_geometry::bounding_box::BoundingBox;
use sedona_geometry::error::SedonaGeometryError;
use sedona_geometry::transform::{CrsEngine, CrsTransform};
use sedona_proj::transform::{LazyProjEngine, ProjCrsEngineBuilder, configure_global_proj_engine};

use crate::error::{Error, Result};
use crate::types::DEFAULT_CRS;

/// Where Debian and others keep PROJ.
const LIBRARIES: &[&str] = &[
    "libproj.so.25",
    "libproj.so.26",
    "libproj.so.22",
    "libproj.so",
    "libproj.dylib",
];
/// Names of longitude, latitude on WGS 84, all the same here.
const LONLAT: &[&str] = &["EPSG:4326", "OGC:CRS84", "CRS84", "WGS84", "EPSG:4979"];

/// Looks for PROJ once per process; says so when it is not there.
pub(super) fn load_projections() -> bool {
    static IS_LOADED: OnceLock<bool> = OnceLock::new();
    *IS_LOADED.get_or_init(|| {
        let found = LIBRARIES.iter().map(PathBuf::from).find(|library| {
            ProjCrsEngineBuilder::default().with_shared_library(library.clone()).build().is_ok()
        });
        match found {
            Some(library) => {
                configure_global_proj_engine(ProjCrsEngineBuilder::default().with_shared_library(library)).is_ok()
            }
            None => {
                tracing::warn!(
                    "libproj was not found: only common EPSG codes can be transformed. Install the package libproj25 (Debian) or proj"
                );
                false
            }
        }
    })
}

/// Whether two names mean longitude and latitude on WGS 84.
#[must_use]
pub fn is_lonlat(crs: &str) -> bool {
    crs.is_empty() || LONLAT.iter().any(|name| name.eq_ignore_ascii_case(crs)) || is_lonlat_projjson(crs)
}

fn is_lonlat_projjson(crs: &str) -> bool {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(crs) else {
        return false;
    };
    let id = json.get("id");
    let authority = id.and_then(|id| id.get("authority")).and_then(|value| value.as_str());
    let code = id.and_then(|id| id.get("code")).map(|code| code.to_string());
    match (authority, code) {
        (Some(authority), Some(code)) => is_lonlat(&format!("{authority}:{}", code.trim_matches('"'))),
        _ => false,
    }
}

/// A CRS as PROJJSON, which GeoParquet asks for; `None` when nobody here can say it.
pub(crate) fn projjson_of(crs: &str) -> Option<serde_json::Value> {
    if let Ok(json @ serde_json::Value::Object(_)) = serde_json::from_str(crs) {
        return Some(json);
    }
    serde_json::from_str(&Projections.to_projjson(crs).ok()?).ok()
}

/// Whether coordinates in `crs` (an authority code such as `EPSG:3857`, WKT or PROJJSON) can be understood here.
pub fn check_crs(crs: &str) -> Result<()> {
    ToLonLat::from_crs(crs).map(|_| ())
}

/// Turns coordinates of one CRS into longitude and latitude. Belongs to the thread that made it.
pub struct ToLonLat {
    /// None: the coordinates are longitudes and latitudes already.
    transform: Option<Rc<dyn CrsTransform>>,
}

impl ToLonLat {
    pub fn from_crs(crs: &str) -> Result<Self> {
        if is_lonlat(crs) {
            return Ok(ToLonLat { transform: None });
        }
        let transform = Projections
            .get_transform_crs_to_crs(crs, DEFAULT_CRS, None, "")
            .map_err(|error| Error::Crs {
                crs: crs.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(ToLonLat {
            transform: Some(transform),
        })
    }

    /// Nothing needs to be done: the coordinates are longitude and latitude already.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.transform.is_none()
    }

    /// `[longitude, latitude]` of a point; `None` where the CRS does not reach.
    #[must_use]
    pub fn point(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let Some(transform) = &self.transform else {
            return Some([x, y]);
        };
        let mut point = (x, y);
        transform.transform_coord(&mut point).ok()?;
        (point.0.is_finite() && point.1.is_finite()).then_some([point.0, point.1])
    }

    /// A whole WKB geometry with its coordinates turned.
    pub fn wkb(&self, geometry: &[u8]) -> Result<Vec<u8>> {
        let Some(transform) = &self.transform else {
            return Ok(geometry.to_vec());
        };
        let parsed = wkb::reader::read_wkb(geometry)
            .map_err(|error| Error::Execution(format!("Not a WKB geometry: {error}")))?;
        let mut turned = Vec::with_capacity(geometry.len());
        sedona_geometry::transform::transform(parsed, transform.as_ref(), &mut turned)
            .map_err(|error| Error::Execution(error.to_string()))?;
        Ok(turned)
    }
}

/// The engine's source of transformations.
#[derive(Debug)]
pub(super) struct Projections;

impl CrsEngine for Projections {
    fn get_transform_crs_to_crs(
        &self,
        from: &str,
        to: &str,
        area: Option<BoundingBox>,
        options: &str,
    ) -> Result<Rc<dyn CrsTransform>, SedonaGeometryError> {
        if load_projections() {
            return LazyProjEngine.get_transform_crs_to_crs(from, to, area, options);
        }
        Ok(Rc::new(Fallback {
            from: common_projection(from)?,
            to: common_projection(to)?,
        }))
    }

    fn get_transform_pipeline(
        &self,
        pipeline: &str,
        options: &str,
    ) -> Result<Rc<dyn CrsTransform>, SedonaGeometryError> {
        if load_projections() {
            return LazyProjEngine.get_transform_pipeline(pipeline, options);
        }
        Err(needs_proj(pipeline))
    }

    fn to_projjson(&self, crs: &str) -> Result<String, SedonaGeometryError> {
        if load_projections() {
            return LazyProjEngine.to_projjson(crs);
        }
        Err(needs_proj(crs))
    }
}

fn needs_proj(what: &str) -> SedonaGeometryError {
    SedonaGeometryError::Invalid(format!(
        "'{what}' needs the PROJ library: install the package libproj25 (Debian) or proj"
    ))
}

fn common_projection(crs: &str) -> Result<Proj, SedonaGeometryError> {
    let code = if is_lonlat(crs) {
        "4326"
    } else {
        crs.strip_prefix("EPSG:").unwrap_or_default()
    };
    let code: u16 = code.parse().map_err(|_| needs_proj(crs))?;
    Proj::from_epsg_code(code).map_err(|_| needs_proj(crs))
}

/// Transformations without PROJ: no datum grids, metres off where grids matter.
struct Fallback {
    from: Proj,
    to: Proj,
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Fallback")
    }
}

impl CrsTransform for Fallback {
    fn transform_coord(&self, point: &mut (f64, f64)) -> Result<(), SedonaGeometryError> {
        // proj4rs wants longitudes and latitudes in radians.
        let from = if self.from.is_latlong() {
            (point.0.to_radians(), point.1.to_radians())
        } else {
            *point
        };
        let to = proj4rs::adaptors::transform_vertex_2d(&self.from, &self.to, from)
            .map_err(|error| SedonaGeometryError::Invalid(error.to_string()))?;
        *point = if self.to.is_latlong() {
            (to.0.to_degrees(), to.1.to_degrees())
        } else {
            to
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EPSG guidance note 7-2, §3.2.1.2: spherical Mercator backwards, with the radius 6,378,137 m.
    #[test]
    fn web_mercator_becomes_longitude_and_latitude() {
        let [lon, lat] = ToLonLat::from_crs("EPSG:3857")
            .expect("known")
            .point(7950000.0, 6650000.0)
            .expect("on the map");
        assert!((lon - 71.416_065_087_5).abs() < 1e-6, "{lon}");
        assert!((lat - 51.162_000_960_3).abs() < 1e-6, "{lat}");
    }

    #[test]
    fn the_fallback_agrees_with_proj_on_utm() {
        let fallback = Fallback {
            from: common_projection("EPSG:32633").expect("UTM 33"),
            to: common_projection("EPSG:4326").expect("WGS 84"),
        };
        let mut point = (500_000.0, 5_000_000.0);
        fallback.transform_coord(&mut point).expect("on the map");
        assert!(
            (point.0 - 15.0).abs() < 1e-9 && (point.1 - 45.153_450_0).abs() < 1e-3,
            "{point:?}"
        );
    }

    #[test]
    fn an_unknown_crs_is_named() {
        let error = check_crs("EPSG:999999").expect_err("unknown").to_string();
        assert!(error.contains("EPSG:999999"), "{error}");
    }
}
