//! A small table of trees, known row by row, so that answers can be worked out with plain loops.

use std::fmt::Write as _;

use access::Actor;
use connections::{Connection, Connections};
use database::Id;
use sources::{Parameters, Source, SourceRequest};
use testing::TestDatabase;
use warehouse::{Limits, Sql, Warehouse, WarehouseOptions};

/// A row of the table `park.trees`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) id: i64,
    pub(crate) kind: Option<&'static str>,
    pub(crate) height: Option<f64>,
    pub(crate) age: i32,
    /// Microseconds since 1970.
    pub(crate) planted: i64,
    pub(crate) is_old: bool,
    pub(crate) place: Option<[f64; 2]>,
}

const KINDS: [Option<&str>; 6] = [
    Some("oak"),
    Some("Äpfel"),
    Some("O'Hara's elm"),
    Some("oak\\"),
    None,
    Some("pine"),
];

/// 600 trees from a fixed rule: many near Astana, some on both sides of the antimeridian, some without a place.
pub(crate) fn trees() -> Vec<Tree> {
    (0..600_i64)
        .map(|id| {
            let spread = |step: i64, size: i64| (id * step % size) as f64 / size as f64;
            let place = match id % 10 {
                0 => None,
                1 => Some([179.0 + spread(7, 100), -17.0 + spread(13, 100)]),
                2 => Some([-180.0 + spread(11, 100), -17.0 + spread(17, 100)]),
                _ => Some([71.0 + spread(37, 601), 51.0 + spread(91, 599) * 0.5]),
            };
            Tree {
                id: if id == 599 { 9_007_199_254_740_993 } else { id },
                kind: KINDS[((id / 3 + id) % 6) as usize],
                height: (id % 7 != 0).then(|| ((id * 31) % 97) as f64 / 4.0),
                age: ((id * 13) % 150) as i32,
                planted: 946_684_800_000_000 + id * 86_400_000_000 * 5 + id * 1_500,
                is_old: id % 4 == 0,
                place,
            }
        })
        .collect()
}

/// A warehouse with the table, and what keeps it alive.
pub(crate) struct Park {
    pub(crate) connection: Connection,
    pub(crate) connections: Connections,
    pub(crate) database: TestDatabase,
    _folder: tempfile::TempDir,
}

pub(crate) fn operator() -> Actor {
    Actor::Operator {
        organisation: Id::new(),
    }
}

impl Park {
    pub(crate) async fn open() -> Park {
        let park = Self::empty().await;
        park.run("CREATE SCHEMA park").await;
        let mut values = String::new();
        for tree in trees() {
            let comma = if values.is_empty() { "" } else { ", " };
            let text = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
            let kind = text(tree.kind.map(|kind| format!("'{}'", kind.replace('\'', "''"))));
            let height = text(tree.height.map(|height| height.to_string()));
            let place = text(tree.place.map(|[lon, lat]| format!("'POINT({lon} {lat})'")));
            write!(
                values,
                "{comma}({}, {kind}, {height}, {}, {}, {}, {place})",
                tree.id, tree.age, tree.planted, tree.is_old
            )
            .unwrap();
        }
        park.run(&format!(
            "CREATE TABLE park.trees AS SELECT
                CAST(column1 AS BIGINT) AS id, CAST(column2 AS VARCHAR) AS kind, CAST(column3 AS DOUBLE) AS height,
                CAST(column4 AS INT) AS age, to_timestamp_micros(column5) AS planted, column6 AS is_old,
                ST_SetSRID(ST_GeomFromText(column7), 4326) AS geom
             FROM (VALUES {values})"
        ))
        .await;
        park
    }

    pub(crate) async fn empty() -> Park {
        let database = TestDatabase::sqlite().await;
        let folder = tempfile::tempdir().unwrap();
        let options = WarehouseOptions {
            storage: folder.path().join("data").display().to_string(),
            memory_limit_bytes: 256 << 20,
            spill_directory: folder.path().join("spill"),
            resident_bytes: 0,
        };
        let warehouse = Warehouse::open(database.database().clone(), options).await.unwrap();
        let connections = Connections::new(database.database().clone(), warehouse);
        let connection = connections.resolve(Id::new(), "carto_dw").await.unwrap();
        Park {
            connection,
            connections,
            database,
            _folder: folder,
        }
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

    /// A source of the trees with the parameters of a map.
    pub(crate) async fn source(&self, parameters: &[(&str, &str)]) -> sources::Result<Source> {
        let parameters = params(parameters);
        let kind = if parameters.value("q").is_some() {
            "query"
        } else {
            "table"
        };
        Source::open(&self.connection, SourceRequest::of_map(kind, &parameters)?).await
    }
}

pub(crate) fn params(pairs: &[(&str, &str)]) -> Parameters {
    Parameters::from_url(
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    )
}
