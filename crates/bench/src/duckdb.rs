//! DuckDB with its spatial extension: a table sorted along a Hilbert curve, two threads, in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::generator::{Data, VERSION};
use crate::{Result, machine};

pub(crate) const PYTHON: &str = ".venv/bin/python";

/// The program that runs statements for us.
pub(crate) fn script() -> String {
    format!("{}/peers/duckdb_peer.py", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) struct DuckDb {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl DuckDb {
    pub(crate) fn start(work: &Path, data: &Data) -> Result<DuckDb> {
        let file = work.join(format!("duckdb_{}_v{VERSION}.db", data.points));
        let mut process = Command::new(PYTHON)
            .args([&script(), "serve"])
            .arg(file)
            .args([&data.large, &data.counties])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{PYTHON}: {error}: run `make test` or `cargo xtask doctor` first"))?;
        let questions = process.stdin.take().ok_or("no pipe")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no pipe")?);
        let mut duckdb = DuckDb {
            process,
            questions,
            answers,
        };
        duckdb.answer()?;
        Ok(duckdb)
    }

    pub(crate) fn cpu_ms(&self) -> Result<f64> {
        machine::cpu_ms(self.process.id())
    }

    /// Runs a statement, its result fetched; the number of rows.
    pub(crate) fn rows(&mut self, sql: &str) -> Result<u64> {
        writeln!(self.questions, "{}", json!({ "sql": sql }))?;
        self.questions.flush()?;
        let answer = self.answer()?;
        answer["rows"]
            .as_u64()
            .ok_or_else(|| format!("DuckDB: {answer}").into())
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the DuckDB process ended".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

/// A tile of points with the four attributes.
pub(crate) fn points_tile([z, x, y]: [u32; 3]) -> String {
    format!(
        "WITH env AS (SELECT ST_TileEnvelope({z}, {x}, {y}) AS g),
              box AS (SELECT ST_XMin(g) AS w, ST_XMax(g) AS e, ST_YMin(g) AS s, ST_YMax(g) AS n, ST_Extent(g) AS b FROM env)
         SELECT ST_AsMVT({{geom: mvt, id: id, cat: cat, value: value, cc: cc}}, 'default', 4096, 'geom') FROM (
             SELECT ST_AsMVTGeom(ST_Point(mx, my), (SELECT b FROM box), 4096, 0, true) AS mvt, id, cat, value, cc
             FROM points WHERE mx BETWEEN (SELECT w FROM box) AND (SELECT e FROM box)
                           AND my BETWEEN (SELECT s FROM box) AND (SELECT n FROM box))"
    )
}
