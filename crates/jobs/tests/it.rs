//! What the queue promises, on SQLite and on PostgreSQL.

mod it {
    mod leases;
    mod queueing;
    mod schedules;
    mod workers;
}
