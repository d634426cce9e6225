//! Runs tests/sql/warehouse/*.slt, each file on a fresh lake in a folder.

use std::path::{Path, PathBuf};

use access::Actor;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use warehouse::{Limits, Outcome, Sql};

use crate::test_lake::{TestLake, texts};

struct Connection(TestLake);

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

async fn check(file: &str) {
    let mut runner = Runner::new(|| async { Ok(Connection(TestLake::new().await)) });
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
