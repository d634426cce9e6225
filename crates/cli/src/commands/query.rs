//! `groma query`: runs one SQL statement and prints its rows as a table, CSV or JSON.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::operator::Operator;
use crate::output;

/// A statement and how to show its rows.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The SQL statement, or '-' to read it from standard input.
    sql: String,
    /// How to print the rows.
    #[arg(long, value_enum, default_value_t = RowFormat::Table)]
    format: RowFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowFormat {
    /// Aligned columns, for reading.
    Table,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON array of objects.
    Json,
}

impl Query {
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), Failure> {
        let sql = if self.sql == "-" {
            std::io::read_to_string(std::io::stdin())
                .map_err(|error| Failure::fault("cannot read standard input", error))?
        } else {
            self.sql
        };
        let operator = Operator::reach(configuration).await?;
        let mut printer = Printer::new(self.format);
        let asked = operator
            .ask_for_lines("/query", &json!({"q": sql}), |line| printer.take(line))
            .await;
        operator.close().await;
        asked?;
        printer.finish();
        Ok(())
    }
}

/// Prints rows as they come; a table waits for all of them to know its widths.
struct Printer {
    format: RowFormat,
    columns: Vec<String>,
    waiting: Vec<Vec<String>>,
    printed: u64,
    affected: Option<u64>,
    out: output::Data,
}

impl Printer {
    fn new(format: RowFormat) -> Self {
        Self {
            format,
            columns: Vec::new(),
            waiting: Vec::new(),
            printed: 0,
            affected: None,
            out: output::Data::new(),
        }
    }

    fn take(&mut self, line: Value) -> Result<(), Failure> {
        if let Some(schema) = line["schema"].as_array() {
            self.columns = schema
                .iter()
                .map(|column| column["name"].as_str().unwrap_or_default().to_owned())
                .collect();
            if self.format == RowFormat::Csv && !self.columns.is_empty() {
                let header = self
                    .columns
                    .iter()
                    .map(|name| csv_field(name))
                    .collect::<Vec<_>>()
                    .join(",");
                self.out.line(&header);
            }
        } else if let Some(row) = line["row"].as_array() {
            self.row(row);
        } else if let Some(affected) = line["affected"].as_u64() {
            self.affected = Some(affected);
        }
        Ok(())
    }

    fn row(&mut self, row: &[Value]) {
        match self.format {
            RowFormat::Table => self.waiting.push(row.iter().map(text).collect()),
            RowFormat::Csv => {
                let line = row
                    .iter()
                    .map(|value| csv_field(&text(value)))
                    .collect::<Vec<_>>()
                    .join(",");
                self.out.line(&line);
            }
            RowFormat::Json => {
                let object: Map<String, Value> = self.columns.iter().cloned().zip(row.iter().cloned()).collect();
                let lead = if self.printed == 0 { "[" } else { "," };
                self.out.line(&format!("{lead}{}", Value::Object(object)));
            }
        }
        self.printed += 1;
    }

    fn finish(mut self) {
        match self.format {
            RowFormat::Table if !self.columns.is_empty() => self.table(),
            RowFormat::Json => {
                let end = if self.printed == 0 { "[]" } else { "]" };
                self.out.line(end);
            }
            RowFormat::Table | RowFormat::Csv => {}
        }
        self.out.finish();
        if let Some(affected) = self.affected {
            output::say(&format!("done, {affected} rows"));
        }
    }

    fn table(&mut self) {
        let mut widths: Vec<usize> = self.columns.iter().map(|name| name.chars().count()).collect();
        for row in &self.waiting {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count().min(WIDEST));
            }
        }
        let line = |cells: &[String]| {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{:width$}", shortened(cell)));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.out.line(&line(&self.columns));
        self.out.line(
            &widths
                .iter()
                .map(|width| "-".repeat(*width))
                .collect::<Vec<_>>()
                .join("  "),
        );
        for row in &self.waiting {
            self.out.line(&line(row));
        }
    }
}

/// Widest cell of a printed table, in characters: a polygon would fill the screen.
const WIDEST: usize = 60;

fn shortened(cell: &str) -> String {
    if cell.chars().count() <= WIDEST {
        return cell.replace('\n', " ");
    }
    let mut short: String = cell.chars().take(WIDEST - 1).collect();
    short.push('…');
    short.replace('\n', " ")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Quotes a field where RFC 4180 asks for it.
fn csv_field(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_the_format_asks_for_it() {
        for (field, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ] {
            assert_eq!(csv_field(field), expected);
        }
    }

    #[test]
    fn a_long_cell_is_shortened_and_stays_on_its_line() {
        let cell = shortened(&"x\n".repeat(100));
        assert_eq!(cell.chars().count(), WIDEST);
        assert!(!cell.contains('\n') && cell.ends_with('…'));
    }
}
