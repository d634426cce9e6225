//! Reads GeoParquet 1.0 and 1.1, and plain Parquet with a geometry or coordinates in ordinary columns.

mod metadata;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, Float64Array, RecordBatch,
};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use crate::Format;
use crate::batches::{GEOMETRY, Sink, geometry_field};
use crate::columns::{ColumnType, ImportedColumn};
use crate::error::{Error, Result, file_name};
use crate::geometry::{self, Gates, Given, Verdict};
use crate::names::Names;
use crate::options::ImportOptions;
use crate::report::{GeometrySource, Tally};
use crate::survey::{Details, MOST_COLUMNS, SHOWN, Survey};
use crate::watch::Watch;
use metadata::GeoMetadata;

const ROWS: usize = 8192;
/// Rows may take this many times the bytes of the file when unpacked, and a little more.
const MOST_UNPACKED: u64 = 200;
const UNPACKED_ANYWAY: u64 = 1 << 30;
const GEOMETRIES: [&str; 5] = ["geom", "geometry", "the_geom", "wkb", "wkb_geometry"];
const LONGITUDES: [&str; 3] = ["longitude", "lon", "lng"];
const LATITUDES: [&str; 2] = ["latitude", "lat"];

/// What becomes of the columns of the file.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    schema: SchemaRef,
    /// One entry per field of `schema`.
    sources: Vec<Source>,
}

#[derive(Debug, Clone)]
enum Source {
    /// A column as it is, cast to the field's type.
    Column(usize),
    /// A column of WKB in a CRS.
    Wkb {
        column: usize,
        crs: String,
    },
    LonLat {
        lon: usize,
        lat: usize,
        crs: String,
    },
}

pub(crate) fn survey(path: &Path, options: &ImportOptions) -> Result<Survey> {
    let builder = open(path)?;
    let file = builder.schema().clone();
    let rows: i64 = builder.metadata().file_metadata().num_rows();
    check_size(path, &builder)?;
    if file.fields().len() > MOST_COLUMNS {
        return Err(damaged(format!(
            "it has {} columns; {MOST_COLUMNS} are the most",
            file.fields().len()
        )));
    }
    if rows <= 0 {
        return Err(Error::Empty(file_name(path)));
    }
    let mut warnings = Vec::new();
    let geo = GeoMetadata::of(builder.metadata().file_metadata().key_value_metadata())?;
    let primary = primary(&file, geo.as_ref(), options, &mut warnings)?;
    let mut names = Names::default();
    if primary.is_some() {
        names.take(GEOMETRY, 0);
    }
    let (mut fields, mut sources, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for (at, field) in file.fields().iter().enumerate() {
        if matches!(&primary, Some(Source::Wkb { column, .. }) if *column == at) {
            continue;
        }
        if geo.as_ref().is_some_and(|geo| geo.is_covering(field.name())) {
            warnings.push(format!(
                "Column '{}' only repeats the boxes of the geometries; it is left out",
                field.name()
            ));
            continue;
        }
        let name = names.take(field.name(), at + 1);
        if let Some(crs) = geo.as_ref().and_then(|geo| geo.crs_of_other(field.name())) {
            fields.push(geometry_field(&name));
            sources.push(Source::Wkb { column: at, crs });
        } else {
            let data_type = stored(field.data_type());
            let kept = field
                .metadata()
                .iter()
                .filter(|(key, _)| key.starts_with("ARROW:extension"));
            let kept = kept
                .filter(|_| data_type == *field.data_type())
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            fields.push(Field::new(&name, data_type, true).with_metadata(kept));
            sources.push(Source::Column(at));
        }
        columns.push(ImportedColumn {
            name,
            original: field.name().clone(),
            column_type: told(fields.last().expect("just pushed")),
        });
    }
    let source = primary.as_ref().map(|primary| {
        let (from, crs) = match primary {
            Source::Column(at) => (vec![*at], "EPSG:4326"),
            Source::Wkb { column, crs } => (vec![*column], crs.as_str()),
            Source::LonLat { lon, lat, crs } => (vec![*lon, *lat], crs.as_str()),
        };
        GeometrySource {
            column: GEOMETRY.to_owned(),
            from: from.into_iter().map(|at| file.field(at).name().clone()).collect(),
            source_crs: metadata::short_name(crs),
        }
    });
    if let Some(primary) = primary {
        fields.push(geometry_field(GEOMETRY));
        sources.push(primary);
    }
    let sample = sample(builder)?;
    Ok(Survey {
        format: Format::GeoParquet,
        columns,
        geometry: source,
        rows: rows as u64,
        warnings,
        sample,
        details: Details::GeoParquet(Layout {
            schema: Arc::new(Schema::new(fields)),
            sources,
        }),
    })
}

pub(crate) fn read(
    path: &Path,
    survey: &Survey,
    layout: &Layout,
    length: u64,
    watch: &mut Watch,
    tally: &mut Tally,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let reader = open(path)?
        .with_batch_size(ROWS)
        .build()
        .map_err(|e| damaged(e.to_string()))?;
    let mut gates: Vec<Option<Gates>> = layout
        .sources
        .iter()
        .map(|source| match source {
            Source::Column(_) => Ok(None),
            Source::Wkb { crs, .. } | Source::LonLat { crs, .. } => Gates::from_crs(crs).map(Some),
        })
        .collect::<Result<_>>()?;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        watch.at((length as f64 * tally.read as f64 / survey.rows.max(1) as f64) as u64)?;
        if let Some(batch) = turned(&batch, layout, &mut gates, tally)? {
            sink(batch)?;
        }
        tally.read += batch.num_rows() as u64;
    }
    Ok(())
}

impl Layout {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// A batch in the columns of the table, without the refused rows; none when none is left.
fn turned(
    batch: &RecordBatch,
    layout: &Layout,
    gates: &mut [Option<Gates>],
    tally: &mut Tally,
) -> Result<Option<RecordBatch>> {
    let rows = batch.num_rows();
    let mut refused: Vec<Option<String>> = vec![None; rows];
    let mut repaired: Vec<Option<String>> = vec![None; rows];
    let mut absent = vec![false; rows];
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(layout.sources.len());
    for ((source, field), gates) in layout.sources.iter().zip(layout.schema.fields()).zip(gates) {
        let given: Box<dyn Fn(usize) -> Result<Given, String>> = match source {
            Source::Column(at) => {
                arrays.push(cast(batch.column(*at), field.data_type()).map_err(|e| damaged(e.to_string()))?);
                continue;
            }
            Source::Wkb { column, .. } => {
                let bytes = cast(batch.column(*column), &DataType::Binary).map_err(|e| damaged(e.to_string()))?;
                let bytes: BinaryArray = bytes.as_binary::<i32>().clone();
                Box::new(move |row| {
                    if bytes.is_null(row) {
                        Ok(Given::default())
                    } else {
                        geometry::from_wkb(bytes.value(row))
                    }
                })
            }
            Source::LonLat { lon, lat, .. } => {
                let (lon, lat) = (numbers(batch.column(*lon))?, numbers(batch.column(*lat))?);
                Box::new(move |row| {
                    if lon.is_null(row) || lat.is_null(row) {
                        return Ok(Given::default());
                    }
                    let (lon, lat) = (lon.value(row), lat.value(row));
                    if lon.is_nan() && lat.is_nan() {
                        return Err("cannot be made: longitude and latitude are NaN".to_owned());
                    }
                    Ok(geo::Geometry::Point(geo::Point::new(lon, lat)).into())
                })
            }
        };
        let gates = gates
            .as_mut()
            .ok_or_else(|| Error::Internal("a geometry without a gate".to_owned()))?;
        let mut wkbs = BinaryBuilder::new();
        for row in 0..rows {
            let verdict = match given(row) {
                Ok(given) => gates.pass(&given),
                Err(reason) => Verdict::Refused(reason),
            };
            match verdict {
                Verdict::Kept { wkb, repair } => {
                    wkbs.append_value(wkb);
                    repaired[row] = repaired[row].take().or(repair);
                }
                Verdict::Absent => {
                    wkbs.append_null();
                    absent[row] |= field.name() == GEOMETRY;
                }
                Verdict::Refused(reason) => {
                    wkbs.append_null();
                    refused[row].get_or_insert(reason);
                }
            }
        }
        arrays.push(Arc::new(wkbs.finish()));
    }
    let before = tally.read;
    for (row, refusal) in refused.iter().enumerate() {
        let number = before + row as u64 + 1;
        match (refusal, &repaired[row]) {
            (Some(reason), _) => tally.refuse(number, format!("the geometry {reason}")),
            (None, Some(repair)) => tally.repair(number, repair.as_str()),
            (None, None) => tally.without_geometry += u64::from(absent[row]),
        }
    }
    let whole = RecordBatch::try_new(layout.schema.clone(), arrays).map_err(|e| Error::Internal(e.to_string()))?;
    let kept: BooleanArray = refused.iter().map(|refusal| Some(refusal.is_none())).collect();
    let kept = filter_record_batch(&whole, &kept).map_err(|e| Error::Internal(e.to_string()))?;
    tally.written += kept.num_rows() as u64;
    Ok((kept.num_rows() > 0).then_some(kept))
}

fn numbers(array: &ArrayRef) -> Result<Float64Array> {
    use datafusion::arrow::datatypes::Float64Type;
    let numbers = cast(array, &DataType::Float64).map_err(|e| damaged(e.to_string()))?;
    Ok(numbers.as_primitive::<Float64Type>().clone())
}

/// Where the table's geometry comes from.
fn primary(
    file: &Schema,
    geo: Option<&GeoMetadata>,
    options: &ImportOptions,
    warnings: &mut Vec<String>,
) -> Result<Option<Source>> {
    let position = |name: &str| {
        file.fields()
            .iter()
            .position(|field| field.name().eq_ignore_ascii_case(name))
    };
    let is_binary = |at: &usize| {
        matches!(
            file.field(*at).data_type(),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView
        )
    };
    let crs = |found: Option<String>| options.crs.clone().or(found).unwrap_or_else(|| "EPSG:4326".to_owned());
    if let Some(name) = options.geometry_column.as_ref().filter(|name| !name.is_empty()) {
        let at = position(name).ok_or_else(|| Error::Option(format!("There is no column '{name}'")))?;
        let found = geo.and_then(|geo| geo.crs_of(name));
        return Ok(Some(Source::Wkb {
            column: at,
            crs: crs(found),
        }));
    }
    if let Some(geo) = geo {
        let name = &geo.primary_column;
        let at = position(name).ok_or_else(|| damaged(format!("its geometry column '{name}' is not there")))?;
        geo.check_encoding(name)?;
        if geo.has_unknown_crs(name) && options.crs.is_none() {
            warnings.push("The file says that its CRS is unknown; longitude and latitude are assumed".to_owned());
        }
        return Ok(Some(Source::Wkb {
            column: at,
            crs: crs(geo.crs_of(name)),
        }));
    }
    if let Some(at) = GEOMETRIES.iter().filter_map(|name| position(name)).find(is_binary) {
        return Ok(Some(Source::Wkb {
            column: at,
            crs: crs(metadata::crs_of_field(file.field(at))),
        }));
    }
    let find = |names: &[&str]| {
        names
            .iter()
            .filter_map(|name| position(name))
            .find(|at| file.field(*at).data_type().is_numeric())
    };
    if let Some((lon, lat)) = find(&LONGITUDES).zip(find(&LATITUDES)) {
        return Ok(Some(Source::LonLat {
            lon,
            lat,
            crs: crs(None),
        }));
    }
    warnings.push(
        "No geometry: this is Parquet without the geo metadata, and no column is called geom, lon and lat or the like"
            .to_owned(),
    );
    Ok(None)
}

/// The type under which a column is written: what the catalog has no name for becomes text.
fn stored(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => stored(values),
        DataType::RunEndEncoded(_, values) => stored(values.data_type()),
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Duration(_) | DataType::Interval(_) => DataType::Utf8,
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        other => other.clone(),
    }
}

fn told(field: &Field) -> ColumnType {
    match field.data_type() {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Float32 | DataType::Float64 => ColumnType::Double,
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(_, None) => ColumnType::Timestamp,
        DataType::Timestamp(_, Some(_)) => ColumnType::TimestampTz,
        DataType::Utf8 if field.metadata().values().any(|name| name == "arrow.json") => ColumnType::Json,
        DataType::Utf8 => ColumnType::Text,
        integer if integer.is_integer() => ColumnType::Bigint,
        _ => ColumnType::Other,
    }
}

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(|e| Error::unreadable(path, e))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(e.to_string()))
}

/// A small file may unpack to something huge.
fn check_size(path: &Path, builder: &ParquetRecordBatchReaderBuilder<File>) -> Result<()> {
    let length = std::fs::metadata(path).map_err(|e| Error::unreadable(path, e))?.len();
    let limit = (length.saturating_mul(MOST_UNPACKED)).max(UNPACKED_ANYWAY);
    let unpacked: u64 = builder
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.total_byte_size().max(0) as u64)
        .fold(0, u64::saturating_add);
    if unpacked > limit {
        return Err(Error::TooLarge {
            what: format!("{} unpacked", file_name(path)),
            limit_megabytes: limit / 1_000_000,
        });
    }
    Ok(())
}

/// The first rows as text; bytes, and with them the geometries, are not shown.
fn sample(builder: ParquetRecordBatchReaderBuilder<File>) -> Result<Vec<Map<String, Value>>> {
    let reader = builder
        .with_batch_size(SHOWN)
        .with_limit(SHOWN)
        .build()
        .map_err(|e| damaged(e.to_string()))?;
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let first = rows.len();
        rows.extend((0..batch.num_rows()).map(|_| Map::new()));
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let texts = cast(array, &DataType::Utf8).ok().filter(|_| {
                !matches!(
                    field.data_type(),
                    DataType::Binary | DataType::LargeBinary | DataType::BinaryView
                )
            });
            for row in 0..batch.num_rows() {
                let value = match &texts {
                    Some(texts) if texts.is_null(row) => Value::Null,
                    Some(texts) => texts.as_string::<i32>().value(row).into(),
                    None => Value::Null,
                };
                rows[first + row].insert(field.name().clone(), value);
            }
        }
    }
    Ok(rows)
}

fn damaged(reason: String) -> Error {
    Error::Damaged {
        format: "GeoParquet",
        reason,
    }
}
