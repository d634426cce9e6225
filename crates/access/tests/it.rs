//! What the access room promises, on SQLite and on PostgreSQL.

mod it {
    mod activity;
    mod assets;
    mod bookmarks;
    mod house;
    mod sessions;
    mod set_up;
    mod tokens;
}
