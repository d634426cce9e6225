//! Connections: the warehouses an organisation works with, by name.
//!
//! There is one kind so far, the embedded warehouse, so a connection is a plain struct. The trait comes with the
//! second kind.

use std::time::Duration;

use access::Organisation;
use database::{Database, Id, Transaction, on};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use warehouse::{CATALOG_NAME, Limits, Warehouse};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with a connection, in words for the person who named it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Connection not found: {name}. There is {}", available.join(", "))]
    NotFound { name: String, available: Vec<String> },

    #[error("{name} cannot be a connection's name: {reason}")]
    InvalidName { name: String, reason: &'static str },

    #[error(transparent)]
    Database(#[from] database::Error),
}

/// What the embedded warehouse is called until its organisation renames it.
pub const DEFAULT_NAME: &str = "warehouse";

/// The name that the embedded warehouse answers to in every organisation.
pub const FIXED_NAME: &str = CATALOG_NAME;

/// The longest name, in characters.
const LONGEST_NAME: usize = 50;

/// The connections of all organisations. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    database: Database,
    warehouse: Warehouse,
}

/// A connection of one organisation. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    pub id: Uuid,
    pub organisation: Id<Organisation>,
    /// As the organisation calls it.
    pub name: String,
    /// What CARTO's clients call the kind of warehouse.
    pub provider: &'static str,
    warehouse: Warehouse,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Connections {
    #[must_use]
    pub fn new(database: Database, warehouse: Warehouse) -> Self {
        Connections { database, warehouse }
    }

    /// The connection that an organisation calls so; `carto_dw` is its embedded warehouse whatever its name.
    pub async fn resolve(&self, organisation: Id<Organisation>, name: &str) -> Result<Connection> {
        let embedded = self.embedded(organisation).await?;
        if name == FIXED_NAME || name == embedded.name {
            return Ok(embedded);
        }
        Err(Error::NotFound {
            name: name.to_owned(),
            available: vec![embedded.name, FIXED_NAME.to_owned()],
        })
    }

    /// All connections of an organisation.
    pub async fn list(&self, organisation: Id<Organisation>) -> Result<Vec<Connection>> {
        Ok(vec![self.embedded(organisation).await?])
    }

    /// Gives the embedded warehouse of an organisation another name. Maps that use the old name stop working;
    /// those that say `carto_dw` go on.
    pub async fn rename(
        tx: &mut Transaction,
        organisation: Id<Organisation>,
        name: &str,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<()> {
        check_name(name)?;
        on!(tx, c => sqlx::query(
            "INSERT INTO embedded_connection (organisation_id, name, renamed_at) VALUES ($1, $2, $3)
             ON CONFLICT (organisation_id) DO UPDATE SET name = $2, renamed_at = $3",
        )
        .bind(organisation)
        .bind(name)
        .bind(now)
        .execute(c)
        .await
        .map(drop))
        .map_err(database::Error::from)?;
        Ok(())
    }

    async fn embedded(&self, organisation: Id<Organisation>) -> Result<Connection> {
        let name: Option<String> = on!(&self.database, c => sqlx::query_scalar(
            "SELECT name FROM embedded_connection WHERE organisation_id = $1",
        )
        .bind(organisation)
        .fetch_optional(c)
        .await)
        .map_err(database::Error::from)?;
        Ok(Connection {
            // An organisation has one embedded warehouse, so its id serves for both.
            id: organisation.uuid(),
            organisation,
            name: name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            provider: CATALOG_NAME,
            warehouse: self.warehouse.clone(),
        })
    }
}

impl Connection {
    /// A connection to a warehouse outside any organisation: for commands that open the data folder themselves.
    #[must_use]
    pub fn direct(warehouse: Warehouse) -> Self {
        Connection {
            id: Uuid::nil(),
            organisation: Id::from_uuid(Uuid::nil()),
            name: FIXED_NAME.to_owned(),
            provider: CATALOG_NAME,
            warehouse,
        }
    }

    /// The warehouse behind it.
    #[must_use]
    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// Other names that reach it.
    #[must_use]
    pub fn aliases(&self) -> Vec<&'static str> {
        if self.name == FIXED_NAME {
            Vec::new()
        } else {
            vec![FIXED_NAME]
        }
    }

    /// What one request from outside may use.
    #[must_use]
    pub fn limits(&self, timeout: Duration, max_rows: Option<usize>, cancel: CancellationToken) -> Limits {
        Limits {
            timeout,
            max_rows,
            cancel,
        }
    }
}

/// Names stand in URLs unescaped, so they keep to characters that survive there.
fn check_name(name: &str) -> Result<()> {
    let invalid = |reason| Error::InvalidName {
        name: name.to_owned(),
        reason,
    };
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(invalid("it must have 1 to 50 characters"));
    }
    if name == FIXED_NAME {
        return Err(invalid("every embedded warehouse has that name already"));
    }
    if !name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
    {
        return Err(invalid("only letters, digits, - and _ are allowed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_must_fit_into_a_url() {
        for name in ["warehouse", "My-Data_2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "a/b", "ä", "carto_dw", &"x".repeat(51)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
