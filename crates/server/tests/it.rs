//! What the server promises over HTTP, on a real socket.

#[path = "it/house.rs"]
mod house;
#[path = "it/maps_api.rs"]
mod maps_api;
#[path = "it/people.rs"]
mod people;
#[path = "it/sql_api.rs"]
mod sql_api;
#[path = "it/transport.rs"]
mod transport;
#[path = "it/workspace.rs"]
mod workspace;
