//! One tile of a source: where its rows come from, and what is left of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, TryStreamExt};
use resident::ResidentColumn;
use sources::{Selection, Source, SourceGeometry, TableSource};
use spatial::{LonLatBox, Quadbin, TileCoord, TileResolution};
use tokio_util::sync::CancellationToken;
use warehouse::{GeometryKind, Limits, Scan, quote};

use crate::cache::{Cache, EncodedTile, Encoding};
use crate::encoder::{TileEncoder, TileFormat};
use crate::error::{Error, Result};
use crate::frame::TileFrame;
use crate::overview::{self, Overview};
use crate::properties::{Property, PropertyKind};
use crate::resident::{Places, ResidentTable};
use crate::stream::{Drawing, StreamedTile};
use crate::thinning::{COMPLETE_POINTS, highest_level};
use crate::tilejson::{self, TileJson};

/// A tile that is not done by then is refused.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Tables with fewer rows are read whole for a low zoom: counting first would
/// cost more.
const COUNTED_ROWS: u64 = 200_000;

/// From here on down, reading all of a tile is cheaper than counting the table.
const COUNTED_ZOOM: u8 = overview::LEVEL - 1;

/// Drawing more features than this leaves the thread that serves requests.
const FEATURES_INLINE: usize = 2_000;

/// What tiles may use.
#[derive(Debug, Clone)]
pub struct TilerOptions {
    /// Draws from tables that are in memory; files are read for every tile otherwise.
    pub uses_resident_tables: bool,
    /// Encoded tiles; 0 keeps none.
    pub cache_bytes: u64,
}

impl Default for TilerOptions {
    fn default() -> Self {
        TilerOptions {
            uses_resident_tables: true,
            cache_bytes: 128 << 20,
        }
    }
}

/// Which tile, written how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TileRequest {
    pub coord: TileCoord,
    pub format: TileFormat,
    pub resolution: TileResolution,
    /// Properties wanted; all of the source when absent.
    pub columns: Option<Vec<String>>,
    /// Adds `_carto_bbox` to lines and polygons.
    pub feature_bbox: bool,
}

/// A tile in which at least one feature lies.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Empty when all that lies here is too small to be drawn; `total` still says how much it is.
    pub body: Bytes,
    pub content_type: &'static str,
    /// Features in the tile.
    pub shown: u64,
    /// Features of the source that lie there.
    pub total: u64,
}

/// What drawing came to, before anybody asks whether it is empty.
pub(crate) struct Drawn {
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) shown: u64,
    pub(crate) total: u64,
}

impl Drawn {
    pub(crate) fn new(encoder: TileEncoder, total: u64) -> Self {
        let shown = encoder.features();
        Drawn {
            body: encoder.finish(),
            shown,
            total: total.max(shown),
        }
    }
}

/// Makes tiles and remembers them. Cheap to clone.
#[derive(Clone)]
pub struct Tiler(Arc<Inner>);

struct Inner {
    uses_resident_tables: bool,
    cache: Cache,
    /// Row counts of big tables, by table, version and condition.
    overviews: moka::future::Cache<String, Arc<Overview>>,
    tilejsons: tilejson::Facts,
}

/// What a source is drawn with.
struct Drawable {
    geometry: SourceGeometry,
    properties: Vec<Property>,
}

impl Drawable {
    fn of(source: &Source, request: &TileRequest) -> Result<Drawable> {
        let geometry = source.require_geometry()?;
        let fields = source.schema();
        if let Some(missing) = request
            .columns
            .iter()
            .flatten()
            .find(|name| !fields.iter().any(|field| field.name.eq_ignore_ascii_case(name)))
        {
            return Err(Error::ColumnNotFound {
                column_name: missing.clone(),
                available: fields.into_iter().map(|field| field.name).collect(),
            });
        }
        let is_wanted = |name: &str| match &request.columns {
            Some(columns) => columns.iter().any(|column| column.eq_ignore_ascii_case(name)),
            None => true,
        };
        let properties = fields
            .into_iter()
            .filter(|field| is_wanted(&field.name))
            .filter_map(|field| {
                let kind = PropertyKind::of_source(&field)?;
                Some(Property { name: field.name, kind })
            })
            .collect();
        Ok(Drawable { geometry, properties })
    }

    fn columns(&self) -> Vec<String> {
        self.properties.iter().map(|property| property.name.clone()).collect()
    }

    fn drawing<'a>(&'a self, request: &TileRequest) -> Drawing<'a> {
        Drawing {
            format: request.format,
            properties: &self.properties,
            geometry: &self.geometry.column,
            feature_bbox: request.feature_bbox,
        }
    }
}

impl Tiler {
    pub fn new(options: TilerOptions) -> Self {
        Tiler(Arc::new(Inner {
            uses_resident_tables: options.uses_resident_tables,
            cache: Cache::new(options.cache_bytes),
            overviews: moka::future::Cache::builder()
                .max_capacity(32 << 20)
                .weigher(|key: &String, overview: &Arc<Overview>| (key.len() + overview.bytes() + 64) as u32)
                .build(),
            tilejsons: tilejson::Facts::default(),
        }))
    }

    /// The tile as it is, not from the cache; `None` when nothing lies there.
    pub async fn tile(
        &self,
        source: &Source,
        request: &TileRequest,
        cancel: CancellationToken,
    ) -> Result<Option<Tile>> {
        tokio::select! {
            () = cancel.cancelled() => Err(Error::Cancelled),
            tile = self.make(source, request) => tile,
        }
    }

    /// The tile in a transfer encoding, from the cache if it is there. Requests
    /// for the same tile wait for one; when none waits any more, it is given up.
    pub async fn tile_encoded(
        &self,
        source: &Source,
        request: &TileRequest,
        encoding: Encoding,
        cancel: CancellationToken,
    ) -> Result<Option<EncodedTile>> {
        let cached = self
            .0
            .cache
            .tile(source, request, encoding, || self.make(source, request));
        tokio::select! {
            () = cancel.cancelled() => Err(Error::Cancelled),
            tile = cached => tile,
        }
    }

    /// The tile in a transfer encoding if it is in the cache: `Some(None)` when it is known that nothing lies there.
    pub fn cached(&self, source: &Source, request: &TileRequest, encoding: Encoding) -> Option<Option<EncodedTile>> {
        // The cache answers at once, unless another thread is just rebuilding it.
        self.0.cache.get(source, request, encoding).now_or_never()?
    }

    /// The TileJSON of a source; `template` is the URL of its tiles with
    /// `{z}`, `{x}` and `{y}`.
    pub async fn tilejson(
        &self,
        source: &Source,
        resolution: TileResolution,
        template: String,
        limits: &Limits,
    ) -> Result<TileJson> {
        self.0.tilejsons.tilejson(source, resolution, template, limits).await
    }

    /// Whether the table behind a source is in memory, so that its tiles cost
    /// neither SQL nor files.
    pub fn is_in_memory(&self, source: &Source) -> bool {
        self.resident_already(source).is_some()
    }

    fn resident_already(&self, source: &Source) -> Option<ResidentTable> {
        let table = source.as_table().filter(|_| self.0.uses_resident_tables)?;
        let geometry = table.table.geometry.as_ref()?;
        ResidentTable::already(source.connection().warehouse(), &table.table, &geometry.column)
    }

    async fn make(&self, source: &Source, request: &TileRequest) -> Result<Option<Tile>> {
        let drawable = Drawable::of(source, request)?;
        let table = source.as_table().filter(|table| {
            drawable.geometry.is_lon_lat()
                && table
                    .table
                    .geometry
                    .as_ref()
                    .is_some_and(|info| info.column == drawable.geometry.column)
        });
        let drawn = match table {
            Some(table) => self.draw_table(source, table, drawable, request).await?,
            None => draw_from_sql(source, &drawable, request).await?,
        };
        if drawn.body.is_none() && drawn.total == 0 {
            return Ok(None);
        }
        Ok(Some(Tile {
            body: drawn.body.map(Bytes::from).unwrap_or_default(),
            content_type: request.format.content_type(),
            shown: drawn.shown,
            total: drawn.total,
        }))
    }

    async fn draw_table(
        &self,
        source: &Source,
        table: &TableSource,
        drawable: Drawable,
        request: &TileRequest,
    ) -> Result<Drawn> {
        let warehouse = source.connection().warehouse();
        let names = drawable.columns();
        let geometry = &drawable.geometry.column;
        let resident = if self.0.uses_resident_tables {
            ResidentTable::touch(warehouse, &table.table, geometry, &names).await
        } else {
            None
        };
        if let Some(resident) = resident
            && let Some(columns) = resident.columns(warehouse, &names).await?
        {
            return draw_from_memory(resident, columns, source, table, drawable, request).await;
        }
        if reaches_over_the_edge(table, request.coord) {
            return draw_from_sql(source, &drawable, request).await;
        }
        self.draw_from_files(source, table, drawable, request).await
    }

    /// Straight from the files: for tables that are seldom drawn or too big.
    async fn draw_from_files(
        &self,
        source: &Source,
        table: &TableSource,
        drawable: Drawable,
        request: &TileRequest,
    ) -> Result<Drawn> {
        let warehouse = source.connection().warehouse();
        let frame = TileFrame::new(request.coord, request.resolution);
        let [west, south, east, north] = frame.buffered_degrees();
        let is_keyed = table.table.geometry.as_ref().is_some_and(|info| info.is_keyed);
        let is_points = drawable.geometry.kind == Some(GeometryKind::Points);
        let window = LonLatBox::new(west, south, east, north);
        let mut columns = vec![drawable.geometry.column.clone()];
        columns.extend(drawable.columns());
        let mut scan = Scan {
            condition: table.condition.clone(),
            ..Scan::of(table.table.clone(), columns)
        };
        if is_points {
            let keys = Quadbin::key_range(request.coord);
            scan.key_range = (request.coord.z() > 0).then_some((*keys.start(), *keys.end()));
        } else {
            scan.window = (request.coord.z() > 0).then_some(window);
        }
        let mut total = None;
        if is_keyed && is_points && request.coord.z() <= COUNTED_ZOOM && table.table.rows > COUNTED_ROWS {
            let counted = self.overview(source, table, &scan).await?.total(request.coord);
            total = Some(counted);
            // Stored levels stand for all rows, not for those of a condition.
            if counted > COMPLETE_POINTS && table.condition.is_none() && table.table.lod_is_global {
                scan.max_lod = highest_level(&frame);
            }
        }
        let is_thinned = total.is_some_and(|total| total > COMPLETE_POINTS);
        let mut stream = warehouse.scan(scan).await?;
        let mut tile = StreamedTile::new(frame, &drawable.drawing(request), &stream.schema())?;
        if is_thinned {
            tile.expect_thinning();
        }
        while let Some(batch) = stream.try_next().await? {
            tile.push(&batch)?;
        }
        tile.finish(total)
    }

    async fn overview(&self, source: &Source, table: &TableSource, scan: &Scan) -> Result<Arc<Overview>> {
        let condition = table.condition.as_ref().map(|sql| (&sql.text, &sql.parameters));
        let key = format!("{} {} {condition:?}", table.table.id, table.table.version);
        let count = async {
            Overview::count(source.connection().warehouse(), scan.clone())
                .await
                .map(Arc::new)
        };
        self.0.overviews.try_get_with(key, count).await.map_err(Error::Shared)
    }
}

async fn draw_from_memory(
    resident: ResidentTable,
    columns: Vec<Arc<ResidentColumn>>,
    source: &Source,
    table: &TableSource,
    drawable: Drawable,
    request: &TileRequest,
) -> Result<Drawn> {
    let matches = match &table.condition {
        Some(condition) => Some(resident.matches(source.connection().warehouse(), condition).await?),
        None => None,
    };
    let request = request.clone();
    let is_light =
        matches!(resident.places(), Places::Points(_)) && request.coord.z() >= 12 || resident.len() <= FEATURES_INLINE;
    let draw = move || {
        resident.draw(
            TileFrame::new(request.coord, request.resolution),
            request.format,
            &drawable.properties,
            &columns,
            matches.as_deref(),
            request.feature_bbox,
        )
    };
    if is_light { draw() } else { off_thread(draw).await }
}

/// Through SQL: queries, views, and geometries in other reference systems.
async fn draw_from_sql(source: &Source, drawable: &Drawable, request: &TileRequest) -> Result<Drawn> {
    let frame = TileFrame::new(request.coord, request.resolution);
    let column = quote(&drawable.geometry.column);
    let geometry = if drawable.geometry.is_lon_lat() {
        column
    } else {
        format!("ST_Transform({column}, 'EPSG:4326') AS {column}")
    };
    let items = std::iter::once(geometry).chain(drawable.properties.iter().map(|property| quote(&property.name)));
    let mut selection = Selection::of(items);
    if let Some(condition) = window_condition(source, &frame)? {
        selection = selection.only(condition);
    }
    let limits = Limits {
        timeout: TIME_LIMIT,
        max_rows: None,
        cancel: CancellationToken::new(),
    };
    let mut rows = source.run(&selection, &limits).await?;
    let mut tile = StreamedTile::new(frame, &drawable.drawing(request), &rows.schema())?;
    while let Some(batch) = rows.try_next().await? {
        tile.push(&batch)?;
    }
    tile.finish(None)
}

/// That a row may lie in the tile. Tiles at the edge of the world also look for
/// shapes that reach over it.
fn window_condition(source: &Source, frame: &TileFrame) -> Result<Option<String>> {
    let coord = frame.coord();
    if coord.z() == 0 {
        return Ok(None);
    }
    let [west, south, east, north] = frame.buffered_degrees();
    let last_column = (1u32 << coord.z()) - 1;
    let turned = match coord.x() {
        0 => Some(360.0),
        x if x == last_column => Some(-360.0),
        _ => None,
    };
    let mut condition = source.touches(&LonLatBox::new(west, south, east, north))?;
    if let Some(turn) = turned {
        let over_the_edge = source.touches(&LonLatBox::new(west + turn, south, east + turn, north))?;
        condition = format!("({condition} OR {over_the_edge})");
    }
    Ok(Some(condition))
}

/// The tile is at the antimeridian and the table has shapes that cross it.
fn reaches_over_the_edge(table: &TableSource, coord: TileCoord) -> bool {
    let last_column = (1u32 << coord.z()) - 1;
    let is_at_edge = coord.z() > 0 && (coord.x() == 0 || coord.x() == last_column);
    let bounds = table.table.geometry.as_ref().and_then(|geometry| geometry.bounds);
    is_at_edge && bounds.is_some_and(|bounds| bounds.west < -180.0 || bounds.east > 180.0)
}

/// Runs work that keeps a processor busy where it holds nobody up.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Cancelled),
        },
    }
}
