//! What the widgets room promises, on a real warehouse in a temporary folder.

#[path = "../../sources/tests/it/trees.rs"]
mod trees;

mod it {
    mod bad_input;
    mod models;
    mod stats;
}
