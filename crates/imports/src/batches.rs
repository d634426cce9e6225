//! Rows of a file become record batches: cells are held against their columns, geometries pass the gate.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BinaryBuilder, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::columns::{Cell, ColumnBuilder, ImportedColumn};
use crate::error::{Error, Result};
use crate::geometry::{Gates, Given, Verdict};
use crate::report::Tally;

/// Takes a finished batch; an error stops the reading.
pub(crate) type Sink<'a> = dyn FnMut(RecordBatch) -> Result<()> + 'a;

/// Rows of one batch, unless their geometries are large.
const ROWS: usize = 8192;
/// Bytes of geometry after which a batch is handed over.
const GEOMETRY_BYTES: usize = 16 << 20;

/// The geometry column of an imported table.
pub(crate) const GEOMETRY: &str = "geom";

pub(crate) struct Batches<'a> {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    geometry: Option<(Gates, BinaryBuilder)>,
    rows: usize,
    bytes: usize,
    sink: &'a mut Sink<'a>,
}

/// The schema of a table with these columns, the geometry last.
pub(crate) fn schema_of(columns: &[ImportedColumn], has_geometry: bool) -> SchemaRef {
    let mut fields: Vec<Field> = columns
        .iter()
        .map(|column| column.column_type.field(&column.name))
        .collect();
    if has_geometry {
        fields.push(geometry_field(GEOMETRY));
    }
    Arc::new(Schema::new(fields))
}

pub(crate) fn geometry_field(name: &str) -> Field {
    Field::new(name, DataType::Binary, true).with_metadata(warehouse::types::geometry_metadata("EPSG:4326"))
}

impl<'a> Batches<'a> {
    /// `crs`: that of the geometries, if there are any.
    pub(crate) fn new(columns: &[ImportedColumn], crs: Option<&str>, sink: &'a mut Sink<'a>) -> Result<Self> {
        let geometry = crs
            .map(|crs| Ok::<_, Error>((Gates::from_crs(crs)?, BinaryBuilder::new())))
            .transpose()?;
        Ok(Self {
            schema: schema_of(columns, geometry.is_some()),
            columns: columns
                .iter()
                .map(|column| ColumnBuilder::new(column.column_type))
                .collect(),
            geometry,
            rows: 0,
            bytes: 0,
            sink,
        })
    }

    /// Takes a row, or notes in the tally why it cannot be taken.
    pub(crate) fn push(
        &mut self,
        row: u64,
        cells: Vec<Cell>,
        given: Result<Given, String>,
        tally: &mut Tally,
    ) -> Result<()> {
        if let Some((gates, wkbs)) = &mut self.geometry {
            let verdict = match &given {
                Ok(given) => gates.pass(given),
                Err(reason) => Verdict::Refused(reason.clone()),
            };
            match verdict {
                Verdict::Refused(reason) => {
                    tally.refuse(row, format!("the geometry {}", reason));
                    return Ok(());
                }
                Verdict::Absent => {
                    tally.without_geometry += 1;
                    wkbs.append_null();
                }
                Verdict::Kept { wkb, repair } => {
                    if let Some(repair) = repair {
                        tally.repair(row, repair);
                    }
                    self.bytes += wkb.len();
                    wkbs.append_value(wkb);
                }
            }
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            if let Cell::Text(text) = &cell {
                self.bytes += text.len();
            }
            column.push(cell);
        }
        tally.written += 1;
        self.rows += 1;
        if self.rows >= ROWS || self.bytes >= GEOMETRY_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Hands over what is left.
    pub(crate) fn finish(mut self) -> Result<()> {
        if self.rows > 0 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let mut arrays: Vec<ArrayRef> = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        if let Some((_, wkbs)) = &mut self.geometry {
            arrays.push(Arc::new(wkbs.finish()));
        }
        self.rows = 0;
        self.bytes = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(|e| Error::Internal(e.to_string()))?;
        (self.sink)(batch)
    }
}
