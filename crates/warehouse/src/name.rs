//! Names of tables: `schema.table`, in every spelling that people and CARTO's examples use.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// Where a name without a schema is looked for.
pub const DEFAULT_SCHEMA: &str = "public";

/// What other warehouses' example tables are called → the schema that holds ours.
///
/// The first two parts of a three-part name, in lower case.
const SCHEMA_ALIASES: &[(&str, &str, &str)] = &[
    ("carto-demo-data", "demo_tables", "demo"),
    ("cartobq", "public_account", "demo"),
    ("cartobq", "docs", "demo"),
];

/// The catalog every table lives in.
pub const CATALOG_NAME: &str = "carto_dw";

/// A table or view: schema and name, without the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    pub schema: String,
    pub table: String,
}

impl TableName {
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        TableName {
            schema: schema.into(),
            table: table.into(),
        }
    }

    /// Reads `table`, `schema.table`, `carto_dw.schema.table`, parts quoted with `"` or `` ` ``,
    /// a whole path in one pair of backticks, and the names of CARTO's example tables.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::from_parts(&parts_of(text)?).map_err(|reason| Error::InvalidName {
            name: text.to_owned(),
            reason,
        })
    }

    /// The name that these path parts mean, aliases included.
    ///
    /// A single part may hold dots when it was quoted as a whole with backticks.
    pub(crate) fn from_parts(parts: &[String]) -> Result<Self, String> {
        let parts: Vec<&str> = match parts {
            [one] => one.split('.').collect(),
            several => several.iter().map(String::as_str).collect(),
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err("a part of it is empty".to_owned());
        }
        match parts.as_slice() {
            [table] => Ok(Self::new(DEFAULT_SCHEMA, *table)),
            [schema, table] => Ok(Self::new(*schema, *table)),
            [catalog, schema, table] => {
                if catalog.eq_ignore_ascii_case(CATALOG_NAME) {
                    return Ok(Self::new(*schema, *table));
                }
                SCHEMA_ALIASES
                    .iter()
                    .find(|(project, dataset, _)| {
                        project.eq_ignore_ascii_case(catalog) && dataset.eq_ignore_ascii_case(schema)
                    })
                    .map(|(_, _, ours)| Self::new(*ours, *table))
                    .ok_or_else(|| {
                        format!(
                            "there is no catalog `{catalog}` here: write schema.table or {CATALOG_NAME}.schema.table"
                        )
                    })
            }
            _ => Err("a name has at most three parts: catalog.schema.table".to_owned()),
        }
    }

    /// The name as SQL text that parses back to it, whatever characters it holds.
    #[must_use]
    pub fn to_sql(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.table)
    }
}

impl FromStr for TableName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl Serialize for TableName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TableName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// An identifier in double quotes.
#[must_use]
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

fn parts_of(text: &str) -> Result<Vec<String>, Error> {
    let invalid = |reason: &str| Error::InvalidName {
        name: text.to_owned(),
        reason: reason.to_owned(),
    };
    let mut parts = Vec::new();
    let mut characters = text.trim().chars().peekable();
    loop {
        let mut part = String::new();
        match characters.peek().copied() {
            Some(quote @ ('"' | '`')) => {
                characters.next();
                loop {
                    match characters.next() {
                        Some(character) if character == quote => {
                            if characters.peek() == Some(&quote) {
                                characters.next();
                                part.push(quote);
                            } else {
                                break;
                            }
                        }
                        Some(character) => part.push(character),
                        None => return Err(invalid("its quote is not closed")),
                    }
                }
            }
            Some(_) | None => {
                while let Some(character) = characters.next_if(|character| *character != '.') {
                    if matches!(character, '"' | '`' | '\'' | ';' | '(' | ')') || character.is_whitespace() {
                        return Err(invalid("it holds characters that need quotes"));
                    }
                    part.push(character);
                }
            }
        }
        parts.push(part);
        match characters.next() {
            None => return Ok(parts),
            Some('.') => {}
            Some(_) => return Err(invalid("something follows a closing quote")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(TableName::parse(text).expect(text).to_string(), expected, "{text}");
    }

    #[test]
    fn every_spelling_of_a_table_name_is_understood() {
        check("trees", "public.trees");
        check("city.trees", "city.trees");
        check("carto_dw.city.trees", "city.trees");
        check("CARTO_DW.city.trees", "city.trees");
        check("\"city\".\"old trees\"", "city.old trees");
        check("`city.trees`", "city.trees");
        check(
            "`carto-demo-data.demo_tables.populated_places`",
            "demo.populated_places",
        );
        check(
            "`carto-demo-data`.demo_tables.populated_places",
            "demo.populated_places",
        );
        check("carto-demo-data.demo_tables.populated_places", "demo.populated_places");
        check("cartobq.public_account.cities_1000", "demo.cities_1000");
        check("cartobq.docs.flows", "demo.flows");
    }

    #[test]
    fn names_that_mean_nothing_say_why() {
        for text in [
            "",
            "a..b",
            "a.b.c.d",
            "elsewhere.a.b",
            "\"a",
            "a b",
            "x; drop table y",
            "'a'",
        ] {
            let error = TableName::parse(text).expect_err(text).to_string();
            assert!(error.contains("not a table name"), "{error}");
        }
    }

    #[test]
    fn sql_text_of_a_name_reads_back() {
        let name = TableName::new("city", "odd \"name\"");
        assert_eq!(TableName::parse(&name.to_sql()).expect("reads back"), name);
    }
}
