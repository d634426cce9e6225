//! TileJSON: what clients must know before they ask for tiles.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use sources::{Field, FieldType, Source};
use spatial::{LonLatBox, TileResolution};
use warehouse::{GeometryKind, Limits};

use crate::dropped::Counts;
use crate::error::{Error, Result};
use crate::properties::FEATURE_ID;

/// The deepest zoom that tiles are made for: a pixel is two centimetres then,
/// and places are kept to one. Clients enlarge it beyond.
pub const MAX_ZOOM: u8 = 22;

/// The name of the one layer in every tile.
const LAYER: &str = "default";

/// A TileJSON document as CARTO's clients read it.
#[derive(Debug, Clone, Serialize)]
pub struct TileJson {
    pub tilejson: &'static str,
    pub name: String,
    pub version: &'static str,
    pub scheme: &'static str,
    pub tiles: Vec<String>,
    pub minzoom: u8,
    pub maxzoom: u8,
    /// West, south, east, north in degrees.
    pub bounds: [f64; 4],
    /// Longitude, latitude, zoom.
    pub center: [f64; 3],
    pub vector_layers: Vec<VectorLayer>,
    pub tilestats: TileStats,
    pub schema: Vec<Field>,
    #[serde(rename = "tileResolution")]
    pub tile_resolution: f64,
    /// By zoom: the share of rows that thinned tiles leave out, at most. Of whole tables; absent while a very large
    /// one is being counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction_dropped_per_zoom: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

/// A layer and its properties.
#[derive(Debug, Clone, Serialize)]
pub struct VectorLayer {
    pub id: &'static str,
    pub minzoom: u8,
    pub maxzoom: u8,
    pub fields: BTreeMap<String, &'static str>,
    pub geometry_type: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TileStats {
    pub layer_count: u8,
    pub layers: Vec<LayerStats>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerStats {
    pub layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    pub geometry: &'static str,
    pub attribute_count: usize,
    pub attributes: Vec<Attribute>,
}

/// A column by name and type; its values are asked for with the stats API.
#[derive(Debug, Clone, Serialize)]
pub struct Attribute {
    pub attribute: String,
    #[serde(rename = "type")]
    pub attribute_type: &'static str,
}

/// What does not change between requests for the same data.
#[derive(Clone)]
struct SourceFacts {
    bounds: LonLatBox,
    kind: GeometryKind,
}

/// Facts that took a query to find out.
pub(crate) struct Facts {
    of_sources: moka::future::Cache<(String, i64), SourceFacts>,
    counts: Counts,
}

impl Default for Facts {
    fn default() -> Self {
        Facts {
            of_sources: moka::future::Cache::new(2_000),
            counts: Counts::default(),
        }
    }
}

impl Facts {
    pub(crate) async fn tilejson(
        &self,
        source: &Source,
        resolution: TileResolution,
        template: String,
        limits: &Limits,
    ) -> Result<TileJson> {
        let geometry = source.require_geometry()?;
        let find = async {
            let bounds = source.extent(limits).await?.unwrap_or(LonLatBox::WORLD);
            Ok(SourceFacts {
                bounds: within_world(bounds),
                kind: source.geometry_kind(limits).await?,
            })
        };
        let key = (source.fingerprint().to_owned(), source.data_version());
        let facts = self
            .of_sources
            .try_get_with(key, find)
            .await
            .map_err(|error: Arc<sources::Error>| {
                Arc::try_unwrap(error).map_or_else(
                    |shared| Error::Shared(Arc::new(Error::SharedSource(shared))),
                    Error::Source,
                )
            })?;
        let columns: Vec<Field> = source
            .schema()
            .into_iter()
            .filter(|field| field.field_type != FieldType::Geometry)
            .collect();
        let mut fields: BTreeMap<String, &'static str> = columns
            .iter()
            .map(|field| (field.name.clone(), field.field_type.attribute_type()))
            .collect();
        fields.insert(FEATURE_ID.to_owned(), "Number");
        let attributes: Vec<Attribute> = columns
            .iter()
            .map(|field| Attribute {
                attribute: field.name.clone(),
                attribute_type: field.field_type.attribute_type(),
            })
            .collect();
        let table = source.as_table().map(|table| &table.table);
        let fraction_dropped_per_zoom = match table.filter(|_| source.is_whole_table()) {
            Some(table) => {
                let warehouse = source.connection().warehouse();
                self.counts
                    .dropped_per_zoom(warehouse, table, facts.kind, resolution)
                    .await?
            }
            None => None,
        };
        let [lon, lat] = facts.bounds.center();
        let name = table.map_or_else(|| geometry.column.clone(), |table| table.name.to_string());
        Ok(TileJson {
            tilejson: "3.0.0",
            name,
            version: "1.0.0",
            scheme: "xyz",
            tiles: vec![template],
            minzoom: 0,
            maxzoom: MAX_ZOOM,
            bounds: facts.bounds.to_array(),
            center: [lon, lat, zoom_that_shows(&facts.bounds)],
            vector_layers: vec![VectorLayer {
                id: LAYER,
                minzoom: 0,
                maxzoom: MAX_ZOOM,
                fields,
                geometry_type: geometry_name(facts.kind),
            }],
            tilestats: TileStats {
                layer_count: 1,
                layers: vec![LayerStats {
                    layer: LAYER,
                    count: table.filter(|_| source.is_whole_table()).map(|table| table.rows),
                    geometry: geometry_name(facts.kind),
                    attribute_count: attributes.len(),
                    attributes,
                }],
            },
            schema: source.schema(),
            tile_resolution: resolution.as_f64(),
            fraction_dropped_per_zoom,
            attribution: table.and_then(|table| table.attribution.clone()),
        })
    }
}

/// As clients name geometries.
fn geometry_name(kind: GeometryKind) -> &'static str {
    match kind {
        GeometryKind::Points => "Point",
        GeometryKind::Lines => "LineString",
        // Clients know no name for a mix; polygons are drawn with all parts.
        GeometryKind::Polygons | GeometryKind::Mixed => "Polygon",
    }
}

/// TileJSON bounds go no further than the world.
fn within_world(bounds: LonLatBox) -> LonLatBox {
    LonLatBox::new(
        bounds.west.clamp(-180.0, 180.0),
        bounds.south.clamp(-90.0, 90.0),
        bounds.east.clamp(-180.0, 180.0),
        bounds.north.clamp(-90.0, 90.0),
    )
}

/// The zoom at which a box fills about one tile.
fn zoom_that_shows(bounds: &LonLatBox) -> f64 {
    let share = (bounds.width() / 360.0).max(bounds.height() / 180.0).max(1e-9);
    (-share.log2()).floor().clamp(0.0, f64::from(MAX_ZOOM))
}
