//! A warehouse in a temporary folder and tables whose rows are known.

use std::sync::Arc;

use access::Actor;
use connections::{Connection, Connections};
use database::Id;
use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use sources::{Parameters, Source, SourceRequest};
use spatial::{TileCoord, TileResolution};
use testing::TestDatabase;
use tiles::{Tile, TileFormat, TileRequest, Tiler, TilerOptions};
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Sql, TableName, Warehouse, WarehouseOptions, WriteMode, WriteOptions};

pub(crate) struct World {
    pub connection: Connection,
    _database: TestDatabase,
    _folder: tempfile::TempDir,
}

fn operator() -> Actor {
    Actor::Operator {
        organisation: Id::new(),
    }
}

impl World {
    pub(crate) async fn open() -> World {
        let database = TestDatabase::sqlite().await;
        let folder = tempfile::tempdir().unwrap();
        let options = WarehouseOptions {
            storage: folder.path().join("data").display().to_string(),
            memory_limit_bytes: 256 << 20,
            spill_directory: folder.path().join("spill"),
            resident_bytes: 256 << 20,
        };
        let warehouse = Warehouse::open(database.database().clone(), options).await.unwrap();
        let connections = Connections::new(database.database().clone(), warehouse);
        let connection = connections.resolve(Id::new(), "carto_dw").await.unwrap();
        World {
            connection,
            _database: database,
            _folder: folder,
        }
    }

    /// A world with one table of geometries: `(wkt or null, name)`; ids count from 0.
    pub(crate) async fn with_geometries(rows: &[(Option<&str>, &str)]) -> World {
        let world = World::open().await;
        let values: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(id, (wkt, name))| {
                let wkt = wkt.map_or("NULL".to_owned(), |wkt| format!("'{wkt}'"));
                format!("({id}, '{name}', {wkt})")
            })
            .collect();
        world
            .run(&format!(
                "CREATE TABLE shapes AS SELECT CAST(column1 AS BIGINT) AS id, CAST(column2 AS VARCHAR) AS name,
                 ST_SetSRID(ST_GeomFromText(CAST(column3 AS VARCHAR)), 4326) AS geom FROM (VALUES {})",
                values.join(", ")
            ))
            .await;
        world
    }

    /// A world with a table of crowded points, see [`crowd`].
    pub(crate) async fn with_crowd(rows: usize) -> World {
        let world = World::open().await;
        let crowd = crowd(rows);
        let wkb: Vec<Vec<u8>> = crowd.iter().map(|row| point_wkb(row.place)).collect();
        let metadata = [
            ("ARROW:extension:name".to_owned(), "geoarrow.wkb".to_owned()),
            (
                "ARROW:extension:metadata".to_owned(),
                r#"{"crs":"EPSG:4326"}"#.to_owned(),
            ),
        ];
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("kind", DataType::Utf8, true),
            Field::new("value", DataType::Float64, true),
            Field::new("geom", DataType::Binary, true).with_metadata(metadata.into_iter().collect()),
        ]));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter(crowd.iter().map(|row| Some(row.id)))),
            Arc::new(StringArray::from_iter(crowd.iter().map(|row| row.kind))),
            Arc::new(Float64Array::from_iter(crowd.iter().map(|row| row.value))),
            Arc::new(datafusion::arrow::array::BinaryArray::from_iter_values(&wkb)),
        ];
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let stream = datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(
            schema,
            futures::stream::iter([Ok(batch)]),
        );
        let name: TableName = "crowd".parse().unwrap();
        world
            .connection
            .warehouse()
            .write_table(
                &operator(),
                &name,
                WriteMode::Create,
                Box::pin(stream),
                WriteOptions::default(),
            )
            .await
            .unwrap();
        world
    }

    pub(crate) async fn run(&self, sql: &str) {
        let outcome = self
            .connection
            .warehouse()
            .execute(&operator(), &Sql::new(sql), &Limits::default())
            .await;
        if let Err(error) = outcome {
            panic!("{error}\n{}", &sql[..sql.len().min(500)]);
        }
    }

    /// A source with the parameters of a map.
    pub(crate) async fn source(&self, parameters: &[(&str, &str)]) -> Source {
        let pairs = parameters
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let kind = if parameters.iter().any(|(name, _)| *name == "q") {
            "query"
        } else {
            "table"
        };
        let request = SourceRequest::of_map(kind, &Parameters::from_url(pairs)).unwrap();
        Source::open(&self.connection, request).await.unwrap()
    }
}

/// Ways a tile can come about; all must draw the same.
pub(crate) fn tilers() -> [(&'static str, Tiler); 2] {
    let from_files = TilerOptions {
        uses_resident_tables: false,
        cache_bytes: 0,
    };
    let from_memory = TilerOptions {
        cache_bytes: 0,
        ..TilerOptions::default()
    };
    [("files", Tiler::new(from_files)), ("memory", Tiler::new(from_memory))]
}

pub(crate) fn request(z: u8, x: u32, y: u32) -> TileRequest {
    TileRequest {
        coord: TileCoord::new(z, x, y).unwrap(),
        format: TileFormat::Binary,
        resolution: TileResolution::Half,
        columns: None,
        feature_bbox: false,
    }
}

pub(crate) async fn tile(tiler: &Tiler, source: &Source, request: &TileRequest) -> Option<Tile> {
    tiler.tile(source, request, CancellationToken::new()).await.unwrap()
}

/// A row of the table `crowd`.
pub(crate) struct Row {
    pub id: i64,
    pub kind: Option<&'static str>,
    pub value: Option<f64>,
    pub place: [f64; 2],
}

/// Points from a fixed rule: crowds around five cities, in no order.
pub(crate) fn crowd(rows: usize) -> Vec<Row> {
    const CITIES: [[f64; 2]; 5] = [
        [71.4, 51.1],
        [-3.7, 40.4],
        [139.7, 35.7],
        [-58.4, -34.6],
        [179.9, -16.5],
    ];
    const KINDS: [Option<&str>; 4] = [Some("cafe"), Some("school \"A\""), None, Some("Äpfel")];
    let noise = |seed: u64| {
        let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..rows as u64)
        .map(|id| {
            let [lon, lat] = CITIES[(noise(id * 4) * 5.0) as usize];
            let spread = |seed: u64| (noise(seed) - 0.5) * 0.2;
            Row {
                id: id as i64,
                kind: KINDS[(id % 4) as usize],
                value: (!id.is_multiple_of(9)).then(|| (noise(id * 4 + 1) * 1e4).round() / 100.0),
                place: [lon + spread(id * 4 + 2), lat + spread(id * 4 + 3)],
            }
        })
        .collect()
}

pub(crate) fn point_wkb([lon, lat]: [f64; 2]) -> Vec<u8> {
    [&[1u8, 1, 0, 0, 0][..], &lon.to_le_bytes(), &lat.to_le_bytes()].concat()
}
