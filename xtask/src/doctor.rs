//! What this machine has and what it lacks, with the command that brings it.

use std::path::Path;

use crate::process::{Outcome, command, finish, output, root, say};

/// What something is needed for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Need {
    Run,
    Test,
    Bench,
}

struct Tool {
    what: &'static str,
    need: Need,
    /// Debian packages that bring it; none where the reader must choose (Rust, Node).
    packages: &'static [&'static str],
    is_there: fn() -> bool,
}

const TOOLS: &[Tool] = &[
    Tool {
        what: "Node 20.19 or newer with npm",
        need: Need::Run,
        packages: &[],
        is_there: has_node,
    },
    Tool {
        what: "a C++ compiler",
        need: Need::Run,
        packages: &["g++"],
        is_there: || on_path("g++"),
    },
    Tool {
        what: "cmake (builds GEOS)",
        need: Need::Run,
        packages: &["cmake"],
        is_there: || on_path("cmake"),
    },
    Tool {
        what: "make",
        need: Need::Run,
        packages: &["make"],
        is_there: || on_path("make"),
    },
    Tool {
        what: "PROJ (coordinate systems)",
        need: Need::Run,
        packages: &["libproj25", "proj-data"],
        is_there: has_proj,
    },
    Tool {
        what: "Python 3 with pip and venv",
        need: Need::Run,
        packages: &["python3", "python3-pip", "python3-venv"],
        is_there: has_python,
    },
    Tool {
        what: "Chromium (browser tests)",
        need: Need::Test,
        packages: &["chromium"],
        is_there: has_chromium,
    },
    Tool {
        what: "PostgreSQL server (metadata tests)",
        need: Need::Test,
        packages: &["postgresql"],
        is_there: has_postgresql,
    },
    Tool {
        what: "cargo-nextest (runs the Rust tests)",
        need: Need::Test,
        packages: &[],
        is_there: || on_path("cargo-nextest"),
    },
    Tool {
        what: "PostGIS (peer)",
        need: Need::Bench,
        packages: &["postgresql-15-postgis-3", "postgresql-15-postgis-3-scripts"],
        is_there: has_postgis,
    },
    Tool {
        what: "nginx (peer)",
        need: Need::Bench,
        packages: &["nginx-light"],
        is_there: || on_path("nginx") || Path::new("/usr/sbin/nginx").exists(),
    },
];

/// `cargo xtask doctor [--install]`: a line per tool; fails when anything for running is missing.
pub fn doctor(arguments: &[String]) -> Outcome {
    if arguments.iter().any(|argument| argument == "--install") {
        return prepare(Need::Bench);
    }
    for tool in TOOLS {
        let mark = if (tool.is_there)() { "ok     " } else { "missing" };
        let brings = if tool.packages.is_empty() {
            String::new()
        } else {
            format!("  (apt-get install {})", tool.packages.join(" "))
        };
        println!(
            "{mark}  {:<6} {}{brings}",
            format!("{:?}", tool.need).to_lowercase(),
            tool.what
        );
    }
    let python = root().join(".venv/bin/python");
    println!(
        "{}  test   Python packages of tests/python/requirements.txt in .venv (made by `make test`)",
        if python.exists() { "ok     " } else { "missing" }
    );
    match missing(Need::Run).is_empty() {
        true => Ok(()),
        false => Err("something that `make run` needs is missing: see above, or `cargo xtask doctor --install`".into()),
    }
}

/// Makes sure that everything up to `need` is there: installs with apt-get as root, else names the command.
pub fn prepare(need: Need) -> Outcome {
    let absent = missing(need);
    if absent.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = absent.iter().flat_map(|tool| tool.packages.iter().copied()).collect();
    if !packages.is_empty() {
        let line = format!("apt-get install --no-install-recommends {}", packages.join(" "));
        let is_root = output(command("id", &["-u"])).is_some_and(|id| id.trim() == "0");
        if !is_root || !on_path("apt-get") {
            return Err(format!("missing: {}. Run: sudo {line}", names(&absent)));
        }
        say(&format!("Installing what is missing: {line}"));
        finish(command("apt-get", &["update", "-qq"]))?;
        let mut install = command("apt-get", &["install", "-y", "-qq", "--no-install-recommends"]);
        install.args(&packages).env("DEBIAN_FRONTEND", "noninteractive");
        finish(install)?;
    }
    if need >= Need::Test && !on_path("cargo-nextest") {
        say("Installing cargo-nextest");
        finish(command("cargo", &["install", "--locked", "cargo-nextest"]))?;
    }
    let still = missing(need);
    if still.is_empty() {
        return Ok(());
    }
    Err(format!("still missing: {}", names(&still)))
}

/// The Python environment of the tests (DuckDB, moto): made when missing, renewed when its list changes.
pub fn prepare_python() -> Outcome {
    let requirements = root().join("tests/python/requirements.txt");
    let stamp = root().join(".venv/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(|error| format!("cannot read {}: {error}", requirements.display()))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    say("Python packages for the tests (.venv)");
    finish(command("python3", &["-m", "venv", ".venv"]))?;
    finish(command(
        ".venv/bin/python",
        &[
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            "tests/python/requirements.txt",
        ],
    ))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

fn missing(need: Need) -> Vec<&'static Tool> {
    TOOLS
        .iter()
        .filter(|tool| tool.need <= need && !(tool.is_there)())
        .collect()
}

fn names(tools: &[&Tool]) -> String {
    tools.iter().map(|tool| tool.what).collect::<Vec<_>>().join(", ")
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn has_node() -> bool {
    let Some(version) = output(command("node", &["--version"])) else {
        return false;
    };
    let mut parts = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    (major, minor) >= (20, 19) && on_path("npm")
}

fn has_python() -> bool {
    output(command("python3", &["-c", "import venv, ensurepip, pip"])).is_some()
}

fn has_chromium() -> bool {
    std::env::var_os("CHROMIUM").is_some() || on_path("chromium")
}

fn has_proj() -> bool {
    output(command("ldconfig", &["-p"]))
        .or_else(|| output(command("/sbin/ldconfig", &["-p"])))
        .is_some_and(|list| list.contains("libproj.so"))
}

fn has_postgresql() -> bool {
    postgresql_versions().next().is_some()
}

fn has_postgis() -> bool {
    postgresql_versions().any(|version| {
        Path::new("/usr/share/postgresql")
            .join(version)
            .join("extension/postgis.control")
            .exists()
    })
}

fn postgresql_versions() -> impl Iterator<Item = std::ffi::OsString> {
    std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("bin/initdb").exists())
        .map(|entry| entry.file_name())
}
