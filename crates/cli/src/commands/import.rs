//! `groma import`: loads a file into a table and reports what became of its rows.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::operator::Operator;
use crate::output;

/// A file and the table that it becomes.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file: GeoJSON, CSV or GeoParquet.
    file: PathBuf,
    /// The table, as schema.name.
    #[arg(long)]
    table: String,
    /// Replace the table when it is there.
    #[arg(long)]
    overwrite: bool,
}

impl Import {
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), Failure> {
        let file = std::fs::canonicalize(&self.file)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", self.file.display())))?;
        let operator = Operator::reach(configuration).await?;
        let question = json!({"path": file, "table": self.table, "overwrite": self.overwrite});
        let loaded = load(&operator, &question, &self.table).await;
        operator.close().await;
        let report = loaded?;
        output::data_line(&report.to_string());
        Ok(())
    }
}

/// Loads one file, with progress for whoever watches; the report goes back to the caller.
pub(crate) async fn load(operator: &Operator, question: &Value, table: &str) -> Result<Value, Failure> {
    let mut report = Value::Null;
    let asked = operator
        .ask_for_lines("/import", question, |line| {
            if let Some(progress) = line.get("progress") {
                let (done, total) = (progress["done"].as_u64().unwrap_or(0), progress["total"].as_u64());
                let unit = progress["unit"].as_str().unwrap_or("rows");
                let of = total.map_or(String::new(), |total| format!(" of {total}"));
                output::progress(&format!("{table}: {done}{of} {unit}"));
            } else if let Some(done) = line.get("report") {
                report = done.clone();
            }
            Ok(())
        })
        .await;
    output::end_progress();
    asked?;
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    let refused = report["refused"].as_array().map_or(0, Vec::len);
    let mut words = format!("{table}: {} rows", number("written"));
    if number("repaired") > 0 {
        words.push_str(&format!(", {} geometries repaired", number("repaired")));
    }
    if refused > 0 {
        words.push_str(&format!(", {refused} rows refused"));
    }
    output::say(&words);
    Ok(report)
}
