//! Reads TopoJSON topologies into polygons, as far as us-atlas and world-atlas use the format.

use std::fs;
use std::path::Path;

use geo::{Coord, LineString, MultiPolygon, Polygon};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Error, antimeridian};

#[derive(Deserialize)]
pub(crate) struct Topology {
    objects: Map<String, Value>,
    arcs: Vec<Vec<[i64; 2]>>,
    transform: Transform,
}

#[derive(Deserialize)]
struct Transform {
    scale: [f64; 2],
    translate: [f64; 2],
}

/// One geometry of a topology: its id, its `properties.name`, and its polygons (degrees).
pub(crate) struct Area {
    pub id: Option<String>,
    pub name: String,
    pub polygons: MultiPolygon<f64>,
}

#[derive(Deserialize)]
struct Member {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<Value>,
    #[serde(default)]
    properties: Map<String, Value>,
    arcs: Option<Value>,
}

pub(crate) fn read(path: &Path) -> Result<Topology, Error> {
    let bytes = fs::read(path).map_err(|e| Error::source(path, e))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::source(path, e))
}

impl Topology {
    /// The areas of one object, for example `counties`; members without a geometry are left out.
    pub(crate) fn areas(&self, object: &str) -> Result<Vec<Area>, Error> {
        let broken = |what: &str| Error::Topology(format!("{object}: {what}"));
        let members = self
            .objects
            .get(object)
            .and_then(|o| o.get("geometries"))
            .ok_or_else(|| broken("is not there"))?;
        let members: Vec<Member> = serde_json::from_value(members.clone()).map_err(|e| broken(&e.to_string()))?;
        let mut areas = Vec::new();
        for member in members {
            let Some(arcs) = member.arcs else { continue };
            let polygons = match member.kind.as_deref() {
                Some("Polygon") => {
                    vec![self.polygon(serde_json::from_value(arcs).map_err(|e| broken(&e.to_string()))?)]
                }
                Some("MultiPolygon") => {
                    let parts: Vec<Vec<Vec<i64>>> = serde_json::from_value(arcs).map_err(|e| broken(&e.to_string()))?;
                    parts.into_iter().map(|rings| self.polygon(rings)).collect()
                }
                other => return Err(broken(&format!("geometry type {other:?} is not read"))),
            };
            let polygons = polygons
                .into_iter()
                .filter(|polygon| polygon.exterior().0.len() >= 4)
                .flat_map(antimeridian::cut)
                .collect();
            areas.push(Area {
                id: member
                    .id
                    .map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)),
                name: member
                    .properties
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                polygons: MultiPolygon(polygons),
            });
        }
        Ok(areas)
    }

    fn polygon(&self, rings: Vec<Vec<i64>>) -> Polygon<f64> {
        let mut rings = rings.into_iter().map(|arcs| self.ring(&arcs));
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Polygon::new(exterior, rings.filter(|r| r.0.len() >= 4).collect())
    }

    /// Arcs follow one another; the first point of each repeats the last of the one before.
    /// A negative index is the arc `!index`, backwards.
    fn ring(&self, arcs: &[i64]) -> LineString<f64> {
        let mut ring: Vec<Coord<f64>> = Vec::new();
        for index in arcs {
            let at = if *index < 0 { !*index } else { *index } as usize;
            let mut points = self.arcs.get(at).map(|arc| self.decoded(arc)).unwrap_or_default();
            if *index < 0 {
                points.reverse();
            }
            let skip = usize::from(!ring.is_empty());
            ring.extend(points.into_iter().skip(skip));
        }
        LineString(ring)
    }

    /// Arcs are stored as differences of quantised positions.
    fn decoded(&self, arc: &[[i64; 2]]) -> Vec<Coord<f64>> {
        let Transform { scale, translate } = &self.transform;
        let (mut x, mut y) = (0, 0);
        arc.iter()
            .map(|[dx, dy]| {
                x += dx;
                y += dy;
                Coord {
                    x: x as f64 * scale[0] + translate[0],
                    y: y as f64 * scale[1] + translate[1],
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::Area as _;

    #[test]
    fn arcs_are_joined_and_turned() {
        let topology: Topology = serde_json::from_value(serde_json::json!({
            "objects": {"squares": {"geometries": [
                {"type": "Polygon", "id": "07", "properties": {"name": "Left"}, "arcs": [[0, 1]]},
                {"type": "Polygon", "id": 8, "properties": {"name": "Right"}, "arcs": [[2, -1]]}
            ]}},
            // the shared edge (1,0)-(1,1), the rest of the left square, the rest of the right one
            "arcs": [[[1, 0], [0, 1]], [[1, 1], [-1, 0], [0, -1], [1, 0]], [[1, 0], [1, 0], [0, 1], [-1, 0]]],
            "transform": {"scale": [2.0, 2.0], "translate": [10.0, 20.0]}
        }))
        .unwrap();
        let areas = topology.areas("squares").unwrap();
        assert_eq!(areas[0].id.as_deref(), Some("07"));
        assert_eq!(areas[1].id.as_deref(), Some("8"));
        for area in &areas {
            assert!((area.polygons.unsigned_area() - 4.0).abs() < 1e-9, "{}", area.name);
        }
    }
}
