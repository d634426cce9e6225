//! A tile from rows that stream in, in any order and number: from files or from SQL.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::error::DataFusionError;
use spatial::mercator;

use crate::encoder::{FeatureBatch, PointRows, TileEncoder, TileFormat};
use crate::error::{Error, Result};
use crate::frame::TileFrame;
use crate::properties::Property;
use crate::shape::{Fate, ShapeReader, bounds_of, feature_id};
use crate::thinning::{COMPLETE_POINTS, COMPLETE_SHAPES, OccupiedCells, check_size};
use crate::tiler::Drawn;

/// How one tile is drawn.
pub(crate) struct Drawing<'a> {
    pub(crate) format: TileFormat,
    pub(crate) properties: &'a [Property],
    pub(crate) geometry: &'a str,
    pub(crate) feature_bbox: bool,
}

/// Takes batches, gives a tile.
pub(crate) struct StreamedTile {
    encoder: TileEncoder,
    reader: ShapeReader,
    properties: Vec<Property>,
    fields: Vec<Arc<Field>>,
    geometry: usize,
    columns: Vec<usize>,
    feature_bbox: bool,
    /// Points of a tile that may still be complete.
    waiting: Vec<WaitingPoints>,
    waiting_points: u64,
    /// Filled cells, once points are thinned.
    cells: Option<OccupiedCells>,
    points: u64,
    shapes: u64,
    vertices: usize,
}

struct WaitingPoints {
    x: Vec<u32>,
    y: Vec<u32>,
    rows: Vec<u32>,
    columns: Vec<ArrayRef>,
}

impl StreamedTile {
    pub(crate) fn new(frame: TileFrame, drawing: &Drawing<'_>, schema: &SchemaRef) -> Result<Self> {
        let place = |name: &str| {
            schema.index_of(name).map_err(|_| Error::ColumnNotFound {
                column_name: name.to_owned(),
                available: schema.fields().iter().map(|field| field.name().clone()).collect(),
            })
        };
        let columns: Vec<usize> = drawing
            .properties
            .iter()
            .map(|property| place(&property.name))
            .collect::<Result<_>>()?;
        Ok(StreamedTile {
            reader: ShapeReader::new(TileFrame::new(frame.coord(), frame.resolution())),
            encoder: TileEncoder::new(drawing.format, frame, drawing.properties),
            properties: drawing.properties.to_vec(),
            fields: columns.iter().map(|&column| schema.fields()[column].clone()).collect(),
            geometry: place(drawing.geometry)?,
            columns,
            feature_bbox: drawing.feature_bbox,
            waiting: Vec::new(),
            waiting_points: 0,
            cells: None,
            points: 0,
            shapes: 0,
            vertices: 0,
        })
    }

    /// Says that points beyond those in the stream were left out already, so
    /// that what comes is thinned from the start.
    pub(crate) fn expect_thinning(&mut self) {
        self.cells
            .get_or_insert_with(|| OccupiedCells::new(self.encoder.frame()));
    }

    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let geometry = cast(batch.column(self.geometry), &DataType::Binary).map_err(DataFusionError::from)?;
        let geometry: &BinaryArray = geometry.as_binary();
        let columns: Vec<ArrayRef> = self
            .columns
            .iter()
            .map(|&column| batch.column(column).clone())
            .collect();
        let mut points = WaitingPoints {
            x: vec![0; batch.num_rows()],
            y: vec![0; batch.num_rows()],
            rows: Vec::new(),
            columns: Vec::new(),
        };
        let mut shapes = Vec::new();
        for (row, wkb) in geometry.iter().enumerate() {
            let Some(wkb) = wkb else { continue };
            match crate::wkb::point(wkb) {
                Some([lon, lat]) => {
                    if let Some([x, y]) = mercator::world_from_lonlat(lon, lat)
                        && self.encoder.frame().contains([x, y])
                    {
                        points.x[row] = x;
                        points.y[row] = y;
                        points.rows.push(row as u32);
                    }
                }
                None => shapes.push(row),
            }
        }
        if !shapes.is_empty() {
            self.push_shapes(geometry, &shapes, &columns)?;
        }
        if points.rows.is_empty() {
            return Ok(());
        }
        self.points += points.rows.len() as u64;
        points.columns = columns;
        match self.cells {
            Some(_) => self.draw_points(points),
            None => {
                self.waiting_points += points.rows.len() as u64;
                self.waiting.push(points);
                if self.waiting_points > COMPLETE_POINTS {
                    self.expect_thinning();
                    let waiting = std::mem::take(&mut self.waiting);
                    waiting.into_iter().try_for_each(|points| self.draw_points(points))
                } else {
                    Ok(())
                }
            }
        }
    }

    fn draw_points(&mut self, mut points: WaitingPoints) -> Result<()> {
        if let Some(cells) = &mut self.cells {
            let frame = self.encoder.frame();
            points
                .rows
                .retain(|&row| cells.is_first(frame, points.x[row as usize], points.y[row as usize]));
        }
        if points.rows.is_empty() {
            return Ok(());
        }
        self.vertices += points.rows.len();
        check_size(self.encoder.frame().coord(), self.vertices)?;
        let batch = FeatureBatch::new(
            &self.properties,
            points.columns.iter().zip(self.fields.iter().map(AsRef::as_ref)),
        )?;
        self.encoder.push_points(
            &PointRows {
                x: &points.x,
                y: &points.y,
                rows: &points.rows,
            },
            &batch,
        );
        Ok(())
    }

    fn push_shapes(&mut self, geometry: &BinaryArray, rows: &[usize], columns: &[ArrayRef]) -> Result<()> {
        let batch = FeatureBatch::new(
            &self.properties,
            columns.iter().zip(self.fields.iter().map(AsRef::as_ref)),
        )?;
        for &row in rows {
            let wkb = geometry.value(row);
            self.reader.keep_collapsed(self.shapes < COMPLETE_SHAPES);
            let fate = self.reader.read(wkb)?;
            self.shapes += u64::from(fate != Fate::Outside);
            if fate == Fate::Drawn {
                self.vertices += self.reader.shape().vertices();
                check_size(self.encoder.frame().coord(), self.vertices)?;
                let bbox = if self.feature_bbox { bounds_of(wkb)? } else { None };
                self.encoder
                    .push_shape(self.reader.shape(), feature_id(wkb), bbox, row, &batch);
            }
        }
        Ok(())
    }

    /// The tile; `total` when the rows that streamed in were not all.
    pub(crate) fn finish(mut self, total: Option<u64>) -> Result<Drawn> {
        for points in std::mem::take(&mut self.waiting) {
            self.draw_points(points)?;
        }
        let total = total.unwrap_or(self.points + self.shapes);
        Ok(Drawn::new(self.encoder, total))
    }
}
