//! Runs tests/sql/warehouse/*.slt, each file on a fresh lake: in a folder, and in a bucket of an S3 server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use access::Actor;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use warehouse::{Limits, Outcome, Sql};

use crate::test_lake::{TestLake, texts};

struct Connection(TestLake);

#[async_trait::async_trait]
impl AsyncDB for Connection {
    type Error = warehouse::Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, warehouse::Error> {
        match self
            .0
            .warehouse
            .execute(&Actor::Anonymous, &Sql::new(sql), &Limits::default())
            .await?
        {
            Outcome::Done { affected } => Ok(DBOutput::StatementComplete(affected)),
            Outcome::Rows(rows) => {
                let types = vec![DefaultColumnType::Any; rows.schema().fields().len()];
                let mut rows = texts(&rows.collect().await?);
                for cell in rows.iter_mut().flatten().filter(|cell| cell.is_empty()) {
                    *cell = "(empty)".to_owned();
                }
                Ok(DBOutput::Rows { types, rows })
            }
        }
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "groma"
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sql/warehouse")
}

/// Where the lakes of a process stand when it is not a folder: `s3://bucket`, see [`the_same_holds_in_a_bucket`].
const BUCKET: &str = "GROMA_TEST_BUCKET";

async fn fresh_lake() -> TestLake {
    match std::env::var(BUCKET) {
        Ok(bucket) => TestLake::on_storage(format!("{bucket}/{}", uuid::Uuid::now_v7())).await,
        Err(_) => TestLake::new().await,
    }
}

async fn check(file: &str) {
    let mut runner = Runner::new(|| async { Ok(Connection(fresh_lake().await)) });
    if let Err(error) = runner.run_file_async(folder().join(file)).await {
        panic!("{}", error.display(false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_tables_and_views_are_defined_by_sql() {
    check("definitions.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_inserted_updated_and_deleted_by_sql() {
    check("rows.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_change_their_shape_under_their_rows() {
    check("alter.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views_follow_their_tables() {
    check("views.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_as_it_went_in() {
    check("types.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn past_versions_can_be_read() {
    check("time_travel.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spatial_functions_agree_with_postgis() {
    check("spatial.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_of_other_warehouses_is_understood() {
    check("dialect.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_explained() {
    check("errors.slt").await;
}

/// An S3 server of the test's own, moto from PyPI, stopped when dropped.
struct BucketServer {
    process: Child,
    address: String,
}

impl BucketServer {
    fn start() -> BucketServer {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = std::env::var_os("GROMA_TEST_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
        assert!(
            python.exists(),
            "{} is missing: run `make test` once, or set GROMA_TEST_PYTHON",
            python.display()
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port();
        let process = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto starts");
        BucketServer {
            process,
            address: format!("127.0.0.1:{port}"),
        }
    }

    /// Waits until it answers, and makes a bucket.
    fn make_bucket(&mut self, name: &str) {
        let request = format!(
            "PUT /{name} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        for _ in 0..600 {
            if let Some(gone) = self.process.try_wait().expect("it can be asked") {
                panic!("moto stopped at once: {gone}");
            }
            if let Ok(mut connection) = TcpStream::connect(&self.address) {
                connection.write_all(request.as_bytes()).expect("it listens");
                let mut answer = String::new();
                connection.read_to_string(&mut answer).expect("it answers");
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("moto did not start within a minute");
    }
}

impl Drop for BucketServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// All files once more, in a process of their own that has the address and keys of a bucket in its environment.
#[test]
fn the_same_holds_in_a_bucket() {
    let mut server = BucketServer::start();
    server.make_bucket("lake");
    let outcome = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "sql_files::",
            "format::",
            "--skip",
            "the_same_holds_in_a_bucket",
            "--test-threads",
            "2",
        ])
        .env(BUCKET, "s3://lake")
        .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .output()
        .expect("the tests run");
    let told = String::from_utf8_lossy(&outcome.stdout);
    assert!(
        outcome.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&outcome.stderr)
    );
    assert!(told.contains("14 passed"), "{told}");
}

#[test]
fn every_file_is_run() {
    let source = include_str!("sql_files.rs");
    for entry in std::fs::read_dir(folder()).expect("the folder is there") {
        let name = entry
            .expect("it can be read")
            .file_name()
            .to_string_lossy()
            .into_owned();
        assert!(
            source.contains(&format!("check(\"{name}\")")),
            "{name} is run by no test"
        );
    }
}
