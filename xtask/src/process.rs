//! Starting other programs and saying what is being done.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::geos;

pub type Outcome = Result<(), String>;

/// The project's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the project")
        .to_path_buf()
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR` when set, else `target`.
pub fn target_directory() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

pub fn say(message: &str) {
    eprintln!("\u{1b}[1m▸ {message}\u{1b}[0m");
}

/// A command in the project's root whose output goes to the terminal.
pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Cargo for the product's workspace, without what `cargo run` of this program set.
pub fn cargo(arguments: &[&str]) -> Command {
    geos::precompile_headers();
    let mut command = command("cargo", arguments);
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs to the end; anything but success is an error that names the command.
pub fn finish(mut command: Command) -> Outcome {
    let started = Instant::now();
    let shown = shown(&command);
    let status = command
        .status()
        .map_err(|error| format!("cannot start `{shown}`: {error}"))?;
    if !status.success() {
        return Err(format!("`{shown}` ended with {status}"));
    }
    if started.elapsed().as_secs() >= 5 {
        eprintln!("  {} s · {shown}", started.elapsed().as_secs());
    }
    Ok(())
}

/// Runs quietly and gives its standard output, or nothing when it fails.
pub fn output(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    if text.len() > 160 {
        let cut = (0..=160).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}
