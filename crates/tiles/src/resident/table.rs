//! One table version in memory: places, the columns asked for so far, answers to conditions.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, UInt32Array};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int8Type};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;
use parking_lot::RwLock;
use warehouse::{GeometryKind, Scan, Sql, Table, Warehouse};

use super::columns::{ColumnBuilder, ResidentColumn};
use super::points::{NotPoints, Points, PointsBuilder, place};
use super::shapes::{Shapes, ShapesBuilder};
use crate::encoder::{FeatureBatch, PointRows, TileEncoder, TileFormat};
use crate::error::{Error, Result};
use crate::frame::TileFrame;
use crate::properties::Property;
use crate::shape::{Fate, ShapeReader, bounds_of, feature_id};
use crate::thinning::{OccupiedCells, check_size};
use crate::tiler::Drawn;

/// Answers to conditions take at most this much memory per table.
const CONDITION_BYTES: u64 = 32 << 20;

/// Where the rows are.
pub(crate) enum Places {
    Points(Points),
    Shapes(Shapes),
}

pub(crate) struct ResidentTable {
    warehouse: Warehouse,
    table: Arc<Table>,
    geometry: String,
    /// Rows as read, with and without a place.
    rows_read: usize,
    places: Places,
    columns: RwLock<HashMap<String, Arc<ResidentColumn>>>,
    /// One reader at a time adds columns.
    adding: tokio::sync::Mutex<()>,
    conditions: moka::future::Cache<String, Arc<BooleanBuffer>>,
}

impl ResidentTable {
    /// Reads places and columns in one scan.
    pub(crate) async fn load(
        warehouse: &Warehouse,
        table: &Arc<Table>,
        geometry: &str,
        columns: &[String],
    ) -> Result<ResidentTable> {
        let kind = table
            .geometry
            .as_ref()
            .map_or(GeometryKind::Mixed, |geometry| geometry.kind);
        let (places, builders, rows_read) = match kind {
            GeometryKind::Points => match Loading::start(warehouse, table, geometry, columns)
                .await?
                .points()
                .await?
            {
                Ok(loaded) => loaded,
                // Somebody wrote other geometries into a table of points.
                Err(NotPoints) => {
                    Loading::start(warehouse, table, geometry, columns)
                        .await?
                        .shapes()
                        .await?
                }
            },
            GeometryKind::Lines | GeometryKind::Polygons | GeometryKind::Mixed => {
                Loading::start(warehouse, table, geometry, columns)
                    .await?
                    .shapes()
                    .await?
            }
        };
        let resident = ResidentTable {
            warehouse: warehouse.clone(),
            table: table.clone(),
            geometry: geometry.to_owned(),
            rows_read,
            places,
            columns: RwLock::default(),
            adding: tokio::sync::Mutex::new(()),
            conditions: moka::future::Cache::builder()
                .max_capacity(CONDITION_BYTES)
                .weigher(|key: &String, answer: &Arc<BooleanBuffer>| (key.len() + answer.len() / 8 + 64) as u32)
                .build(),
        };
        resident.keep(columns, builders)?;
        Ok(resident)
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// Rows that have a place.
    pub(crate) fn len(&self) -> usize {
        match &self.places {
            Places::Points(points) => points.len(),
            Places::Shapes(shapes) => shapes.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let places = match &self.places {
            Places::Points(points) => points.bytes(),
            Places::Shapes(shapes) => shapes.bytes(),
        };
        let columns: usize = self.columns.read().values().map(|column| column.bytes()).sum();
        places + columns + self.conditions.weighted_size() as usize
    }

    /// Makes sure that the columns are in memory and returns them in the order asked.
    pub(crate) async fn columns(&self, names: &[String]) -> Result<Vec<Arc<ResidentColumn>>> {
        if let Some(columns) = self.columns_in_memory(names) {
            return Ok(columns);
        }
        let _turn = self.adding.lock().await;
        let missing: Vec<String> = {
            let columns = self.columns.read();
            names
                .iter()
                .filter(|name| !columns.contains_key(*name))
                .cloned()
                .collect()
        };
        if !missing.is_empty() {
            let loading = Loading::start_with(&self.warehouse, &self.table, None, &missing).await?;
            let (builders, rows) = loading.columns_only().await?;
            if rows != self.rows_read {
                return Err(Error::Changed {
                    table: self.table.name.to_string(),
                });
            }
            self.keep(&missing, builders)?;
        }
        self.columns_in_memory(names).ok_or_else(|| Error::Changed {
            table: self.table.name.to_string(),
        })
    }

    fn columns_in_memory(&self, names: &[String]) -> Option<Vec<Arc<ResidentColumn>>> {
        let columns = self.columns.read();
        names.iter().map(|name| columns.get(name).cloned()).collect()
    }

    fn keep(&self, names: &[String], builders: Vec<ColumnBuilder>) -> Result<()> {
        let order: Option<&UInt32Array> = match &self.places {
            Places::Points(points) => points.order.as_ref(),
            Places::Shapes(shapes) => Some(&shapes.order),
        };
        for (name, builder) in names.iter().zip(builders) {
            let column = builder.finish(order, self.len()).map_err(DataFusionError::from)?;
            self.columns.write().insert(name.clone(), Arc::new(column));
        }
        Ok(())
    }

    /// Which resident rows a condition holds for, asked once.
    pub(crate) async fn matches(&self, condition: &Sql) -> Result<Arc<BooleanBuffer>> {
        let key = format!("{}\0{:?}", condition.text, condition.parameters);
        let asking = self.ask(condition);
        self.conditions.try_get_with(key, asking).await.map_err(Error::Shared)
    }

    async fn ask(&self, condition: &Sql) -> Result<Arc<BooleanBuffer>> {
        let predicate = self.warehouse.predicate(&self.table, condition)?;
        // A condition without columns still needs to know how many rows there are.
        let columns = if predicate.columns.is_empty() {
            vec![self.geometry.clone()]
        } else {
            predicate.columns.clone()
        };
        let mut stream = self.warehouse.scan(Scan::of(self.table.clone(), columns)).await?;
        let mut answers = BooleanBufferBuilder::new(self.rows_read);
        while let Some(batch) = stream.try_next().await? {
            let answer: BooleanArray = predicate.evaluate(&batch)?;
            match answer.nulls() {
                Some(nulls) => answers.append_buffer(&(answer.values() & nulls.inner())),
                None => answers.append_buffer(answer.values()),
            }
        }
        let answers = answers.finish();
        if answers.len() != self.rows_read {
            return Err(Error::Changed {
                table: self.table.name.to_string(),
            });
        }
        Ok(Arc::new(match &self.places {
            Places::Points(points) => points.reordered(&answers),
            Places::Shapes(shapes) => shapes.reordered(&answers),
        }))
    }

    /// Draws a tile. No waiting: everything is in memory.
    pub(crate) fn draw(
        &self,
        frame: TileFrame,
        format: TileFormat,
        properties: &[Property],
        columns: &[Arc<ResidentColumn>],
        matches: Option<&BooleanBuffer>,
        feature_bbox: bool,
    ) -> Result<Drawn> {
        let fields: Vec<(&ArrayRef, &Field)> = columns.iter().map(|column| (&column.array, &column.field)).collect();
        let batch = FeatureBatch::new(properties, fields)?;
        match &self.places {
            Places::Points(points) => {
                let selection = points.select(&frame, matches);
                check_size(frame.coord(), selection.rows.len())?;
                let mut encoder = TileEncoder::new(format, frame, properties);
                let rows = PointRows {
                    x: &points.x,
                    y: &points.y,
                    rows: &selection.rows,
                };
                encoder.push_points(&rows, &batch);
                Ok(Drawn::new(encoder, selection.total))
            }
            Places::Shapes(shapes) => draw_shapes(shapes, frame, format, properties, &batch, matches, feature_bbox),
        }
    }
}

fn draw_shapes(
    shapes: &Shapes,
    frame: TileFrame,
    format: TileFormat,
    properties: &[Property],
    batch: &FeatureBatch<'_>,
    matches: Option<&BooleanBuffer>,
    feature_bbox: bool,
) -> Result<Drawn> {
    let coord = frame.coord();
    let candidates = shapes.select(&frame, matches);
    let mut total = candidates.total;
    let mut cells = (!candidates.is_complete).then(|| OccupiedCells::new(&frame));
    let mut reader = ShapeReader::new(TileFrame::new(coord, frame.resolution()));
    let outlines = shapes.outlines(&frame);
    let mut encoder = TileEncoder::new(format, frame, properties);
    let mut vertices = 0;
    let dots_from = candidates.rows.len();
    for (place, &row) in candidates.rows.iter().chain(&candidates.dots).enumerate() {
        reader.keep_collapsed(candidates.is_complete || place >= dots_from);
        let wkb = shapes.wkb.value(row as usize);
        match reader.read_outline(&outlines.row(row as usize, &shapes.wkb))? {
            Fate::Outside => total -= 1,
            Fate::TooSmall => {}
            Fate::Drawn => {
                if let (Some(cells), Some([x, y])) = (&mut cells, reader.shape().only_point())
                    && !cells.is_first(reader.frame(), x, y)
                {
                    continue;
                }
                vertices += reader.shape().vertices();
                check_size(coord, vertices)?;
                let bbox = if feature_bbox { bounds_of(wkb)? } else { None };
                encoder.push_shape(reader.shape(), feature_id(wkb), bbox, row as usize, batch);
            }
        }
    }
    Ok(Drawn::new(encoder, total))
}

/// A running scan that fills columns.
struct Loading {
    stream: SendableRecordBatchStream,
    has_geometry: bool,
    has_levels: bool,
    rows: usize,
    builders: Vec<ColumnBuilder>,
}

type Loaded = (Places, Vec<ColumnBuilder>, usize);

impl Loading {
    async fn start(warehouse: &Warehouse, table: &Arc<Table>, geometry: &str, columns: &[String]) -> Result<Self> {
        Loading::start_with(warehouse, table, Some(geometry), columns).await
    }

    async fn start_with(
        warehouse: &Warehouse,
        table: &Arc<Table>,
        geometry: Option<&str>,
        columns: &[String],
    ) -> Result<Self> {
        let keyed = table
            .geometry
            .as_ref()
            .is_some_and(|info| info.is_keyed && Some(info.column.as_str()) == geometry);
        let has_levels = keyed && table.lod_is_global;
        let wanted: Vec<String> = geometry
            .map(str::to_owned)
            .into_iter()
            .chain(columns.iter().cloned())
            .collect();
        let stream = warehouse
            .scan(Scan {
                with_keys: has_levels,
                ..Scan::of(table.clone(), wanted)
            })
            .await?;
        let schema = stream.schema();
        let builders =
            (0..columns.len()).map(|column| ColumnBuilder::new(schema.field(column + usize::from(geometry.is_some()))));
        let builders = builders.collect();
        Ok(Loading {
            stream,
            has_geometry: geometry.is_some(),
            has_levels,
            rows: table.rows as usize,
            builders,
        })
    }

    fn keep_columns(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        let first = usize::from(self.has_geometry);
        for (builder, array) in self.builders.iter_mut().zip(&arrays[first..]) {
            builder.push(array).map_err(DataFusionError::from)?;
        }
        Ok(())
    }

    async fn points(mut self) -> Result<Result<Loaded, NotPoints>> {
        let mut places = PointsBuilder::new(self.rows, self.has_levels);
        let mut rows = 0;
        while let Some(batch) = self.stream.try_next().await? {
            rows += batch.num_rows();
            let geometry = cast(batch.column(0), &DataType::Binary).map_err(DataFusionError::from)?;
            let levels = batch
                .column_by_name("_lod")
                .and_then(|column| column.as_primitive_opt::<Int8Type>());
            for (row, wkb) in geometry.as_binary::<i32>().iter().enumerate() {
                let level = levels
                    .filter(|levels| levels.is_valid(row))
                    .map(|levels| levels.value(row));
                match place(wkb) {
                    Ok(place) => places.push(place, level),
                    Err(NotPoints) => return Ok(Err(NotPoints)),
                }
            }
            self.keep_columns(batch.columns())?;
        }
        Ok(Ok((Places::Points(places.finish()), self.builders, rows)))
    }

    async fn shapes(mut self) -> Result<Loaded> {
        let mut shapes = ShapesBuilder::default();
        let mut rows = 0;
        while let Some(batch) = self.stream.try_next().await? {
            rows += batch.num_rows();
            shapes.push(batch.column(0)).map_err(DataFusionError::from)?;
            self.keep_columns(batch.columns())?;
        }
        Ok((Places::Shapes(shapes.finish()?), self.builders, rows))
    }

    async fn columns_only(mut self) -> Result<(Vec<ColumnBuilder>, usize)> {
        let mut rows = 0;
        while let Some(batch) = self.stream.try_next().await? {
            rows += batch.num_rows();
            self.keep_columns(batch.columns())?;
        }
        Ok((self.builders, rows))
    }
}
