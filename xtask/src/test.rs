//! `make test` and `make lint`: every check in order, each named before it runs.

use std::process::Command;
use std::time::Instant;

use crate::build;
use crate::doctor::{self, Need};
use crate::process::{Outcome, cargo, command, finish, output, root, say, target_directory};
use crate::tidy;

struct Step {
    name: &'static str,
    run: fn() -> Outcome,
}

/// All tests, or only the steps whose name contains a word of `arguments`.
/// The last line reads `N passed, N failed`, counted in steps.
pub fn test(arguments: &[String]) -> Outcome {
    doctor::prepare(Need::Test)?;
    let steps = [
        Step {
            name: "tidy",
            run: tidy::tidy,
        },
        Step {
            name: "format",
            run: format_is_right,
        },
        Step {
            name: "python",
            run: doctor::prepare_python,
        },
        Step {
            name: "build",
            run: build::build,
        },
        Step {
            name: "rust",
            run: rust,
        },
        Step { name: "web", run: web },
        Step {
            name: "smoke",
            run: smoke,
        },
        Step {
            name: "clients",
            run: clients,
        },
        Step {
            name: "browser",
            run: browser,
        },
    ];
    let chosen: Vec<&Step> = steps
        .iter()
        .filter(|step| arguments.is_empty() || arguments.iter().any(|word| step.name == word))
        .collect();
    if chosen.is_empty() {
        return Err(format!(
            "no step is called that; there are: {}",
            steps.iter().map(|step| step.name).collect::<Vec<_>>().join(", ")
        ));
    }
    let mut failed = Vec::new();
    for (number, step) in chosen.iter().enumerate() {
        say(&format!("[{}/{}] {}", number + 1, chosen.len(), step.name));
        let started = Instant::now();
        match (step.run)() {
            Ok(()) => eprintln!("  {} ok in {} s", step.name, started.elapsed().as_secs()),
            Err(message) => {
                eprintln!("  {} FAILED: {message}", step.name);
                failed.push(step.name);
                // Without a binary nothing after it can tell anything.
                if step.name == "build" {
                    break;
                }
            }
        }
    }
    println!("{} passed, {} failed", chosen.len() - failed.len(), failed.len());
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("failed: {}", failed.join(", "))),
    }
}

/// Formatters, clippy, web lint, licences.
pub fn lint() -> Outcome {
    format_is_right()?;
    say("clippy");
    // The profile of `cargo check`, which editors use all day.
    finish(cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    say("web lint");
    build::packages("web")?;
    finish(command("npm", &["--prefix", "web", "run", "--silent", "lint"]))?;
    say("licences and advisories of the dependencies");
    match command("cargo", &["deny", "--version"]).output() {
        Ok(found) if found.status.success() => finish(cargo(&["deny", "check", "licenses", "bans", "sources"])),
        _ => Err("cargo-deny is missing: cargo install --locked cargo-deny".into()),
    }
}

fn format_is_right() -> Outcome {
    finish(cargo(&["fmt", "--all", "--check"]))?;
    finish(cargo(&["fmt", "--manifest-path", "xtask/Cargo.toml", "--check"]))
}

fn rust() -> Outcome {
    finish(with_test_environment(cargo(&[
        "nextest",
        "run",
        "--release",
        "--workspace",
        "--no-fail-fast",
        "--status-level",
        "fail",
    ])))
}

/// The built program with its demo data: loads, counts, answers.
fn smoke() -> Outcome {
    let binary = target_directory().join("release/groma");
    let data = root().join("target/smoke");
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).map_err(|error| format!("cannot make {}: {error}", data.display()))?;
    let groma = |arguments: &[&str]| {
        let mut groma = command(&binary.to_string_lossy(), arguments);
        groma.env("GROMA_DATA_DIR", &data);
        groma
    };
    finish(groma(&["demo"]))?;
    let counted = output(groma(&[
        "query",
        "SELECT count(*) AS cities FROM demo.cities",
        "--format",
        "csv",
    ]));
    match counted.as_deref().map(str::trim) {
        // GeoNames' cities15000 of the pinned package.
        Some("cities\n34006" | "cities\r\n34006") => Ok(()),
        other => Err(format!("expected 34006 cities in the demo data, got {other:?}")),
    }
}

fn web() -> Outcome {
    finish(command("npm", &["--prefix", "web", "run", "--silent", "check"]))?;
    finish(command("npm", &["--prefix", "web", "run", "--silent", "test"]))
}

fn clients() -> Outcome {
    for folder in [
        "tests/clients",
        "tests/clients/deck-8.9",
        "tests/clients/deck-9.0",
        "tests/clients/deck-9.1",
        "examples/deckgl-page",
    ] {
        build::packages(folder)?;
    }
    finish(with_test_environment(command(
        "npm",
        &["--prefix", "tests/clients", "run", "--silent", "test"],
    )))
}

fn browser() -> Outcome {
    finish(with_test_environment(command(
        "npm",
        &["--prefix", "web", "run", "--silent", "e2e"],
    )))
}

fn with_test_environment(mut command: Command) -> Command {
    command.env("GROMA_BINARY", target_directory().join("release/groma"));
    command.env("GROMA_TEST_PYTHON", root().join(".venv/bin/python"));
    command
}
