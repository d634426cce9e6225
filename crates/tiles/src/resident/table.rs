//! A table in memory, whatever its geometries are: its columns, answers to conditions, and tiles drawn from it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int8Array, UInt32Array};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::Field;
use resident::{Points, ResidentColumn};
use warehouse::resident::{self as hot, Fit, Haste, PlacesBuilder, Touched};
use warehouse::{GeometryKind, Sql, Table, Warehouse};

use super::points;
use super::shapes::{Shapes, ShapesBuilder};
use crate::encoder::{FeatureBatch, PointRows, TileEncoder, TileFormat};
use crate::error::Result;
use crate::frame::TileFrame;
use crate::properties::Property;
use crate::shape::{Fate, ShapeReader, bounds_of, feature_id};
use crate::thinning::{OccupiedCells, check_size};
use crate::tiler::Drawn;

/// What a table in memory takes, against its files: geometries are compressed there.
const SHAPE_GROWTH: u64 = 3;

/// A version of a table in memory.
pub(crate) enum ResidentTable {
    Points(Arc<hot::ResidentTable<Points>>),
    Shapes(Arc<hot::ResidentTable<Shapes>>),
}

/// Where the rows are.
pub(crate) enum Places<'a> {
    Points(&'a Points),
    Shapes(&'a Shapes),
}

impl ResidentTable {
    /// Touches a table; `None` while it is not worth it or still being read. `columns` are those that will be asked for.
    pub(crate) async fn touch(
        warehouse: &Warehouse,
        table: &Arc<Table>,
        geometry: &str,
        columns: &[String],
    ) -> Option<ResidentTable> {
        if kind_of(table) == GeometryKind::Points {
            match warehouse.resident(table, geometry, columns, Haste::WaitsForSmall).await {
                Touched::InMemory(points) => return Some(ResidentTable::Points(points)),
                Touched::NotNow => return None,
                // Somebody wrote other geometries into a table of points.
                Touched::Strange => {}
            }
        }
        match warehouse.resident(table, geometry, columns, Haste::WaitsForSmall).await {
            Touched::InMemory(shapes) => Some(ResidentTable::Shapes(shapes)),
            Touched::NotNow | Touched::Strange => None,
        }
    }

    /// The table, if it is in memory already.
    pub(crate) fn already(warehouse: &Warehouse, table: &Table, geometry: &str) -> Option<ResidentTable> {
        let points = warehouse.resident_already(table, geometry).map(ResidentTable::Points);
        points.or_else(|| warehouse.resident_already(table, geometry).map(ResidentTable::Shapes))
    }

    pub(crate) fn places(&self) -> Places<'_> {
        match self {
            ResidentTable::Points(table) => Places::Points(table.places()),
            ResidentTable::Shapes(table) => Places::Shapes(table.places()),
        }
    }

    /// Rows that have a place.
    pub(crate) fn len(&self) -> usize {
        match self.places() {
            Places::Points(points) => points.len(),
            Places::Shapes(shapes) => shapes.len(),
        }
    }

    /// The columns, read now if need be; `None` when they do not fit into memory.
    pub(crate) async fn columns(
        &self,
        warehouse: &Warehouse,
        names: &[String],
    ) -> Result<Option<Vec<Arc<ResidentColumn>>>> {
        Ok(match self {
            ResidentTable::Points(table) => table.columns(warehouse, names).await?,
            ResidentTable::Shapes(table) => table.columns(warehouse, names).await?,
        })
    }

    /// Which rows in memory a condition holds for, asked once.
    pub(crate) async fn matches(&self, warehouse: &Warehouse, condition: &Sql) -> Result<Arc<BooleanBuffer>> {
        Ok(match self {
            ResidentTable::Points(table) => table.matches(warehouse, condition).await?,
            ResidentTable::Shapes(table) => table.matches(warehouse, condition).await?,
        })
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
        match self.places() {
            Places::Points(points) => {
                let selection = points::select(points, &frame, matches);
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

fn kind_of(table: &Table) -> GeometryKind {
    table
        .geometry
        .as_ref()
        .map_or(GeometryKind::Mixed, |geometry| geometry.kind)
}

impl hot::Places for Shapes {
    type Builder = ShapesOfTable;

    fn estimated_bytes(table: &Table) -> u64 {
        table.bytes * SHAPE_GROWTH
    }

    fn len(&self) -> usize {
        Shapes::len(self)
    }

    fn bytes(&self) -> usize {
        Shapes::bytes(self)
    }

    fn order(&self) -> Option<&UInt32Array> {
        Some(&self.order)
    }
}

/// Collects the shapes of a table.
pub(crate) struct ShapesOfTable {
    shapes: ShapesBuilder,
    bytes: usize,
}

impl PlacesBuilder for ShapesOfTable {
    type Places = Shapes;

    fn start(_rows: usize, _trusts_levels: bool, _is_roomy: bool) -> Self {
        ShapesOfTable {
            shapes: ShapesBuilder::default(),
            bytes: 0,
        }
    }

    fn push(&mut self, geometries: &ArrayRef, _levels: Option<&Int8Array>) -> warehouse::Result<Fit> {
        self.bytes += geometries.get_array_memory_size();
        self.shapes.push(geometries)?;
        Ok(Fit::Fits)
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn finish(self) -> warehouse::Result<Shapes> {
        self.shapes
            .finish()
            .map_err(|error| warehouse::Error::Execution(error.to_string()))
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
