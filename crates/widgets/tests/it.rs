//! What the widgets room promises, on a real warehouse in a temporary folder.

#[allow(dead_code, reason = "the fixture is shared, and not all of it is used here")]
#[path = "../../sources/tests/it/trees.rs"]
mod trees;

mod it {
    mod bad_input;
    mod models;
    mod stats;
}
