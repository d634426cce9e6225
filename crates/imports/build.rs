//! Builds the room anew when the demo tables were baked anew.

fn main() {
    println!("cargo:rerun-if-changed=../../assets/baked/tables");
}
