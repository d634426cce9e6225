//! The real DuckDB, attached to the same lake.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::lake::{BUCKET, Lake, texts};

impl Lake {
    /// Runs statements in a fresh DuckDB process, where this lake is called `lake`; the values of each one's rows.
    pub(crate) fn duckdb(&self, statements: &[&str]) -> Vec<Vec<Vec<Option<String>>>> {
        self.try_duckdb(statements)
            .unwrap_or_else(|error| panic!("DuckDB, {statements:?}: {error}"))
    }

    /// The same, or what DuckDB says of it.
    pub(crate) fn try_duckdb(&self, statements: &[&str]) -> Result<Vec<Vec<Vec<Option<String>>>>, String> {
        let (attach, schema) = attach_address(self.database.url());
        let request = json!({ "attach": attach, "schema": schema, "s3": bucket(), "statements": statements });
        let answer = judge(&request);
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Ok(serde_json::from_value(answer["results"].clone()).unwrap()),
        }
    }

    /// The rows of a query as DuckDB reads them, each as a text of the same form as ours.
    pub(crate) fn duckdb_rows(&self, sql: &str) -> Vec<String> {
        std::fs::create_dir_all(self.scratch()).unwrap();
        let file = self.scratch().join("rows.parquet");
        self.duckdb(&[&format!("COPY ({sql}) TO '{}' (FORMAT parquet)", file.display())]);
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&file).unwrap()).unwrap();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        texts(&batches)
    }
}

/// What stands behind `ducklake:` for a database, and the schema of the catalog in it.
fn attach_address(url: &str) -> (String, Option<&'static str>) {
    if let Some(path) = url.strip_prefix("sqlite://") {
        return (format!("sqlite:{path}"), None);
    }
    let url = url::Url::parse(url).unwrap();
    let attach = format!(
        "postgres:host={} port={} user={} dbname={}",
        url.host_str().unwrap(),
        url.port().unwrap(),
        url.username(),
        url.path().trim_start_matches('/')
    );
    (attach, Some("ducklake"))
}

/// How DuckDB reaches the bucket that the lakes of this process stand in, when they do.
fn bucket() -> Option<Value> {
    std::env::var_os(BUCKET)?;
    let variable = |name: &str| std::env::var(name).unwrap();
    let endpoint = variable("AWS_ENDPOINT_URL")
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    Some(json!({
        "endpoint": endpoint, "key": variable("AWS_ACCESS_KEY_ID"), "secret": variable("AWS_SECRET_ACCESS_KEY"),
    }))
}

/// The Python that has DuckDB and moto.
pub(crate) fn python() -> PathBuf {
    let python = std::env::var_os("GROMA_TEST_PYTHON").map_or_else(|| root().join(".venv/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "this test needs Python packages, and {} is not there: `cargo xtask doctor` says what is missing, \
         `cargo xtask test` makes it",
        python.display()
    );
    python
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn judge(request: &Value) -> Value {
    let mut process = Command::new(python())
        .arg(root().join("tests/duckdb/judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(request.to_string().as_bytes())
        .unwrap();
    let output = process.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("DuckDB answered: {}", String::from_utf8_lossy(&output.stdout)))
}
