//! What the metadata store promises, on SQLite and on PostgreSQL.

mod it {
    mod columns;
    mod transactions;
}
