//! GEOS, the one large C++ library of the engine, in less time: its compiler parses the standard headers once.

use std::process::Stdio;
use std::sync::Once;

use crate::process::{command, root};
use crate::tree::is_stale;

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

/// Compiles the header that `.cargo/config.toml` puts before every C++ file, unless that is done.
pub fn precompile_headers() {
    static DONE: Once = Once::new();
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        return;
    }
    DONE.call_once(|| {
        let header = root().join("xtask/headers/groma-standard-library.hpp");
        let ready = header.with_extension("hpp.gch");
        if !is_stale(&ready, &[header.clone()]) {
            return;
        }
        // Other compilers have other forms of this, and build GEOS well without.
        let _ = command("g++", OPTIONS)
            .args(["-x", "c++-header"])
            .arg(&header)
            .arg("-o")
            .arg(&ready)
            .stderr(Stdio::null())
            .status();
    });
}
