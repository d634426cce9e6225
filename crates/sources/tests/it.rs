//! What the sources room promises, on a real warehouse in a temporary folder.

#[path = "it/trees.rs"]
mod trees;

mod it {
    mod answers;
    mod bad_input;
    mod instantiations;
}
