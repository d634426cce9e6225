//! The report: a page for this day and machine with the versions and every line.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::generator::{Data, VERSION};
use crate::lines::Lines;
use crate::{Arguments, Result, machine, say};

/// Writes and prints the report; true when every line is met.
pub(crate) fn write(arguments: &Arguments, started: Instant, data: &Data, lines: &Lines) -> Result<bool> {
    let now = chrono::Utc::now();
    let text = format!(
        "# What Groma costs beside PostGIS, DuckDB and nginx, {}\n\n\
         - machine: {}, load {} at the end\n\
         - versions: commit {}; {}; {}; {}\n\
         - data: {} points (generator {VERSION}), US counties\n\
         - {} interleaved runs in {:.0} minutes; {} tiles per zoom\n\n{}",
        now.format("%Y-%m-%d %H:%M UTC"),
        machine::description(),
        machine::load(),
        first_line("git", &["rev-parse", "--short", "HEAD"]),
        first_line("/usr/lib/postgresql/15/bin/postgres", &["--version"]),
        first_line(
            ".venv/bin/python",
            &["-c", "import duckdb; print('DuckDB', duckdb.__version__)"]
        ),
        first_line("/usr/sbin/nginx", &["-v"]),
        data.points,
        arguments.runs,
        started.elapsed().as_secs_f64() / 60.0,
        arguments.tiles,
        lines.text(),
    );
    println!("{text}");
    let out = &arguments.out;
    fs::create_dir_all(out)?;
    let path = out.join(format!("{}-{}.md", now.format("%Y-%m-%d"), machine::name()));
    fs::write(&path, text)?;
    say(&format!("written to {}", path.display()));
    Ok(lines.all_met())
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output
        .map(|output| [output.stdout, output.stderr].concat())
        .unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}
