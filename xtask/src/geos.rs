//! GEOS, the one large C++ library of the engine, in less time: its compiler parses the standard headers once.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use crate::process::{command, target_directory};

/// What most files of GEOS include.
const HEADERS: &[&str] = &[
    "algorithm",
    "array",
    "cassert",
    "cmath",
    "cstdint",
    "deque",
    "functional",
    "iomanip",
    "iostream",
    "limits",
    "list",
    "map",
    "memory",
    "numeric",
    "queue",
    "set",
    "sstream",
    "stack",
    "stdexcept",
    "string",
    "unordered_map",
    "unordered_set",
    "utility",
    "vector",
];

/// The options that GEOS is compiled with: the compiler takes a precompiled header only when they agree, and reads the
/// plain one when they do not.
const OPTIONS: &[&str] = &[
    "-ffunction-sections",
    "-fdata-sections",
    "-fPIC",
    "-m64",
    "-march=x86-64",
    "-w",
    "-O3",
    "-DNDEBUG",
    "-ffp-contract=off",
    "-fopenmp-simd",
    "-std=c++17",
];

/// `CXXFLAGS` for cargo: the caller's own, else the header, else nothing where it could not be made.
pub fn cxx_flags() -> Option<OsString> {
    static FLAGS: OnceLock<Option<OsString>> = OnceLock::new();
    if std::env::var_os("CXXFLAGS").is_some() || cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        return None;
    }
    FLAGS
        .get_or_init(|| {
            let header = precompiled(&target_directory().join("headers"))?;
            let text = header.to_str().filter(|path| !path.contains(char::is_whitespace))?;
            Some(format!("-include {text}").into())
        })
        .clone()
}

/// The header in this folder, with its precompiled form beside it.
fn precompiled(folder: &Path) -> Option<PathBuf> {
    let header = folder.join("standard.hpp");
    let text: String = HEADERS.iter().map(|name| format!("#include <{name}>\n")).collect();
    let ready = header.with_extension("hpp.gch");
    if ready.exists() && fs::read_to_string(&header).is_ok_and(|found| found == text) {
        return Some(header);
    }
    fs::create_dir_all(folder).ok()?;
    fs::write(&header, text).ok()?;
    // Other compilers have other forms of this, and build GEOS well without.
    let made = command("g++", OPTIONS)
        .args(["-x", "c++-header"])
        .arg(&header)
        .arg("-o")
        .arg(&ready)
        .stderr(Stdio::null())
        .status();
    made.is_ok_and(|status| status.success()).then_some(header)
}
