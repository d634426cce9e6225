//! Migrations: embedded in the binary, run at start, each one kept whole or not at all.

use sqlx::migrate::Migrator;

use crate::Database;
use crate::error::Result;

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

impl Database {
    /// Brings the store to the newest form. Several servers may start at once: PostgreSQL lets one of them do it.
    pub async fn migrate(&self) -> Result<()> {
        match self {
            Database::Sqlite(store) => SQLITE.run(&store.writer).await?,
            Database::Postgres(pool) => POSTGRES.run(pool).await?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stores_have_the_same_migrations() {
        let names = |migrator: &Migrator| {
            migrator
                .iter()
                .map(|m| (m.version, m.description.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&SQLITE), names(&POSTGRES));
    }
}
