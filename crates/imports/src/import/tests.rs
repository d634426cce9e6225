//! What becomes of files, told by their rows and reports, without a warehouse.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use geo::{BoundingRect, CoordsIter, Geometry};
use proptest::prelude::*;

use super::*;
use crate::ColumnType;
use crate::geometry::from_wkb;

struct Outcome {
    survey: Survey,
    tally: Tally,
    rows: RecordBatch,
}

fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn read_with(name: &str, content: &[u8], options: &ImportOptions) -> Result<Outcome> {
    let (_folder, path) = file(name, content);
    let survey = survey(&path, options, None, &mut Watch::nobody())?;
    let (mut tally, mut batches) = (Tally::default(), Vec::new());
    let mut sink = |batch| {
        batches.push(batch);
        Ok(())
    };
    read(
        &path,
        &survey,
        content.len() as u64,
        &mut Watch::nobody(),
        &mut tally,
        &mut sink,
    )?;
    assert_eq!(
        tally.read,
        tally.written + tally.refused_count,
        "every row is written or refused"
    );
    assert_eq!(tally.read, survey.rows, "both readings see the same rows");
    let rows = concat_batches(&schema(&survey), &batches).unwrap();
    assert_eq!(rows.num_rows() as u64, tally.written);
    Ok(Outcome { survey, tally, rows })
}

fn read_file(name: &str, content: &str) -> Outcome {
    read_with(name, content.as_bytes(), &ImportOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

impl Outcome {
    fn texts(&self, column: &str) -> Vec<Option<String>> {
        let texts = self
            .rows
            .column_by_name(column)
            .unwrap_or_else(|| panic!("no column {column}"));
        texts
            .as_string::<i32>()
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect()
    }

    fn integers(&self, column: &str) -> Vec<Option<i64>> {
        self.rows
            .column_by_name(column)
            .unwrap()
            .as_primitive::<Int64Type>()
            .iter()
            .collect()
    }

    fn geometries(&self) -> Vec<Option<Geometry<f64>>> {
        let wkbs = self.rows.column_by_name("geom").unwrap().as_binary::<i32>();
        wkbs.iter()
            .map(|wkb| wkb.map(|wkb| from_wkb(wkb).unwrap().geometry.unwrap()))
            .collect()
    }

    fn type_of(&self, column: &str) -> ColumnType {
        self.survey
            .columns
            .iter()
            .find(|c| c.name == column)
            .unwrap()
            .column_type
    }

    fn refusals(&self) -> Vec<(u64, &str)> {
        self.tally
            .refused
            .iter()
            .map(|note| (note.row, note.reason.as_str()))
            .collect()
    }
}

fn point(x: f64, y: f64) -> Option<Geometry<f64>> {
    Some(geo::Point::new(x, y).into())
}

#[test]
fn a_csv_with_coordinates_becomes_points() {
    let outcome = read_file(
        "cities.csv",
        "Name,Population,Lon,Lat\nMadrid,3223334,-3.7,40.4\n\"Paris, FR\",2161000,2.35,48.85\n",
    );
    assert_eq!(outcome.texts("name"), [Some("Madrid".into()), Some("Paris, FR".into())]);
    assert_eq!(outcome.integers("population"), [Some(3_223_334), Some(2_161_000)]);
    assert_eq!(outcome.geometries(), [point(-3.7, 40.4), point(2.35, 48.85)]);
    assert_eq!(outcome.type_of("lon"), ColumnType::Double);
    assert!(outcome.survey.warnings.is_empty(), "{:?}", outcome.survey.warnings);
}

#[test]
fn a_semicolon_file_in_windows_1252_with_line_breaks_in_quotes_is_read() {
    let bytes = b"ciudad;nota;wkt\nLogro\xf1o;\"dos\nl\xedneas\";POINT(-2.4 42.5)\n";
    let outcome = read_with("a.csv", bytes, &ImportOptions::default()).unwrap();
    assert_eq!(outcome.texts("ciudad"), [Some("Logroño".into())]);
    assert_eq!(outcome.texts("nota"), [Some("dos\nlíneas".into())]);
    assert_eq!(outcome.geometries(), [point(-2.4, 42.5)]);
    assert!(outcome.survey.warnings[0].contains("Windows-1252"));
    assert!(
        outcome.rows.column_by_name("wkt").is_none(),
        "the geometry is not kept twice"
    );
}

#[test]
fn utf_16_with_tabs_is_read() {
    let bytes: Vec<u8> = "\u{feff}name\tlat\tlon\nÅrhus\t56.1\t10.2\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let outcome = read_with("a.tsv", &bytes, &ImportOptions::default()).unwrap();
    assert_eq!(outcome.texts("name"), [Some("Århus".into())]);
    assert_eq!(outcome.geometries(), [point(10.2, 56.1)]);
}

#[test]
fn rows_that_cannot_be_kept_are_refused_with_their_number() {
    let text = "id,lon,lat\n1,0,0\n2,NaN,5\n3,inf,5\n4,10,95\n5,,\n6,12\n7,7,\n";
    let outcome = read_file("a.csv", text);
    let refusals = outcome.refusals();
    assert_eq!(
        refusals.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
        [2, 3, 4, 6, 7]
    );
    for (at, words) in [
        (0, "NaN"),
        (1, "infinite"),
        (2, "latitude 95"),
        (3, "2 values instead of 3"),
        (4, "latitude is missing"),
    ] {
        assert!(refusals[at].1.contains(words), "{:?}", refusals[at]);
    }
    assert_eq!(outcome.integers("id"), [Some(1), Some(5)]);
    assert_eq!(outcome.tally.without_geometry, 1);
}

#[test]
fn a_late_value_widens_its_column_instead_of_being_lost() {
    let mut text = "code,n,lon,lat\n".to_owned();
    (0..5000).for_each(|n| text.push_str(&format!("{n},{n},0,0\n")));
    text.push_str("A1,0.5,0,0\n");
    let outcome = read_file("a.csv", &text);
    assert_eq!(outcome.type_of("code"), ColumnType::Text);
    assert_eq!(outcome.texts("code")[5000], Some("A1".into()));
    let numbers = outcome
        .rows
        .column_by_name("n")
        .unwrap()
        .as_primitive::<Float64Type>()
        .clone();
    assert_eq!((numbers.value(4999), numbers.value(5000)), (4999.0, 0.5));
    assert_eq!(outcome.tally.refused_count, 0);
}

#[test]
fn a_type_that_was_asked_for_refuses_what_does_not_fit() {
    let mut options = ImportOptions::default();
    options.types.insert("n".to_owned(), ColumnType::Bigint);
    let outcome = read_with("a.csv", b"n,lon,lat\n1,0,0\nmany,0,0\n", &options).unwrap();
    assert_eq!(outcome.refusals(), [(2, "n: 'many' is not a bigint")]);
}

#[test]
fn a_column_that_is_only_called_geometry_stays_a_column() {
    let outcome = read_file("a.csv", "geometry,angle\neuclidean,90\nspherical,91\n");
    assert_eq!(
        outcome.texts("geometry"),
        [Some("euclidean".into()), Some("spherical".into())]
    );
    assert!(outcome.survey.geometry.is_none());
    assert!(
        outcome
            .survey
            .warnings
            .iter()
            .any(|w| w.contains("holds no geometries"))
    );
}

#[test]
fn projected_coordinates_are_turned_and_their_crs_recorded() {
    let options = ImportOptions {
        crs: Some("EPSG:3857".to_owned()),
        ..ImportOptions::default()
    };
    let outcome = read_with("a.csv", b"lon,lat\n1113194.9079327357,0\n", &options).unwrap();
    let Some(Geometry::Point(point)) = &outcome.geometries()[0] else {
        panic!("no point")
    };
    assert!((point.x() - 10.0).abs() < 1e-6 && point.y().abs() < 1e-6);
    assert_eq!(outcome.survey.geometry.unwrap().source_crs, "EPSG:3857");
}

const COLLECTION: &str = r#"{"type": "FeatureCollection", "features": [
  {"type": "Feature", "id": 7, "properties": {"Name": "a", "n": 1, "tags": ["x"]}, "geometry": {"type": "Point", "coordinates": [1, 2, 9]}},
  {"type": "Feature", "properties": {"Name": "b", "more": true}, "geometry": null},
  {"type": "Feature", "properties": {"n": 2.5}, "geometry": {"type": "Polygon", "coordinates": [[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[1,2],[2,2],[1,1]]]}},
  {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [NaN, 2]}},
  {"type": "Feature", "properties": {}, "geometry": {"type": "Blob"}},
  {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [[[0,0],[1,1]]]}}
]}"#;

#[test]
fn a_feature_collection_is_read_feature_by_feature() {
    let outcome = read_file("a.geojson", COLLECTION);
    assert_eq!(outcome.texts("name"), [Some("a".into()), Some("b".into()), None]);
    assert_eq!(outcome.type_of("n"), ColumnType::Double);
    assert_eq!(outcome.type_of("tags"), ColumnType::Json);
    assert_eq!(outcome.texts("tags")[0].as_deref(), Some("[\"x\"]"));
    assert_eq!(outcome.integers("id"), [Some(7), None, None]);
    assert_eq!(outcome.geometries()[0], point(1.0, 2.0));
    assert_eq!(outcome.geometries()[1], None);
    let rows: Vec<u64> = outcome.refusals().iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, [4, 5, 6]);
    assert!(outcome.refusals()[0].1.contains("NaN"));
    assert!(outcome.survey.warnings[0].contains("Heights"));
}

#[test]
fn features_one_per_line_are_read() {
    let outcome = read_file(
        "a.ndjson",
        "{\"type\":\"Feature\",\"properties\":{\"a\":1},\"geometry\":null}\n{\"type\":\"Point\",\"coordinates\":[3,4]}\n",
    );
    assert_eq!(outcome.integers("a"), [Some(1), None]);
    assert_eq!(outcome.geometries(), [None, point(3.0, 4.0)]);
}

#[test]
fn nested_types_may_differ_from_row_to_row() {
    let outcome = read_file(
        "a.csv",
        "wkt\nPOINT(1 2)\n\"LINESTRING(0 0, 1 1)\"\n\"POLYGON((0 0, 1 0, 1 1, 0 0))\"\nGEOMETRYCOLLECTION(POINT(5 6))\n",
    );
    assert_eq!(outcome.tally.written, 4);
    assert_eq!(outcome.geometries()[3].as_ref().unwrap().coords_count(), 1);
}

#[test]
fn files_that_are_no_tables_are_errors_in_plain_words() {
    let error = |name: &str, content: &str| match read_with(name, content.as_bytes(), &ImportOptions::default()) {
        Ok(_) => panic!("{name} was read"),
        Err(error) => error.to_string(),
    };
    assert!(error("a.csv", "a,b\n").contains("no rows"));
    assert!(error("a.geojson", "{\"type\":\"FeatureCollection\",\"features\":[]}").contains("no rows"));
    assert!(error("a.geojson", "{\"type\":\"FeatureCollection\",\"features\":[{").contains("too early"));
    assert!(error("a.parquet", "PAR1 and nothing else PAR1").contains("damaged"));
    let none = ImportOptions {
        longitude_column: Some("x".into()),
        latitude_column: Some("y".into()),
        ..ImportOptions::default()
    };
    let Err(asked) = read_with("a.csv", b"a,b\n1,2\n", &none) else {
        panic!("it was read")
    };
    assert!(asked.to_string().contains("There are: a, b"));
}

#[test]
fn a_quote_that_is_never_closed_does_not_eat_the_memory() {
    let mut content = b"a,lon,lat\n\"open,1,2\n".to_vec();
    content.resize(80 << 20, b'x');
    let Err(error) = read_with("a.csv", &content, &ImportOptions::default()) else {
        panic!("it was read")
    };
    assert!(error.to_string().contains("never closed"), "{error}");
}

mod parquet {
    use std::sync::Arc;

    use datafusion::arrow::array::{BinaryArray, Float64Array, Int32Array, StringArray};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::metadata::KeyValue;
    use datafusion::parquet::file::properties::WriterProperties;

    use super::*;

    fn written(rows: &RecordBatch, geo: Option<&str>) -> Vec<u8> {
        let pairs = geo.map(|geo| vec![KeyValue::new("geo".to_owned(), geo.to_owned())]);
        let properties = WriterProperties::builder().set_key_value_metadata(pairs).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
        writer.write(rows).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn wkb(x: f64, y: f64) -> Vec<u8> {
        let mut wkb = vec![1, 1, 0, 0, 0];
        wkb.extend(x.to_le_bytes());
        wkb.extend(y.to_le_bytes());
        wkb
    }

    fn rows(points: &[Option<(f64, f64)>]) -> RecordBatch {
        let wkbs: Vec<Option<Vec<u8>>> = points.iter().map(|p| p.map(|(x, y)| wkb(x, y))).collect();
        let schema = Schema::new(vec![
            Field::new("N", DataType::Int32, false),
            Field::new("Label", DataType::Utf8, true),
            Field::new("geometry", DataType::Binary, true),
        ]);
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(Int32Array::from_iter_values(0..points.len() as i32)),
                Arc::new(StringArray::from(vec!["x"; points.len()])),
                Arc::new(BinaryArray::from_iter(wkbs)),
            ],
        )
        .unwrap()
    }

    const UTM: &str = r#"{"version":"1.1.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB","geometry_types":[],
        "crs":{"type":"ProjectedCRS","name":"WGS 84 / Pseudo-Mercator","id":{"authority":"EPSG","code":3857}}}}}"#;

    #[test]
    fn the_crs_of_the_file_is_followed() {
        let content = written(&rows(&[Some((1_113_194.907_932_735_7, 0.0)), None]), Some(UTM));
        let outcome = read_with("a.parquet", &content, &ImportOptions::default()).unwrap();
        let Some(Geometry::Point(point)) = &outcome.geometries()[0] else {
            panic!("no point")
        };
        assert!((point.x() - 10.0).abs() < 1e-6);
        assert_eq!(outcome.geometries()[1], None);
        assert_eq!(outcome.tally.without_geometry, 1);
        assert_eq!(outcome.survey.geometry.as_ref().unwrap().source_crs, "EPSG:3857");
        assert_eq!(outcome.survey.geometry.as_ref().unwrap().from, ["geometry"]);
        assert_eq!(outcome.rows.schema().field(0).name(), "n");
    }

    #[test]
    fn rows_with_broken_geometries_are_refused_and_the_others_kept() {
        let content = written(
            &rows(&[Some((1.0, 2.0)), Some((f64::INFINITY, 0.0)), Some((5.0, 6.0))]),
            None,
        );
        let outcome = read_with("a.parquet", &content, &ImportOptions::default()).unwrap();
        assert_eq!(outcome.refusals(), [(2, "the geometry a coordinate is infinite")]);
        assert_eq!(outcome.geometries(), [point(1.0, 2.0), point(5.0, 6.0)]);
    }

    #[test]
    fn coordinates_in_columns_are_found() {
        let schema = Schema::new(vec![
            Field::new("lon", DataType::Float64, true),
            Field::new("lat", DataType::Float64, true),
        ]);
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(Float64Array::from(vec![1.0])),
            Arc::new(Float64Array::from(vec![2.0])),
        ];
        let content = written(&RecordBatch::try_new(Arc::new(schema), columns).unwrap(), None);
        let outcome = read_with("a.parquet", &content, &ImportOptions::default()).unwrap();
        assert_eq!(outcome.geometries(), [point(1.0, 2.0)]);
    }

    #[test]
    fn another_encoding_is_named() {
        let geo = r#"{"primary_column":"geometry","columns":{"geometry":{"encoding":"point"}}}"#;
        let Err(error) = read_with(
            "a.parquet",
            &written(&rows(&[None]), Some(geo)),
            &ImportOptions::default(),
        ) else {
            panic!("it was read")
        };
        assert!(error.to_string().contains("encoding 'point'"));
    }

    #[test]
    fn damaged_files_are_errors_never_panics() {
        let whole = written(&rows(&[Some((1.0, 2.0)); 300]), Some(UTM));
        for at in (4..whole.len() - 4).step_by(7) {
            let mut broken = whole.clone();
            broken[at] ^= 0x55;
            // Either it is still readable, or an error.
            let (_folder, path) = file("a.parquet", &broken);
            if let Ok(survey) = survey(&path, &ImportOptions::default(), None, &mut Watch::nobody()) {
                let mut sink = |_| Ok(());
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    read(
                        &path,
                        &survey,
                        0,
                        &mut Watch::nobody(),
                        &mut Tally::default(),
                        &mut sink,
                    )
                }));
                drop(outcome);
            }
        }
    }
}

proptest! {
    /// Whatever bytes a file holds, reading ends with rows or an error.
    #[test]
    fn any_bytes_are_read_or_refused(content in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..3usize) {
        let name = ["a.csv", "a.geojson", "a.parquet"][kind];
        let _ = read_with(name, &content, &ImportOptions::default());
    }

    /// Kept coordinates lie in the world.
    #[test]
    fn kept_points_lie_in_the_world(lon in -600.0..600.0f64, lat in -100.0..100.0f64) {
        let outcome = read_with("a.csv", format!("lon,lat\n{lon},{lat}\n0,0\n").as_bytes(), &ImportOptions::default()).unwrap();
        for geometry in outcome.geometries().into_iter().flatten() {
            let bounds = geometry.bounding_rect().unwrap();
            prop_assert!(bounds.min().x >= -180.0 && bounds.max().x <= 180.0);
            prop_assert!(bounds.min().y >= -90.0 && bounds.max().y <= 90.0);
        }
    }
}
