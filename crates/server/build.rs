//! Puts the baked basemap and the web interface into the binary when they are there, and notices when they change.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A path that is not there makes every build run this again: until it is there, and then once more.
    for folder in ["web/dist", "assets/baked"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
    }
    let world = root.join("assets/baked/world.pmtiles");
    let code = if world.exists() {
        format!("Some(include_bytes!({:?}))", world.display().to_string())
    } else {
        "None".to_owned()
    };
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("world.rs"), code).expect("OUT_DIR can be written");
}
