//! Filters on columns, as CARTO's clients write them: `{"column": {"type": {"values": […], "params": {…}}}}`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

/// Filters of several columns. An empty list lets every row pass.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Filters(pub Vec<ColumnFilter>);

/// What the values of one column must be: all tests hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFilter {
    pub column: String,
    pub tests: Vec<Test>,
}

/// One test; a value passes when it fits any of the listed values or intervals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    In(Vec<Scalar>),
    /// Both ends belong to the interval.
    Between(Vec<Interval>),
    /// The lower end belongs to the interval, the upper does not.
    ClosedOpen(Vec<Interval>),
    /// Milliseconds since 1970 UTC; both ends belong to the interval.
    Time(Vec<Interval>),
    StringSearch(StringSearch),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
}

/// An interval; an absent end is unbounded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub from: Option<Scalar>,
    pub to: Option<Scalar>,
}

/// A search for texts, case and diacritics aside unless told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StringSearch {
    pub values: Vec<String>,
    /// The values are regular expressions.
    pub use_regular_expressions: bool,
    pub must_start: bool,
    pub must_end: bool,
    pub is_case_sensitive: bool,
    /// Diacritics count: "Sao" does not find "São".
    pub keep_special_characters: bool,
}

/// How the filters of several columns combine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogicalOperator {
    #[default]
    And,
    Or,
}

impl LogicalOperator {
    /// Reads `and` or `or`, in any case; `and` when absent.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text.map(str::to_ascii_lowercase).as_deref() {
            None | Some("and") => Ok(LogicalOperator::And),
            Some("or") => Ok(LogicalOperator::Or),
            Some(other) => Err(Error::invalid(
                "filtersLogicalOperator",
                format!("must be and or or, not {other}"),
            )),
        }
    }
}

impl Filters {
    /// Reads the JSON of the `filters` parameter. `owner` is the client's book-keeping and ignored.
    pub fn parse(filters: Option<&Value>) -> Result<Filters> {
        let columns = match filters {
            None | Some(Value::Null) => return Ok(Filters::default()),
            Some(Value::Object(columns)) => columns,
            Some(_) => {
                return Err(Error::invalid(
                    "filters",
                    "must be an object of columns and their filters",
                ));
            }
        };
        let filters = columns
            .iter()
            .map(|(column, tests)| {
                let Value::Object(tests) = tests else {
                    return Err(of_column(
                        column,
                        "must be an object such as {\"in\": {\"values\": […]}}",
                    ));
                };
                let tests = tests
                    .iter()
                    .map(|(name, test)| Test::parse(name, test).map_err(|reason| of_column(column, &reason)))
                    .collect::<Result<Vec<_>>>()?;
                Ok(ColumnFilter {
                    column: column.clone(),
                    tests,
                })
            })
            .filter(|filter| !matches!(filter, Ok(ColumnFilter { tests, .. }) if tests.is_empty()))
            .collect::<Result<Vec<_>>>()?;
        Ok(Filters(filters))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Test {
    fn parse(name: &str, test: &Value) -> Result<Test, String> {
        let Value::Object(test) = test else {
            return Err(format!("{name} must be an object with values"));
        };
        let Some(Value::Array(values)) = test.get("values") else {
            return Err(format!("{name} needs values, a list"));
        };
        match name {
            "in" => values.iter().map(Scalar::parse).collect::<Result<_, _>>().map(Test::In),
            "between" => intervals(name, values).map(Test::Between),
            "closed_open" => intervals(name, values).map(Test::ClosedOpen),
            "time" => intervals(name, values).map(Test::Time),
            "stringSearch" => StringSearch::parse(values, test.get("params")).map(Test::StringSearch),
            other => Err(format!(
                "there is no filter {other}; there are in, between, closed_open, time and stringSearch"
            )),
        }
    }
}

impl Scalar {
    fn parse(value: &Value) -> Result<Scalar, String> {
        match value {
            Value::Null => Ok(Scalar::Null),
            Value::Bool(value) => Ok(Scalar::Boolean(*value)),
            Value::Number(value) => Ok(Scalar::Number(value.clone())),
            Value::String(value) => Ok(Scalar::Text(value.clone())),
            Value::Array(_) | Value::Object(_) => Err("values must be texts, numbers, booleans or null".to_owned()),
        }
    }

    fn parse_bound(value: Option<&Value>) -> Result<Option<Scalar>, String> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(value) => Scalar::parse(value).map(Some),
        }
    }
}

impl StringSearch {
    fn parse(values: &[Value], params: Option<&Value>) -> Result<StringSearch, String> {
        let empty = Map::new();
        let params = match params {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(params)) => params,
            Some(_) => return Err("params of stringSearch must be an object".to_owned()),
        };
        let flag = |name: &str| match params.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("{name} of stringSearch must be true or false")),
        };
        let search = StringSearch {
            values: values
                .iter()
                .filter(|value| !value.is_null())
                .map(|value| match value {
                    Value::String(text) => Ok(text.clone()),
                    Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
                    Value::Null | Value::Array(_) | Value::Object(_) => {
                        Err("values of stringSearch must be texts".to_owned())
                    }
                })
                .collect::<Result<_, _>>()?,
            use_regular_expressions: flag("useRegExp")?,
            must_start: flag("mustStart")?,
            must_end: flag("mustEnd")?,
            is_case_sensitive: flag("caseSensitive")?,
            keep_special_characters: flag("keepSpecialCharacters")?,
        };
        if search.use_regular_expressions {
            for value in &search.values {
                regex::Regex::new(value).map_err(|error| format!("not a regular expression: {error}"))?;
            }
        }
        Ok(search)
    }
}

fn intervals(name: &str, values: &[Value]) -> Result<Vec<Interval>, String> {
    values
        .iter()
        .map(|value| match value {
            Value::Array(ends) if ends.len() <= 2 => Ok(Interval {
                from: Scalar::parse_bound(ends.first())?,
                to: Scalar::parse_bound(ends.get(1))?,
            }),
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(format!(
                    "values of {name} must be intervals such as [0, 10]; null means unbounded"
                ))
            }
        })
        .collect()
}

fn of_column(column: &str, reason: &str) -> Error {
    Error::invalid("filters", format!("{column}: {reason}"))
}
