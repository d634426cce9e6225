//! Building the product: web, baked assets, binary; and running it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use crate::doctor::{self, Need};
use crate::process::{Outcome, cargo, command, finish, root, say, target_directory};
use crate::tree::is_stale;

/// `make run`: everything from nothing to a running server with demo data.
pub fn run(arguments: &[String]) -> Outcome {
    doctor::prepare(Need::Run)?;
    build()?;
    say("Starting Groma (Ctrl-C stops it; the data stays in ./data)");
    let mut serve = command("target/release/groma", &["serve", "--demo"]);
    serve.args(arguments);
    if std::env::var_os("GROMA_DATA_DIR").is_none() {
        serve.env("GROMA_DATA_DIR", root().join("data"));
    }
    Err(format!("cannot start the server: {}", serve.exec()))
}

/// `make build`: leaves `target/release/groma` with the UI, the basemap and the demo data inside.
pub fn build() -> Outcome {
    doctor::prepare(Need::Run)?;
    web()?;
    baked()?;
    say("Building the server");
    finish(cargo(&["build", "--release", "--workspace", "--bins"]))?;
    copy_binary("release")
}

/// The web UI in `web/dist`, built when its sources are newer.
pub fn web() -> Outcome {
    let web = root().join("web");
    packages("web")?;
    let sources: Vec<PathBuf> = ["src", "public", "index.html", "package.json", "vite.config.ts"]
        .iter()
        .map(|name| web.join(name))
        .collect();
    if is_stale(&web.join("dist/index.html"), &sources) {
        say("Building the web UI");
        finish(command("npm", &["--prefix", "web", "run", "--silent", "build"]))?;
    }
    Ok(())
}

/// The npm packages of one folder, exactly as its lock file names them; nothing happens while that file stays the same.
pub fn packages(folder: &str) -> Outcome {
    let place = root().join(folder);
    let lock = place.join("package-lock.json");
    let wanted = fs::read(&lock).map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    // `npm ci` empties the folder first, so the stamp is there only after a whole installation.
    let stamp = place.join("node_modules/.installed-package-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(&format!("Installing the npm packages of {folder}"));
    finish(command(
        "npm",
        &["--prefix", folder, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
    ))?;
    fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

/// Basemap and demo tables in `assets/baked`, made from pinned packages when the list or the baker changed.
fn baked() -> Outcome {
    let stamp = root().join("assets/baked/.stamp");
    let sources = ["assets/packages.toml", "assets/fetch.sh", "crates/bake"].map(|name| root().join(name));
    if !is_stale(&stamp, &sources) {
        return Ok(());
    }
    say("Fetching the packages that hold the demo data and the basemap");
    finish(command("sh", &["assets/fetch.sh", "target/packages"]))?;
    say("Building the baker (this also builds the engine: the longest step, once)");
    finish(cargo(&["build", "--release", "--workspace", "--bins"]))?;
    say("Baking the basemap and the demo tables");
    let baker = target_directory().join("release/bake");
    finish(command(
        &baker.to_string_lossy(),
        &["--packages", "target/packages", "--out", "assets/baked"],
    ))?;
    fs::write(&stamp, "").map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

/// Puts the binary where the documentation says it is, when cargo builds elsewhere.
fn copy_binary(profile: &str) -> Outcome {
    let built = target_directory().join(profile).join("groma");
    let expected = root().join("target").join(profile).join("groma");
    if built == expected {
        return Ok(());
    }
    let folder = expected.parent().expect("the path has a folder");
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    // Removing first: a running server keeps its old file and the copy does not fail with "text file busy".
    let _ = fs::remove_file(&expected);
    fs::copy(&built, &expected)
        .map(|_| ())
        .map_err(|error| format!("cannot copy {} to {}: {error}", built.display(), expected.display()))
}

/// Files that are generated and checked in.
pub fn generate() -> Outcome {
    build()?;
    say("Writing openapi/");
    finish(command("target/release/groma", &["openapi", "--out", "openapi"]))
}

/// `make bench`: the peers must be there; the report goes to `benches/results/`.
pub fn bench(arguments: &[String]) -> Outcome {
    doctor::prepare(Need::Bench)?;
    doctor::prepare_python()?;
    build()?;
    let mut bench = command(&target_directory().join("release/bench").to_string_lossy(), &[]);
    bench.args(arguments);
    finish(bench)
}

/// The binary for users.
pub fn release() -> Outcome {
    web()?;
    baked()?;
    say("Building the release (thin LTO; this takes a while)");
    finish(cargo(&["build", "--profile", "dist", "--workspace", "--bins"]))?;
    copy_binary("dist")
}
