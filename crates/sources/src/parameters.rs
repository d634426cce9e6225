//! The parameters of a request: strings of a URL and values of a JSON body, merged into one.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Parameters by name. The body wins over the URL; `""`, `null`, `"null"` and `"undefined"` count as absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    values: Map<String, Value>,
}

impl Parameters {
    /// Parameters of a request whose body, if it had one, was a JSON object.
    pub fn new(url: impl IntoIterator<Item = (String, String)>, body: Map<String, Value>) -> Self {
        let mut values: Map<String, Value> = url
            .into_iter()
            .map(|(name, text)| (name, Value::String(text)))
            .collect();
        values.extend(body);
        Parameters { values }
    }

    /// Parameters of a URL alone.
    pub fn from_url(url: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::new(url, Map::new())
    }

    /// The same parameters with one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// The value as it came, unless it is absent.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !matches!(text.as_str(), "" | "null" | "undefined"),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
        })
    }

    /// A text; numbers and booleans of a JSON body are written out.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) => Err(Error::invalid(name, "must be a text")),
        }
    }

    /// A text that must be there; `hint` says what belongs into it.
    pub fn required_text(&self, name: &str, hint: &str) -> Result<String> {
        self.text(name)?.ok_or_else(|| Error::MissingParameter {
            name: name.to_owned(),
            hint: hint.to_owned(),
        })
    }

    /// A structured value: native in a JSON body, JSON text in a URL.
    pub fn json(&self, name: &str) -> Result<Option<Value>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Null) => Ok(None),
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(Error::invalid(name, format!("is not JSON: {error}"))),
            },
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// A whole number, native or as text.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.text(name)?
            .map(|text| {
                text.trim()
                    .parse()
                    .map_err(|_| Error::invalid(name, format!("must be a whole number, not {}", shortened(&text))))
            })
            .transpose()
    }

    /// A number, native or as text.
    pub fn number(&self, name: &str) -> Result<Option<f64>> {
        self.text(name)?
            .map(|text| {
                text.trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| Error::invalid(name, format!("must be a number, not {}", shortened(&text))))
            })
            .transpose()
    }

    /// True or false, native or as text; false when absent.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.text(name)?.as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(Error::invalid(
                name,
                format!("must be true or false, not {}", shortened(other)),
            )),
        }
    }

    /// A list of names: joined with commas in a URL, an array (native or JSON text) otherwise.
    pub fn names(&self, name: &str) -> Result<Option<Vec<String>>> {
        let names: Vec<String> = match self.value(name) {
            None => return Ok(None),
            Some(Value::String(text)) if text.trim_start().starts_with('[') => serde_json::from_str(text)
                .map_err(|error| Error::invalid(name, format!("is not a list of names: {error}")))?,
            Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map(str::to_owned)
                        .ok_or_else(|| Error::invalid(name, "must be a list of names"))
                })
                .collect::<Result<_>>()?,
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                return Err(Error::invalid(name, "must be a list of names"));
            }
        };
        let names: Vec<String> = names
            .iter()
            .map(|name| unquoted(name.trim()))
            .filter(|name| !name.is_empty())
            .collect();
        Ok((!names.is_empty()).then_some(names))
    }

    /// The protocol version the client speaks (`v=3.4` → `(3, 4)`), if it says so.
    pub fn version(&self) -> Result<Option<(u32, u32)>> {
        let Some(text) = self.text("v")? else { return Ok(None) };
        let (major, minor) = text.split_once('.').unwrap_or((&text, "0"));
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) => Ok(Some((major, minor))),
            _ => Err(Error::invalid(
                "v",
                format!("must look like 3.4, not {}", shortened(&text)),
            )),
        }
    }

    /// Values for the placeholders of a query.
    pub fn query_parameters(&self) -> Result<warehouse::Parameters> {
        let values = match self.json("queryParameters")? {
            None => return Ok(warehouse::Parameters::None),
            Some(values) => values,
        };
        match values {
            Value::Object(named) if named.is_empty() => Ok(warehouse::Parameters::None),
            Value::Array(positional) if positional.is_empty() => Ok(warehouse::Parameters::None),
            Value::Object(named) => Ok(warehouse::Parameters::Named(named)),
            Value::Array(positional) => Ok(warehouse::Parameters::Positional(positional)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(Error::invalid(
                "queryParameters",
                "must be an object of names and values, or a list of values",
            )),
        }
    }
}

/// A column name as people may have quoted it.
fn unquoted(name: &str) -> String {
    for quote in ['"', '`'] {
        if let Some(inner) = name.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner.replace(&format!("{quote}{quote}"), &quote.to_string());
        }
    }
    name.to_owned()
}

/// The start of a text, for messages.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("\"{text}\"");
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("\"{start}…\"")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn url(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::from_url(
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
        )
    }

    #[test]
    fn words_that_scripts_write_for_nothing_count_as_absent() {
        let parameters = url(&[("a", ""), ("b", "null"), ("c", "undefined"), ("d", "{}")]).with("e", Value::Null);
        for name in ["a", "b", "c", "e", "f"] {
            assert_eq!(parameters.value(name), None, "{name}");
        }
        assert_eq!(parameters.json("d").unwrap(), Some(json!({})));
    }

    #[test]
    fn a_body_and_a_url_mean_the_same() {
        let get = url(&[
            ("columns", "name, \"pop\""),
            ("queryParameters", r#"{"year":2001}"#),
            ("tileResolution", "0.5"),
        ]);
        let post = url(&[("columns", "overruled")])
            .with("columns", json!(["name", "pop"]))
            .with("queryParameters", json!({"year": 2001}))
            .with("tileResolution", "0.5");
        for parameters in [get, post] {
            assert_eq!(parameters.names("columns").unwrap().unwrap(), ["name", "pop"]);
            assert_eq!(parameters.number("tileResolution").unwrap(), Some(0.5));
            let Ok(warehouse::Parameters::Named(named)) = parameters.query_parameters() else {
                panic!("named")
            };
            assert_eq!(named.get("year"), Some(&json!(2001)));
        }
    }

    #[test]
    fn no_query_parameters_come_in_many_forms() {
        for text in ["", "[]", "{}", "null", "undefined"] {
            assert_eq!(
                url(&[("queryParameters", text)]).query_parameters().unwrap(),
                warehouse::Parameters::None
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let check = |result: Result<()>, expected: &str| {
            let message = result.expect_err(expected).to_string();
            assert!(message.starts_with(expected), "{message}");
        };
        check(
            url(&[("filters", "{broken")]).json("filters").map(drop),
            "Parameter filters: is not JSON",
        );
        check(
            url(&[("v", "new")]).version().map(drop),
            "Parameter v: must look like 3.4",
        );
        check(
            url(&[("limit", "ten")]).integer("limit").map(drop),
            "Parameter limit: must be a whole number",
        );
        check(
            url(&[("queryParameters", "7")]).query_parameters().map(drop),
            "Parameter queryParameters: must be an object",
        );
        check(
            url(&[]).required_text("q", "an SQL query").map(drop),
            "Parameter q is missing: an SQL query",
        );
    }

    #[test]
    fn versions_compare() {
        assert_eq!(url(&[("v", "3.2")]).version().unwrap(), Some((3, 2)));
        assert!(url(&[("v", "3.10")]).version().unwrap() > Some((3, 4)));
        assert_eq!(url(&[]).version().unwrap(), None);
    }
}
