//! Reads CSV files: any of the usual delimiters and encodings, quoted line breaks, geometry from columns.

mod sniff;
mod text;

use std::cell::Cell as Shared;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use ::csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use crate::Format;
use crate::batches::{Batches, GEOMETRY, Sink};
use crate::columns::{Cell, ColumnType, Guess, ImportedColumn, cell_of_text};
use crate::error::{Error, Result, file_name};
use crate::geometry::{self, Given};
use crate::names::Names;
use crate::options::ImportOptions;
use crate::report::{GeometrySource, Tally};
use crate::survey::{Details, MOST_COLUMNS, SHOWN, Survey};
use crate::watch::Watch;
use text::{Utf8, decoded};

/// Names of columns that hold geometries, longitudes and latitudes, in any case.
const GEOMETRIES: [&str; 6] = ["geom", "geometry", "the_geom", "wkt", "wkb", "geojson"];
const LONGITUDES: [&str; 4] = ["longitude", "lon", "lng", "long"];
const LATITUDES: [&str; 2] = ["latitude", "lat"];
/// Bytes that one row may have: a quote that is never closed would swallow the file.
const LONGEST_ROW: u64 = 64 << 20;
const SAMPLE: u64 = 256 * 1024;
/// Cells of a would-be geometry column that are tried.
const TRIED: usize = 100;

/// How the file is written, for the second reading.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    delimiter: u8,
    has_header: bool,
    width: usize,
    /// Position in the file of each column of the table.
    positions: Vec<usize>,
    geometry: From,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum From {
    Nothing,
    Column(usize),
    LonLat { lon: usize, lat: usize },
}

pub(crate) fn survey(
    path: &Path,
    options: &ImportOptions,
    most_rows: Option<u64>,
    watch: &mut Watch,
) -> Result<Survey> {
    let delimiter = match options.delimiter_byte()? {
        Some(delimiter) => delimiter,
        None => {
            let sample = sample(path)?;
            sniff::delimiter(&sample, (sample.len() as u64) < SAMPLE)
        }
    };
    let mut records = Records::open(path, delimiter)?;
    let mut record = ByteRecord::new();
    if !records.next(&mut record)? {
        return Err(Error::Empty(file_name(path)));
    }
    let originals = headings(&record, options)?;
    let mut guesses = vec![Guess::default(); originals.len()];
    let mut geometries = Geometries::named(&originals, options)?;
    let mut rows = 0;
    let mut sample = Vec::new();
    let mut has_old_text = false;
    let mut is_row = options.no_header;
    loop {
        if is_row {
            rows += 1;
            if record.len() == originals.len() {
                for (at, cell) in record.iter().enumerate() {
                    has_old_text |= std::str::from_utf8(cell).is_err();
                    guesses[at].see_text(&decoded(cell));
                }
                geometries.see(&record);
                if sample.len() < SHOWN {
                    sample.push(shown(&originals, &record));
                }
            }
            watch.at(records.bytes())?;
        }
        is_row = true;
        if most_rows.is_some_and(|most| rows >= most) || !records.next(&mut record)? {
            break;
        }
    }
    if rows == 0 {
        return Err(Error::Empty(file_name(path)));
    }
    let mut warnings = Vec::new();
    if has_old_text {
        warnings.push("Some text is not UTF-8; it was read as Windows-1252".to_owned());
    }
    let geometry = geometries.decide(&originals, &guesses, options, &mut warnings)?;
    let left_out = if let From::Column(at) = geometry {
        Some(at)
    } else {
        None
    };
    let mut names = Names::default();
    if geometry != From::Nothing {
        names.take(GEOMETRY, 0);
    }
    let positions: Vec<usize> = (0..originals.len()).filter(|at| Some(*at) != left_out).collect();
    let columns = positions
        .iter()
        .map(|at| ImportedColumn {
            name: names.take(&originals[*at], at + 1),
            original: originals[*at].clone(),
            column_type: options
                .types
                .get(&originals[*at])
                .copied()
                .unwrap_or_else(|| guesses[*at].conclusion()),
        })
        .collect();
    let from = match geometry {
        From::Nothing => None,
        From::Column(at) => Some(vec![originals[at].clone()]),
        From::LonLat { lon, lat } => Some(vec![originals[lon].clone(), originals[lat].clone()]),
    };
    Ok(Survey {
        format: Format::Csv,
        columns,
        geometry: from.map(|from| GeometrySource {
            column: GEOMETRY.to_owned(),
            from,
            source_crs: options.crs.clone().unwrap_or_else(|| "EPSG:4326".to_owned()),
        }),
        rows,
        warnings,
        sample,
        details: Details::Csv(Layout {
            delimiter,
            has_header: !options.no_header,
            width: originals.len(),
            positions,
            geometry,
        }),
    })
}

pub(crate) fn read(
    path: &Path,
    survey: &Survey,
    layout: &Layout,
    watch: &mut Watch,
    tally: &mut Tally,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let crs = survey.geometry.as_ref().map(|geometry| geometry.source_crs.as_str());
    let mut forward = |batch| sink(batch);
    let mut batches = Batches::new(&survey.columns, crs, &mut forward)?;
    let mut records = Records::open(path, layout.delimiter)?;
    let mut record = ByteRecord::new();
    if layout.has_header {
        records.next(&mut record)?;
    }
    while records.next(&mut record)? {
        tally.read += 1;
        let row = tally.read;
        watch.at(records.bytes())?;
        if record.len() != layout.width {
            tally.refuse(
                row,
                format!(
                    "line {} has {} values instead of {}",
                    records.line(&record),
                    record.len(),
                    layout.width
                ),
            );
            continue;
        }
        let cells: Result<Vec<Cell>, String> = layout
            .positions
            .iter()
            .zip(&survey.columns)
            .map(|(at, column)| {
                cell_of_text(&decoded(&record[*at]), column.column_type)
                    .map_err(|reason| format!("{}: {reason}", column.original))
            })
            .collect();
        match cells {
            Ok(cells) => batches.push(row, cells, given(&record, layout.geometry), tally)?,
            Err(reason) => tally.refuse(row, reason),
        }
    }
    batches.finish()
}

fn given(record: &ByteRecord, from: From) -> Result<Given, String> {
    match from {
        From::Nothing => Ok(Given::default()),
        From::Column(at) => geometry::from_text(&decoded(&record[at])),
        From::LonLat { lon, lat } => {
            let (lon, lat) = (decoded(&record[lon]), decoded(&record[lat]));
            point(lon.trim(), lat.trim())
        }
    }
}

/// A point; nothing when both are empty.
fn point(lon: &str, lat: &str) -> Result<Given, String> {
    if lon.is_empty() && lat.is_empty() {
        return Ok(Given::default());
    }
    let number = |text: &str, what: &str| match text.parse::<f64>() {
        Ok(number) if number.is_nan() => Err(format!("cannot be made: the {what} is NaN")),
        Ok(number) if number.is_infinite() => Err(format!("cannot be made: the {what} is infinite")),
        Ok(number) => Ok(number),
        Err(_) if text.is_empty() => Err(format!("cannot be made: the {what} is missing")),
        Err(_) => Err(format!("cannot be made: the {what} '{text}' is not a number")),
    };
    let point = geo::Point::new(number(lon, "longitude")?, number(lat, "latitude")?);
    Ok(geo::Geometry::Point(point).into())
}

fn headings(record: &ByteRecord, options: &ImportOptions) -> Result<Vec<String>> {
    if record.len() > MOST_COLUMNS {
        return Err(Error::Damaged {
            format: "CSV",
            reason: format!(
                "its first line has {} values; {MOST_COLUMNS} columns are the most",
                record.len()
            ),
        });
    }
    if options.no_header {
        return Ok((1..=record.len()).map(|at| format!("column_{at}")).collect());
    }
    Ok(record
        .iter()
        .map(|heading| decoded(heading).trim().to_owned())
        .collect())
}

fn shown(originals: &[String], record: &ByteRecord) -> Map<String, Value> {
    originals
        .iter()
        .zip(record.iter())
        .map(|(name, cell)| (name.clone(), decoded(cell).into_owned().into()))
        .collect()
}

/// Which columns may hold the geometry, by their names and by what stands in them.
struct Geometries {
    column: Option<usize>,
    lon_lat: Option<(usize, usize)>,
    tried: usize,
    understood: usize,
}

impl Geometries {
    fn named(originals: &[String], options: &ImportOptions) -> Result<Self> {
        let find = |names: &[&str]| {
            names.iter().find_map(|name| {
                originals
                    .iter()
                    .position(|original| original.eq_ignore_ascii_case(name))
            })
        };
        let asked = |name: &String| {
            let is_same = |original: &String| original == name || original.eq_ignore_ascii_case(name);
            originals.iter().position(is_same).ok_or_else(|| {
                Error::Option(format!(
                    "There is no column '{name}'. There are: {}",
                    originals.join(", ")
                ))
            })
        };
        let column = match &options.geometry_column {
            Some(none) if none.is_empty() => None,
            Some(name) => Some(asked(name)?),
            None => find(&GEOMETRIES),
        };
        let lon_lat = match (&options.longitude_column, &options.latitude_column) {
            (Some(lon), Some(lat)) => Some((asked(lon)?, asked(lat)?)),
            (None, None) => find(&LONGITUDES).zip(find(&LATITUDES)),
            (Some(_), None) => return Err(Error::Option("A longitude column needs a latitude column".to_owned())),
            (None, Some(_)) => return Err(Error::Option("A latitude column needs a longitude column".to_owned())),
        };
        Ok(Self {
            column,
            lon_lat,
            tried: 0,
            understood: 0,
        })
    }

    fn see(&mut self, record: &ByteRecord) {
        let Some(cell) = self
            .column
            .and_then(|at| record.get(at))
            .filter(|cell| !cell.is_empty())
        else {
            return;
        };
        if self.tried < TRIED {
            self.tried += 1;
            self.understood += usize::from(geometry::looks_like_geometry(&decoded(cell)));
        }
    }

    /// A column of geometries wins over coordinates, unless hardly any of its values is one.
    fn decide(
        &self,
        originals: &[String],
        guesses: &[Guess],
        options: &ImportOptions,
        warnings: &mut Vec<String>,
    ) -> Result<From> {
        if options.longitude_column.is_none()
            && let Some(at) = self.column
        {
            if options.geometry_column.is_some() || 2 * self.understood >= self.tried.max(1) {
                return Ok(From::Column(at));
            }
            warnings.push(format!(
                "Column '{}' holds no geometries that can be read; it is kept as text",
                originals[at]
            ));
        }
        let Some((lon, lat)) = self.lon_lat else {
            if self.column.is_none() {
                warnings.push(
                    "No geometry: there is neither a column such as geom or wkt nor a pair such as lon and lat"
                        .to_owned(),
                );
            }
            return Ok(From::Nothing);
        };
        let is_number = |at: usize| matches!(guesses[at].conclusion(), ColumnType::Bigint | ColumnType::Double);
        if options.longitude_column.is_some() || (is_number(lon) && is_number(lat)) {
            return Ok(From::LonLat { lon, lat });
        }
        // One bad value among many makes the column text; the rows with it are refused, the others are not.
        warnings.push(format!(
            "'{}' and '{}' are taken for coordinates though not all values are numbers",
            originals[lon], originals[lat]
        ));
        Ok(From::LonLat { lon, lat })
    }
}

/// The first part of the file, as text.
fn sample(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|e| Error::unreadable(path, e))?;
    let text = Utf8::new(file).map_err(|e| Error::unreadable(path, e))?;
    let mut sample = Vec::new();
    text.take(SAMPLE)
        .read_to_end(&mut sample)
        .map_err(|e| Error::unreadable(path, e))?;
    Ok(sample)
}

/// The records of a file, empty lines left out.
struct Records {
    reader: Reader<Utf8<Bounded<BufReader<File>>>>,
    since_record: Rc<Shared<u64>>,
    bytes: Rc<Shared<u64>>,
}

impl Records {
    fn open(path: &Path, delimiter: u8) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::unreadable(path, e))?;
        let (since_record, bytes) = (Rc::new(Shared::new(0)), Rc::new(Shared::new(0)));
        let bounded = Bounded {
            inner: BufReader::new(file),
            since_record: since_record.clone(),
            bytes: bytes.clone(),
        };
        let text = Utf8::new(bounded).map_err(|e| Error::unreadable(path, e))?;
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        Ok(Self {
            reader,
            since_record,
            bytes,
        })
    }

    fn next(&mut self, record: &mut ByteRecord) -> Result<bool> {
        self.since_record.set(0);
        loop {
            let is_there = self.reader.read_byte_record(record).map_err(|e| Error::Damaged {
                format: "CSV",
                reason: e.to_string(),
            })?;
            let is_blank = record.len() == 1 && record[0].iter().all(u8::is_ascii_whitespace);
            if !is_there || !is_blank {
                return Ok(is_there);
            }
        }
    }

    /// Bytes of the file that were read.
    fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    fn line(&self, record: &ByteRecord) -> u64 {
        record.position().map_or(0, ::csv::Position::line)
    }
}

/// Stops when a single row grows without end.
struct Bounded<R> {
    inner: R,
    since_record: Rc<Shared<u64>>,
    bytes: Rc<Shared<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.since_record.set(self.since_record.get() + read as u64);
        self.bytes.set(self.bytes.get() + read as u64);
        if self.since_record.get() > LONGEST_ROW {
            return Err(io::Error::other(
                "a row is longer than 64 MB; is a quotation mark never closed?",
            ));
        }
        Ok(read)
    }
}
