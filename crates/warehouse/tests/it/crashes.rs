//! A process killed at any moment loses nothing that it acknowledged and leaves nothing half done.
//!
//! The parent starts this very test binary as a child that works on a lake and says what it begins (`begin …`) and what
//! is done (`done …`), kills it at a seeded moment, opens the lake again and compares. `GROMA_KILLS` says how often.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use database::{Database, on};
use datafusion::arrow::array::{BinaryArray, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Outcome, Sql, TableName, Warehouse, WriteMode, WriteOptions};

use crate::lake::{Lake, actor, options};

/// Kills on each store unless `GROMA_KILLS` says otherwise.
const KILLS: u64 = 20;
/// Environment of the child: the database's address, the folder, the seed.
const CHILD: &str = "GROMA_CRASH_CHILD";

/// What the child does, one at a time. Rows of one operation carry its number in `op`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Operation {
    Insert {
        op: u64,
        rows: u64,
    },
    /// Rows that come as batches, as an import brings them.
    Import {
        op: u64,
        rows: u64,
    },
    Update {
        op: u64,
        value: i64,
    },
    Delete {
        op: u64,
    },
    CreateTableAs {
        op: u64,
        rows: u64,
    },
    DropTable {
        op: u64,
    },
    Compact,
}

/// What must be there: rows of `events` by operation (how many, their value), and tables made by CTAS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Expected {
    events: BTreeMap<u64, (u64, i64)>,
    tables: BTreeMap<u64, u64>,
}

impl Expected {
    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Insert { op, rows } | Operation::Import { op, rows } => {
                self.events.insert(*op, (*rows, 0));
            }
            Operation::Update { op, value } => {
                if let Some(event) = self.events.get_mut(op) {
                    event.1 = *value;
                }
            }
            Operation::Delete { op } => {
                self.events.remove(op);
            }
            Operation::CreateTableAs { op, rows } => {
                self.tables.insert(*op, *rows);
            }
            Operation::DropTable { op } => {
                self.tables.remove(op);
            }
            Operation::Compact => {}
        }
    }

    fn next(&self, random: &mut Random, op: u64) -> Operation {
        let rows = 1 + random.below(40);
        let known: Vec<u64> = self.events.keys().copied().collect();
        let tables: Vec<u64> = self.tables.keys().copied().collect();
        let one_of = |random: &mut Random, ops: &[u64]| ops[random.below(ops.len() as u64) as usize];
        match random.below(12) {
            0..=3 => Operation::Insert { op, rows },
            4 | 5 => Operation::Import { op, rows: rows * 500 },
            6 | 7 if !known.is_empty() => Operation::Update {
                op: one_of(random, &known),
                value: op as i64,
            },
            8 if !known.is_empty() => Operation::Delete {
                op: one_of(random, &known),
            },
            9 => Operation::CreateTableAs { op, rows: rows * 100 },
            10 if tables.len() > 3 => Operation::DropTable {
                op: one_of(random, &tables),
            },
            11 => Operation::Compact,
            _ => Operation::Insert { op, rows: 1 },
        }
    }
}

/// A small generator (xorshift64*): the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_on_sqlite() {
    kill_and_compare(Lake::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_on_postgresql() {
    kill_and_compare(Lake::on_postgres().await).await;
}

async fn kill_and_compare(lake: Lake) {
    let kills = std::env::var("GROMA_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(KILLS);
    lake.execute("CREATE TABLE events (op BIGINT, place BIGINT, value BIGINT, geom GEOMETRY)")
        .await;
    let mut expected = Expected::default();
    let mut began = 0;
    for seed in 1..=kills {
        let (done, under_way) = run_and_kill(&lake, seed, began, &expected);
        for operation in &done {
            expected.apply(operation);
        }
        began += 10_000;
        let warehouse = lake.reopen().await;
        // On PostgreSQL other servers may be alive: a silent one is gone after a minute.
        warehouse
            .maintain(database::now() + TimeDelta::minutes(2))
            .await
            .unwrap();
        let found = read(&warehouse, &expected, under_way.as_ref()).await;
        let mut also_right = expected.clone();
        if let Some(operation) = &under_way {
            also_right.apply(operation);
        }
        assert!(
            found == expected || found == also_right,
            "seed {seed}: {found:?}\nis neither {expected:?}\nnor that after {under_way:?}"
        );
        expected = found;
        assert_no_orphans(&lake).await;
        if seed % 5 == 0 || seed == kills {
            assert_duckdb_agrees(&lake, &expected);
        }
    }
    lake.database.remove().await;
}

/// Starts a child, kills it at a seeded moment, and says what it did and what it was doing.
fn run_and_kill(lake: &Lake, seed: u64, first: u64, expected: &Expected) -> (Vec<Operation>, Option<Operation>) {
    let known: Vec<(u64, u64, i64)> = expected
        .events
        .iter()
        .map(|(op, (rows, value))| (*op, *rows, *value))
        .collect();
    let tables: Vec<(u64, u64)> = expected.tables.iter().map(|(op, rows)| (*op, *rows)).collect();
    let task = serde_json::json!({
        "url": lake.database.url(), "folder": lake.folder(), "seed": seed, "first": first,
        "events": known, "tables": tables,
    });
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args([
            "crashes::the_child_works_until_it_is_killed",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, task.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.by_ref().map(Result::unwrap).find(|line| line.ends_with("ready"));
    assert!(ready.is_some(), "the child did not start");
    // After some operations, somewhere in the next ones.
    let mut random = Random::new(seed ^ 0xA5A5);
    let enough = 1 + random.below(8) as usize;
    let wait = Duration::from_micros(random.below(120_000));
    let (say_enough, is_enough) = std::sync::mpsc::channel();
    let killer = std::thread::spawn(move || {
        if is_enough.recv().is_ok() {
            std::thread::sleep(wait);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let mut done = Vec::new();
    let mut under_way = None;
    for line in lines.map_while(Result::ok) {
        if let Some(text) = line.strip_prefix("begin ") {
            under_way = serde_json::from_str(text).ok();
        } else if let Some(text) = line.strip_prefix("done ")
            && let Ok(operation) = serde_json::from_str(text)
        {
            done.push(operation);
            under_way = None;
            if done.len() == enough {
                say_enough.send(()).unwrap();
            }
        }
    }
    drop(say_enough);
    killer.join().unwrap();
    assert!(done.len() >= enough, "the child stopped by itself");
    (done, under_way)
}

/// What the lake holds.
async fn read(warehouse: &Warehouse, expected: &Expected, under_way: Option<&Operation>) -> Expected {
    let mut found = Expected::default();
    for row in numbers(
        warehouse,
        "SELECT op, count(*), min(value), max(value), count(DISTINCT place) FROM events GROUP BY op",
    )
    .await
    {
        assert_eq!(row[2], row[3], "the operation {} was done by half", row[0]);
        assert_eq!(row[1], row[4], "rows of the operation {} are there twice", row[0]);
        found.events.insert(row[0] as u64, (row[1] as u64, row[2]));
    }
    let mut candidates: Vec<u64> = expected.tables.keys().copied().collect();
    if let Some(Operation::CreateTableAs { op, .. }) = under_way {
        candidates.push(*op);
    }
    let tables = warehouse.tables("public").await.unwrap();
    for op in candidates {
        let name = format!("made_{op}");
        if tables.iter().any(|table| table.name.table == name) {
            let rows = numbers(warehouse, &format!("SELECT count(*) FROM {name}")).await;
            found.tables.insert(op, rows[0][0] as u64);
        }
    }
    assert_eq!(
        tables.len(),
        found.tables.len() + 1,
        "tables nobody knows of: {tables:?}"
    );
    found
}

async fn numbers(warehouse: &Warehouse, sql: &str) -> Vec<Vec<i64>> {
    let rows = warehouse
        .query(&Sql::new(sql), &Limits::default())
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let texts = crate::lake::texts(&rows);
    texts
        .iter()
        .map(|row| row.split(" | ").map(|cell| cell.parse().unwrap()).collect())
        .collect()
}

/// The files in the folder are those that the catalog names, and nothing is pending.
async fn assert_no_orphans(lake: &Lake) {
    let database = lake.database.database();
    let prefix = if database.is_sqlite() { "" } else { "ducklake." };
    let sql = format!(
        "SELECT s.path || t.path || f.path FROM {prefix}ducklake_data_file f \
         JOIN (SELECT DISTINCT table_id, schema_id, path FROM {prefix}ducklake_table) t ON t.table_id = f.table_id \
         JOIN {prefix}ducklake_schema s ON s.schema_id = t.schema_id"
    );
    let mut named: Vec<String> =
        on!(database, c => sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(c).await.unwrap());
    named.sort();
    assert_eq!(lake.files(), named, "files in the folder and files in the catalog");
    let pending: i64 = on!(database, c => sqlx::query_scalar("SELECT count(*) FROM warehouse_pending_file").fetch_one(c).await.unwrap());
    assert_eq!(pending, 0);
}

fn assert_duckdb_agrees(lake: &Lake, expected: &Expected) {
    let answer = lake.duckdb(&["SELECT op, count(*), max(value) FROM lake.public.events GROUP BY op ORDER BY op"]);
    let found: Vec<(u64, (u64, i64))> = answer[0]
        .iter()
        .map(|row| {
            let number = |index: usize| row[index].as_deref().unwrap().parse::<i64>().unwrap();
            (number(0) as u64, (number(1) as u64, number(2)))
        })
        .collect();
    assert_eq!(found, expected.events.clone().into_iter().collect::<Vec<_>>());
}

/// Not a test of its own: works when [`CHILD`] is set, until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_child_works_until_it_is_killed() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let task: serde_json::Value = serde_json::from_str(&task).unwrap();
    let database = Database::open(task["url"].as_str().unwrap()).await.unwrap();
    let folder = Path::new(task["folder"].as_str().unwrap());
    let warehouse = Warehouse::open(database, options(folder)).await.unwrap();
    let events: Vec<(u64, u64, i64)> = serde_json::from_value(task["events"].clone()).unwrap();
    let tables: Vec<(u64, u64)> = serde_json::from_value(task["tables"].clone()).unwrap();
    let mut known = Expected {
        events: events
            .into_iter()
            .map(|(op, rows, value)| (op, (rows, value)))
            .collect(),
        tables: tables.into_iter().collect(),
    };
    let mut random = Random::new(task["seed"].as_u64().unwrap());
    let first = task["first"].as_u64().unwrap();
    say("ready");
    // Compaction runs beside the rest, too.
    let beside = warehouse.clone();
    tokio::spawn(async move {
        loop {
            let outcome = beside
                .compact_table(&TableName::new("public", "events"), &CancellationToken::new(), None)
                .await;
            match outcome {
                Ok(_) | Err(warehouse::Error::Conflict(_)) => {}
                Err(error) => panic!("compaction: {error}"),
            }
            tokio::task::yield_now().await;
        }
    });
    for number in 1.. {
        let operation = known.next(&mut random, first + number);
        say(&format!("begin {}", serde_json::to_string(&operation).unwrap()));
        run(&warehouse, &operation).await;
        say(&format!("done {}", serde_json::to_string(&operation).unwrap()));
        known.apply(&operation);
    }
}

/// One line, written at once.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(format!("{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

async fn run(warehouse: &Warehouse, operation: &Operation) {
    let sql = match operation {
        Operation::Insert { op, rows } => format!(
            "INSERT INTO events SELECT {op}, i, 0, ST_Point(CAST(i AS DOUBLE), 1.0) FROM (SELECT value AS i FROM generate_series(1, {rows}))"
        ),
        Operation::Import { op, rows } => {
            import(warehouse, *op, *rows).await;
            return;
        }
        Operation::Update { op, value } => format!("UPDATE events SET value = {value} WHERE op = {op}"),
        Operation::Delete { op } => format!("DELETE FROM events WHERE op = {op}"),
        Operation::CreateTableAs { op, rows } => {
            format!("CREATE TABLE made_{op} AS SELECT value AS i FROM generate_series(1, {rows})")
        }
        Operation::DropTable { op } => format!("DROP TABLE made_{op}"),
        Operation::Compact => {
            let outcome = warehouse
                .compact_table(&TableName::new("public", "events"), &CancellationToken::new(), None)
                .await;
            // The compaction beside this one may win.
            assert!(
                matches!(outcome, Ok(_) | Err(warehouse::Error::Conflict(_))),
                "{outcome:?}"
            );
            return;
        }
    };
    match warehouse.execute(&actor(), &Sql::new(&sql), &Limits::default()).await {
        Ok(Outcome::Done { .. } | Outcome::Rows(_)) => {}
        Err(error) => panic!("{sql}: {error}"),
    }
}

async fn import(warehouse: &Warehouse, op: u64, rows: u64) {
    let schema = Arc::new(Schema::new(vec![
        Field::new("op", DataType::Int64, true),
        Field::new("place", DataType::Int64, true),
        Field::new("value", DataType::Int64, true),
        Field::new("geom", DataType::Binary, true)
            .with_metadata([("ARROW:extension:name".to_owned(), "geoarrow.wkb".to_owned())].into()),
    ]));
    let made = schema.clone();
    let batches = futures::stream::iter((0..rows).step_by(1_000)).map(move |from| {
        let places: Vec<i64> = (from..(from + 1_000).min(rows)).map(|place| place as i64).collect();
        let points: Vec<Vec<u8>> = places
            .iter()
            .map(|place| {
                let (x, y) = ((place % 360 - 180) as f64, (place % 170 - 85) as f64);
                [&[1u8, 1, 0, 0, 0][..], &x.to_le_bytes(), &y.to_le_bytes()].concat()
            })
            .collect();
        Ok(RecordBatch::try_new(
            made.clone(),
            vec![
                Arc::new(Int64Array::from(vec![op as i64; places.len()])),
                Arc::new(Int64Array::from(places.clone())),
                Arc::new(Int64Array::from(vec![0; places.len()])),
                Arc::new(BinaryArray::from_iter_values(points)),
            ],
        )?)
    });
    let rows = Box::pin(RecordBatchStreamAdapter::new(schema, batches));
    warehouse
        .write_table(
            &actor(),
            &TableName::new("public", "events"),
            WriteMode::Append,
            rows,
            WriteOptions::default(),
        )
        .await
        .unwrap();
}
