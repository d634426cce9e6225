//! Lists of maps: the last changed first, searched by title.

use access::Actor;
use chrono::{DateTime, Utc};
use database::{Id, Page, PageRequest, on};
use serde::Serialize;
use sqlx::FromRow;

use crate::error::{Error, Result};
use crate::{Map, Maps, Owner, Privacy};

/// A map as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapSummary {
    pub id: Id<Map>,
    pub title: String,
    pub description: String,
    pub privacy: Privacy,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
    pub has_unpublished_changes: bool,
    pub owner: Option<Owner>,
}

#[derive(FromRow)]
struct Row {
    id: Id<Map>,
    title: String,
    description: Option<String>,
    sharing: access::Sharing,
    version: i64,
    published_version: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    owner_name: Option<String>,
    owner_email: Option<String>,
}

impl Maps {
    /// The actor's maps whose title contains `search`, the last changed first.
    pub async fn list(&self, actor: &Actor, search: Option<&str>, request: &PageRequest) -> Result<Page<MapSummary>> {
        let organisation = actor.organisation().ok_or(Error::Forbidden)?;
        let pattern = search.map(str::trim).filter(|text| !text.is_empty()).map(like_pattern);
        let after: Option<(DateTime<Utc>, Id<Map>)> = request.key()?;
        let (after_time, after_id) = after.unzip();
        let rows: Vec<Row> = on!(&self.database, c => sqlx::query_as(
            r"SELECT m.id, m.title, m.draft ->> 'description' AS description, m.version, m.published_version, m.published_at,
                     a.sharing, a.created_at, a.updated_at, p.name AS owner_name, p.email AS owner_email
              FROM asset a JOIN map m ON m.id = a.id LEFT JOIN person p ON p.id = a.owner_id
              WHERE a.organisation_id = $1 AND a.kind = 'map'
                AND ($2 IS NULL OR a.owner_id = $2 OR a.sharing <> 'private')
                AND ($3 IS NULL OR lower(m.title) LIKE $3 ESCAPE '\')
                AND ($4 IS NULL OR (a.updated_at, a.id) < ($4, $5))
              ORDER BY a.updated_at DESC, a.id DESC LIMIT $6")
            .bind(organisation).bind(actor.person()).bind(pattern).bind(after_time).bind(after_id)
            .bind(request.rows_to_fetch()).fetch_all(c).await)
        .map_err(database::Error::from)?;
        Ok(Page::from_rows(rows, request, |row| (row.updated_at, row.id)).map(MapSummary::from))
    }
}

impl From<Row> for MapSummary {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            title: row.title,
            description: row.description.unwrap_or_default(),
            privacy: row.sharing.into(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            published_at: row.published_at,
            has_unpublished_changes: row.published_version.is_some_and(|published| published != row.version),
            owner: row
                .owner_name
                .zip(row.owner_email)
                .map(|(name, email)| Owner { name, email }),
        }
    }
}

/// A LIKE pattern for "contains", in lower case; the search's own `%` and `_` mean themselves.
fn like_pattern(search: &str) -> String {
    let mut pattern = String::from("%");
    for character in search.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_means_what_it_says() {
        for (search, expected) in [("Quakes", "%quakes%"), ("100%", r"%100\%%"), ("a_b", r"%a\_b%")] {
            assert_eq!(like_pattern(search), expected);
        }
    }
}
