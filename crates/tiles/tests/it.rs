//! What the tiles room promises, on a real warehouse in a temporary folder.

#[path = "it/decode.rs"]
mod decode;
#[path = "it/world.rs"]
mod world;

mod it {
    mod caching;
    mod encoders;
    mod points;
    mod shapes;
    mod tilejson;
}
