//! Grants: what an API access token may reach, by API, connection and source.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// The connection name of a grant that holds for every connection, also later ones.
pub const EVERY_CONNECTION: &str = "*";

/// One of the APIs that a token may be allowed to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    Sql,
    Maps,
    Imports,
    /// Location data services.
    Lds,
}

impl Api {
    /// Every API.
    pub const ALL: [Api; 4] = [Api::Sql, Api::Maps, Api::Imports, Api::Lds];

    /// Its name in requests and documents.
    pub fn name(self) -> &'static str {
        match self {
            Api::Sql => "sql",
            Api::Maps => "maps",
            Api::Imports => "imports",
            Api::Lds => "lds",
        }
    }
}

impl FromStr for Api {
    type Err = Error;
    fn from_str(text: &str) -> Result<Api> {
        let name = text.trim().to_lowercase();
        Api::ALL
            .into_iter()
            .find(|api| api.name() == name)
            .ok_or_else(|| Error::UnknownApi(text.trim().to_owned()))
    }
}

/// A set of APIs; in JSON a list of their names.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ApiSet(u8);

impl ApiSet {
    /// True when the set has this API.
    pub fn contains(self, api: Api) -> bool {
        self.0 & (1 << api as u8) != 0
    }

    /// The APIs in the set.
    pub fn iter(self) -> impl Iterator<Item = Api> {
        Api::ALL.into_iter().filter(move |api| self.contains(*api))
    }
}

impl FromIterator<Api> for ApiSet {
    fn from_iter<I: IntoIterator<Item = Api>>(apis: I) -> Self {
        ApiSet(apis.into_iter().fold(0, |set, api| set | 1 << api as u8))
    }
}

/// Reads `maps,sql`.
impl FromStr for ApiSet {
    type Err = Error;
    fn from_str(text: &str) -> Result<ApiSet> {
        text.split(',').map(Api::from_str).collect()
    }
}

impl fmt::Debug for ApiSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for ApiSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for ApiSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Api>::deserialize(deserializer).map(|apis| apis.into_iter().collect())
    }
}

/// Leave to read one source over one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The connection's name as it is resolved, not an alias of it; or [`EVERY_CONNECTION`].
    #[serde(rename = "connection_name")]
    pub connection: String,
    pub source: GrantedSource,
}

/// What a grant lets a token read; in JSON the plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantedSource {
    /// `*`: everything on the connection, also tables made later.
    Everything,
    /// One table, `schema.table`.
    Table(String),
    /// One query, letter for letter.
    Query(String),
}

impl GrantedSource {
    /// Reads `*`, a table's name, or the text of a query: whatever has a blank in it, outside quotes.
    pub fn from_text(text: &str) -> GrantedSource {
        let text = text.trim();
        let is_quoted = text.starts_with(['"', '`']);
        if text == "*" {
            GrantedSource::Everything
        } else if text.contains(char::is_whitespace) && !is_quoted {
            GrantedSource::Query(text.to_owned())
        } else {
            GrantedSource::Table(text.to_owned())
        }
    }

    /// The text that [`Self::from_text`] reads.
    pub fn as_text(&self) -> &str {
        match self {
            GrantedSource::Everything => "*",
            GrantedSource::Table(name) => name,
            GrantedSource::Query(sql) => sql,
        }
    }
}

impl Serialize for GrantedSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_text())
    }
}

impl<'de> Deserialize<'de> for GrantedSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| GrantedSource::from_text(&text))
    }
}

/// True when `grants` allow to read these tables of the connection, or this very query.
///
/// `reads` are all tables that the request reads, as `schema.table`; a query's tables are those its plan reads, views
/// included. A query that reads granted tables alone is allowed, because it shows nothing that they do not.
/// One that reads no table at all needs a grant for everything or for its text: functions may reach further than tables.
pub(crate) fn allow(grants: &[Grant], connection: &str, reads: &[String], query: Option<&str>) -> bool {
    let sources = || {
        grants
            .iter()
            .filter(|grant| grant.connection == connection || grant.connection == EVERY_CONNECTION)
            .map(|grant| &grant.source)
    };
    let is_granted_whole = sources().any(|source| match source {
        GrantedSource::Everything => true,
        GrantedSource::Query(granted) => query.is_some_and(|query| query.trim() == granted),
        GrantedSource::Table(_) => false,
    });
    let is_table_granted =
        |table: &String| sources().any(|source| matches!(source, GrantedSource::Table(granted) if granted == table));
    is_granted_whole || (!reads.is_empty() && reads.iter().all(is_table_granted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grants: &[(&str, &str)], connection: &str, reads: &[&str], query: Option<&str>, expected: bool) {
        let grants: Vec<Grant> = grants
            .iter()
            .map(|(connection, source)| Grant {
                connection: (*connection).into(),
                source: GrantedSource::from_text(source),
            })
            .collect();
        let reads: Vec<String> = reads.iter().map(|table| (*table).into()).collect();
        assert_eq!(
            allow(&grants, connection, &reads, query),
            expected,
            "{grants:?} {connection} {reads:?} {query:?}"
        );
    }

    #[test]
    fn a_star_grants_everything_on_its_connection() {
        check(&[("carto_dw", "*")], "carto_dw", &["demo.cities"], None, true);
        check(&[("carto_dw", "*")], "carto_dw", &[], Some("SELECT 1"), true);
        check(&[("carto_dw", "*")], "other", &["demo.cities"], None, false);
        check(&[("*", "*")], "other", &["demo.cities"], None, true);
        check(&[], "carto_dw", &["demo.cities"], None, false);
    }

    #[test]
    fn a_table_grants_itself_and_queries_that_read_nothing_else() {
        let grants = [("carto_dw", "demo.cities"), ("carto_dw", "demo.airports")];
        check(&grants, "carto_dw", &["demo.cities"], None, true);
        check(
            &grants,
            "carto_dw",
            &["demo.cities", "demo.airports"],
            Some("SELECT …"),
            true,
        );
        check(
            &grants,
            "carto_dw",
            &["demo.cities", "demo.salaries"],
            Some("SELECT …"),
            false,
        );
        check(&grants, "carto_dw", &["demo.cities2"], None, false);
        check(&grants, "other", &["demo.cities"], None, false);
        check(&grants, "carto_dw", &[], Some("SELECT secret()"), false);
    }

    #[test]
    fn a_query_grants_its_very_text() {
        let grants = [("carto_dw", "SELECT name FROM demo.salaries")];
        check(
            &grants,
            "carto_dw",
            &["demo.salaries"],
            Some("SELECT name FROM demo.salaries"),
            true,
        );
        check(
            &grants,
            "carto_dw",
            &["demo.salaries"],
            Some(" SELECT name FROM demo.salaries\n"),
            true,
        );
        check(
            &grants,
            "carto_dw",
            &["demo.salaries"],
            Some("SELECT * FROM demo.salaries"),
            false,
        );
        check(&grants, "carto_dw", &["demo.salaries"], None, false);
    }

    #[test]
    fn apis_are_read_by_name() {
        let apis: ApiSet = "maps, SQL".parse().unwrap();
        assert_eq!(apis.iter().collect::<Vec<_>>(), [Api::Sql, Api::Maps]);
        assert!(!apis.contains(Api::Imports));
        assert_eq!(serde_json::to_string(&apis).unwrap(), r#"["sql","maps"]"#);
        assert_eq!(serde_json::from_str::<ApiSet>(r#"["sql","maps"]"#).unwrap(), apis);
        assert!(matches!("maps,tiles".parse::<ApiSet>(), Err(Error::UnknownApi(name)) if name == "tiles"));
        assert!("".parse::<ApiSet>().is_err());
    }

    #[test]
    fn sources_are_read_from_what_people_write() {
        assert_eq!(GrantedSource::from_text(" * "), GrantedSource::Everything);
        assert_eq!(
            GrantedSource::from_text("demo.cities"),
            GrantedSource::Table("demo.cities".into())
        );
        assert_eq!(
            GrantedSource::from_text("\"my table\""),
            GrantedSource::Table("\"my table\"".into())
        );
        assert_eq!(
            GrantedSource::from_text("SELECT 1"),
            GrantedSource::Query("SELECT 1".into())
        );
    }
}
