//! The promises of the warehouse, kept on SQLite and PostgreSQL, with DuckDB as the judge of the format.

#[path = "it/bad_input.rs"]
mod bad_input;
#[path = "it/crashes.rs"]
mod crashes;
#[path = "it/duckdb.rs"]
mod duckdb;
#[path = "it/format.rs"]
mod format;
#[path = "it/lake.rs"]
mod lake;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/memory.rs"]
mod memory;
#[path = "it/parameters.rs"]
mod parameters;
#[path = "it/pruning.rs"]
mod pruning;
#[path = "it/scanning.rs"]
mod scanning;
#[path = "it/sql_files.rs"]
mod sql_files;
#[path = "it/statistics.rs"]
mod statistics;
#[path = "it/test_lake.rs"]
mod test_lake;
#[path = "it/writing.rs"]
mod writing;
