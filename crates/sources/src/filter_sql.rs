//! Filters as an SQL condition: a pure function of the filters and the columns they test.

use datafusion::arrow::datatypes::DataType;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use warehouse::quote;

use crate::error::{Error, Result};
use crate::field::{Field, FieldType};
use crate::filters::{ColumnFilter, Filters, Interval, LogicalOperator, Scalar, StringSearch, Test};
use crate::literal;

/// The condition, or `None` when every row passes.
///
/// # Errors
/// A filter on a column that is not there, or one that does not fit the column's type.
pub fn condition(filters: &Filters, operator: LogicalOperator, fields: &[Field]) -> Result<Option<String>> {
    let columns = filters
        .0
        .iter()
        .map(|filter| of_column(filter, column_of(&filter.column, fields)?))
        .collect::<Result<Vec<_>>>()?;
    let joint = match operator {
        LogicalOperator::And => " AND ",
        LogicalOperator::Or => " OR ",
    };
    Ok((!columns.is_empty()).then(|| joined(columns, joint)))
}

/// The column of this name. Names differ by case only when no exact match exists.
pub fn column_of<'a>(name: &str, fields: &'a [Field]) -> Result<&'a Field> {
    fields
        .iter()
        .find(|field| field.name == name)
        .or_else(|| fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)))
        .ok_or_else(|| Error::ColumnNotFound {
            column: name.to_owned(),
            available: fields.iter().map(|field| field.name.clone()).collect(),
        })
}

fn of_column(filter: &ColumnFilter, field: &Field) -> Result<String> {
    let tests = filter
        .tests
        .iter()
        .map(|test| of_test(test, field))
        .collect::<Result<Vec<_>>>()?;
    Ok(joined(tests, " AND "))
}

fn of_test(test: &Test, field: &Field) -> Result<String> {
    match test {
        Test::In(values) => is_in(values, field),
        Test::Between(intervals) => any(intervals, |interval| within(interval, field, "<=")),
        Test::ClosedOpen(intervals) => any(intervals, |interval| within(interval, field, "<")),
        Test::Time(intervals) => any(intervals, |interval| at_time(interval, field)),
        Test::StringSearch(search) => finds(search, field),
    }
}

fn any(intervals: &[Interval], of_interval: impl Fn(&Interval) -> Result<String>) -> Result<String> {
    let conditions = intervals.iter().map(of_interval).collect::<Result<Vec<_>>>()?;
    Ok(if conditions.is_empty() {
        "FALSE".to_owned()
    } else {
        joined(conditions, " OR ")
    })
}

fn is_in(values: &[Scalar], field: &Field) -> Result<String> {
    let column = quote(&field.name);
    let mut conditions = Vec::new();
    let mut listed = Vec::new();
    for value in values {
        if matches!(value, Scalar::Null) {
            conditions.push(format!("{column} IS NULL"));
        } else if let (FieldType::Timestamp, Scalar::Number(_)) = (field.field_type, value) {
            let moment = Interval {
                from: Some(value.clone()),
                to: Some(value.clone()),
            };
            conditions.push(at_time(&moment, field)?);
        } else if let Some(literal) = value_literal(value, field)? {
            listed.push(literal);
        }
    }
    if !listed.is_empty() {
        conditions.insert(0, format!("{column} IN ({})", listed.join(", ")));
    }
    Ok(if conditions.is_empty() {
        "FALSE".to_owned()
    } else {
        joined(conditions, " OR ")
    })
}

/// A listed value as SQL, or `None` when no value of the column's type can equal it.
fn value_literal(value: &Scalar, field: &Field) -> Result<Option<String>> {
    Ok(match (field.field_type, value) {
        (FieldType::Number | FieldType::Bigint, Scalar::Number(number)) => Some(number.to_string()),
        // 64-bit integers travel as strings when they are too large for a JSON number.
        (FieldType::Number | FieldType::Bigint, Scalar::Text(text)) => number_literal(text),
        (FieldType::String, Scalar::Text(text)) => Some(literal::text(text)),
        (FieldType::Boolean, Scalar::Boolean(value)) => Some(value.to_string().to_uppercase()),
        (FieldType::Timestamp, Scalar::Text(text)) => literal::microseconds_from_iso(text).map(literal::timestamp),
        (FieldType::Number | FieldType::Bigint, Scalar::Boolean(_))
        | (FieldType::String, Scalar::Boolean(_) | Scalar::Number(_))
        | (FieldType::Boolean, Scalar::Number(_) | Scalar::Text(_))
        | (FieldType::Timestamp, Scalar::Boolean(_) | Scalar::Number(_))
        | (_, Scalar::Null) => None,
        (FieldType::Geometry | FieldType::Object | FieldType::Variant | FieldType::Unknown, _) => {
            return Err(does_not_fit("in", field));
        }
    })
}

fn number_literal(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i128>() {
        return Some(whole.to_string());
    }
    text.parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
        .map(|number| number.to_string())
}

/// `from <= column` and `column <upper> to`, leaving out unbounded ends.
fn within(interval: &Interval, field: &Field, upper: &str) -> Result<String> {
    let column = quote(&field.name);
    let bound = |bound: &Option<Scalar>| bound.as_ref().map(|value| bound_literal(value, field)).transpose();
    let conditions = [
        bound(&interval.from)?.map(|from| format!("{column} >= {from}")),
        bound(&interval.to)?.map(|to| format!("{column} {upper} {to}")),
        // NaN sorts above every number but lies in no interval.
        (field.is_float() && interval.to.is_none()).then(|| format!("NOT isnan({column})")),
    ];
    let conditions: Vec<String> = conditions.into_iter().flatten().collect();
    Ok(if conditions.is_empty() {
        format!("{column} IS NOT NULL")
    } else {
        joined(conditions, " AND ")
    })
}

fn bound_literal(value: &Scalar, field: &Field) -> Result<String> {
    if let (FieldType::Timestamp, Scalar::Number(number)) = (field.field_type, value) {
        return microseconds(number)
            .map(literal::timestamp)
            .ok_or_else(|| does_not_fit("interval", field));
    }
    value_literal(value, field)?.ok_or_else(|| {
        Error::invalid(
            "filters",
            format!(
                "{}: the interval's ends must be of the column's type, {}",
                field.name,
                field.field_type.as_str()
            ),
        )
    })
}

/// The column, as milliseconds since 1970 cut to whole ones, lies in the closed interval.
fn at_time(interval: &Interval, field: &Field) -> Result<String> {
    let column = match field.field_type {
        FieldType::Timestamp => quote(&field.name),
        // Numbers are taken for milliseconds since 1970 themselves.
        FieldType::Number | FieldType::Bigint => return within(interval, field, "<="),
        FieldType::String if field.data_type != DataType::Binary => {
            format!("CAST({} AS TIMESTAMP)", quote(&field.name))
        }
        FieldType::String
        | FieldType::Geometry
        | FieldType::Object
        | FieldType::Boolean
        | FieldType::Variant
        | FieldType::Unknown => return Err(does_not_fit("time", field)),
    };
    let moment = |bound: &Option<Scalar>| {
        bound
            .as_ref()
            .map(|value| {
                match value {
                    Scalar::Number(number) => microseconds(number),
                    Scalar::Text(text) => literal::microseconds_from_iso(text),
                    Scalar::Null | Scalar::Boolean(_) => None,
                }
                .ok_or_else(|| Error::invalid("filters", format!("{}: time needs milliseconds since 1970", field.name)))
            })
            .transpose()
    };
    let conditions = [
        moment(&interval.from)?.map(|from| format!("{column} >= {}", literal::timestamp(from))),
        moment(&interval.to)?.map(|to| format!("{column} < {}", literal::timestamp(to.saturating_add(1000)))),
    ];
    let conditions: Vec<String> = conditions.into_iter().flatten().collect();
    Ok(if conditions.is_empty() {
        format!("{column} IS NOT NULL")
    } else {
        joined(conditions, " AND ")
    })
}

/// Microseconds of a number of milliseconds.
fn microseconds(milliseconds: &serde_json::Number) -> Option<i64> {
    if let Some(whole) = milliseconds.as_i64() {
        return whole.checked_mul(1000);
    }
    let microseconds = milliseconds.as_f64()? * 1000.0;
    (microseconds.abs() < 9e18).then_some(microseconds as i64)
}

fn finds(search: &StringSearch, field: &Field) -> Result<String> {
    let column = quote(&field.name);
    let text = match field.field_type {
        FieldType::String => column,
        FieldType::Number | FieldType::Bigint | FieldType::Boolean | FieldType::Timestamp | FieldType::Object => {
            format!("CAST({column} AS VARCHAR)")
        }
        FieldType::Geometry | FieldType::Variant | FieldType::Unknown => {
            return Err(does_not_fit("stringSearch", field));
        }
    };
    if search.values.is_empty() {
        return Ok("FALSE".to_owned());
    }
    let folded = |value: &str| {
        if search.keep_special_characters {
            value.to_owned()
        } else {
            without_diacritics(value)
        }
    };
    let patterns: Vec<String> = search
        .values
        .iter()
        .map(|value| {
            if search.use_regular_expressions {
                return value.clone();
            }
            let start = if search.must_start { "^" } else { "" };
            let end = if search.must_end { "$" } else { "" };
            format!("{start}{}{end}", regex::escape(&folded(value)))
        })
        .collect();
    let text = if search.keep_special_characters {
        text
    } else {
        format!("without_diacritics({text})")
    };
    let flags = if search.is_case_sensitive { "" } else { ", 'i'" };
    let mut pattern = patterns.join("|");
    if pattern.contains('\\') {
        // DataFusion turns plain texts into LIKE, where it takes a backslash for an escape; a group keeps it from that.
        pattern = format!("(){pattern}");
    }
    Ok(format!("regexp_like({text}, {}{flags})", literal::text(&pattern)))
}

/// The text decomposed and without combining marks, as the SQL function of the same name gives it.
#[must_use]
pub fn without_diacritics(text: &str) -> String {
    text.nfd().filter(|character| !is_combining_mark(*character)).collect()
}

fn does_not_fit(filter: &str, field: &Field) -> Error {
    Error::invalid(
        "filters",
        format!(
            "{}: {filter} does not work on a column of type {}",
            field.name,
            field.field_type.as_str()
        ),
    )
}

/// Conditions side by side; several are put in brackets.
pub(crate) fn joined(mut conditions: Vec<String>, joint: &str) -> String {
    if conditions.len() == 1 {
        return conditions.remove(0);
    }
    format!("({})", conditions.join(joint))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field as ArrowField, TimeUnit};
    use serde_json::{Value, json};

    use super::*;

    fn fields() -> Vec<Field> {
        [
            ArrowField::new("name", DataType::Utf8View, true),
            ArrowField::new("pop", DataType::Int64, true),
            ArrowField::new("area", DataType::Float64, true),
            ArrowField::new("is_capital", DataType::Boolean, true),
            ArrowField::new("seen", DataType::Timestamp(TimeUnit::Microsecond, None), true),
            ArrowField::new("day", DataType::Date32, true),
            ArrowField::new("odd \"name\"", DataType::Int32, true),
            ArrowField::new("parts", DataType::new_list(DataType::Int32, true), true),
            ArrowField::new("geom", DataType::Binary, true)
                .with_metadata([("ARROW:extension:name".to_owned(), "geoarrow.wkb".to_owned())].into()),
        ]
        .iter()
        .map(Field::of)
        .collect()
    }

    fn sql(filters: Value) -> String {
        sql_joined(filters, LogicalOperator::And)
    }

    fn sql_joined(filters: Value, operator: LogicalOperator) -> String {
        let filters = Filters::parse(Some(&filters)).unwrap();
        condition(&filters, operator, &fields()).unwrap().unwrap_or_default()
    }

    fn error(filters: Value) -> String {
        match Filters::parse(Some(&filters)).and_then(|filters| condition(&filters, LogicalOperator::And, &fields())) {
            Ok(sql) => panic!("{filters} became {sql:?}"),
            Err(error) => format!(
                "{error}{}",
                error.hint().map(|hint| format!(" / {hint}")).unwrap_or_default()
            ),
        }
    }

    #[test]
    fn values_in_a_list() {
        insta::assert_snapshot!(sql(json!({"name": {"in": {"values": ["Oslo", "L'Aquila"], "owner": "w1"}}})),
            @r#""name" IN ('Oslo', 'L''Aquila')"#);
        insta::assert_snapshot!(sql(json!({"name": {"in": {"values": ["Oslo", null]}}})),
            @r#"("name" IN ('Oslo') OR "name" IS NULL)"#);
        insta::assert_snapshot!(sql(json!({"name": {"in": {"values": [null]}}})), @r#""name" IS NULL"#);
        insta::assert_snapshot!(sql(json!({"name": {"in": {"values": []}}})), @"FALSE");
        insta::assert_snapshot!(sql(json!({"pop": {"in": {"values": [1, "9223372036854775807"]}}})),
            @r#""pop" IN (1, 9223372036854775807)"#);
        insta::assert_snapshot!(sql(json!({"is_capital": {"in": {"values": [true]}}})), @r#""is_capital" IN (TRUE)"#);
        insta::assert_snapshot!(sql(json!({"seen": {"in": {"values": ["2001-09-09T01:46:40Z"]}}})),
            @r#""seen" IN (to_timestamp_micros(1000000000000000))"#);
    }

    #[test]
    fn a_list_is_strict_about_types() {
        insta::assert_snapshot!(sql(json!({"name": {"in": {"values": [1, true]}}})), @"FALSE");
        insta::assert_snapshot!(sql(json!({"pop": {"in": {"values": ["many", 2]}}})), @r#""pop" IN (2)"#);
    }

    #[test]
    fn intervals() {
        insta::assert_snapshot!(sql(json!({"pop": {"between": {"values": [[1, 2], [5, null]]}}})),
            @r#"(("pop" >= 1 AND "pop" <= 2) OR "pop" >= 5)"#);
        insta::assert_snapshot!(sql(json!({"pop": {"closed_open": {"values": [[null, 2]]}}})), @r#""pop" < 2"#);
        insta::assert_snapshot!(sql(json!({"pop": {"between": {"values": [[null, null]]}}})), @r#""pop" IS NOT NULL"#);
        insta::assert_snapshot!(sql(json!({"area": {"between": {"values": [[0.5, null]]}}})),
            @r#"("area" >= 0.5 AND NOT isnan("area"))"#);
        insta::assert_snapshot!(sql(json!({"seen": {"between": {"values": [[0, "1970-01-02"]]}}})),
            @r#"("seen" >= to_timestamp_micros(0) AND "seen" <= to_timestamp_micros(86400000000))"#);
    }

    #[test]
    fn times_are_compared_in_whole_milliseconds() {
        insta::assert_snapshot!(sql(json!({"seen": {"time": {"values": [[1000, 2000]]}}})),
            @r#"("seen" >= to_timestamp_micros(1000000) AND "seen" < to_timestamp_micros(2001000))"#);
        insta::assert_snapshot!(sql(json!({"day": {"time": {"values": [[null, 0]]}}})),
            @r#""day" < to_timestamp_micros(1000)"#);
        insta::assert_snapshot!(sql(json!({"pop": {"time": {"values": [[1000, 2000]]}}})),
            @r#"("pop" >= 1000 AND "pop" <= 2000)"#);
        insta::assert_snapshot!(sql(json!({"name": {"time": {"values": [[0, null]]}}})),
            @r#"CAST("name" AS TIMESTAMP) >= to_timestamp_micros(0)"#);
    }

    #[test]
    fn searches_in_texts() {
        insta::assert_snapshot!(sql(json!({"name": {"stringSearch": {"values": ["São", "x.y"]}}})),
            @r#"regexp_like(without_diacritics("name"), '()Sao|x\.y', 'i')"#);
        insta::assert_snapshot!(sql(json!({"name": {"stringSearch": {"values": ["São"], "params": {"mustStart": true, "mustEnd": true, "caseSensitive": true, "keepSpecialCharacters": true}}}})),
            @r#"regexp_like("name", '^São$')"#);
        insta::assert_snapshot!(sql(json!({"pop": {"stringSearch": {"values": ["^1+$"], "params": {"useRegExp": true}}}})),
            @r#"regexp_like(without_diacritics(CAST("pop" AS VARCHAR)), '^1+$', 'i')"#);
        insta::assert_snapshot!(sql(json!({"name": {"stringSearch": {"values": []}}})), @"FALSE");
    }

    #[test]
    fn filters_of_one_column_are_joined_by_and_and_columns_by_the_operator() {
        let filters = json!({
            "pop": {"between": {"values": [[1, 9]]}, "in": {"values": [3, 4]}},
            "odd \"name\"": {"in": {"values": [1]}},
        });
        insta::assert_snapshot!(sql(filters.clone()),
            @r#"((("pop" >= 1 AND "pop" <= 9) AND "pop" IN (3, 4)) AND "odd ""name""" IN (1))"#);
        insta::assert_snapshot!(sql_joined(filters, LogicalOperator::Or),
            @r#"((("pop" >= 1 AND "pop" <= 9) AND "pop" IN (3, 4)) OR "odd ""name""" IN (1))"#);
        insta::assert_snapshot!(sql(json!({})), @"");
        insta::assert_snapshot!(sql(json!({"pop": {}})), @"");
    }

    #[test]
    fn what_cannot_be_filtered_is_named() {
        insta::assert_snapshot!(error(json!({"nme": {"in": {"values": [1]}}})),
            @r#"Column not found / There is no column nme. There are: name, pop, area, is_capital, seen, day, odd "name", parts, geom"#);
        insta::assert_snapshot!(error(json!({"pop": {"near": {"values": [1]}}})),
            @"Parameter filters: pop: there is no filter near; there are in, between, closed_open, time and stringSearch");
        insta::assert_snapshot!(error(json!({"pop": {"in": {}}})), @"Parameter filters: pop: in needs values, a list");
        insta::assert_snapshot!(error(json!({"pop": {"between": {"values": [1, 2]}}})),
            @"Parameter filters: pop: values of between must be intervals such as [0, 10]; null means unbounded");
        insta::assert_snapshot!(error(json!({"pop": {"between": {"values": [["a", "b"]]}}})),
            @"Parameter filters: pop: the interval's ends must be of the column's type, bigint");
        insta::assert_snapshot!(error(json!({"geom": {"in": {"values": ["x"]}}})),
            @"Parameter filters: geom: in does not work on a column of type geometry");
        insta::assert_snapshot!(error(json!({"is_capital": {"time": {"values": [[0, 1]]}}})),
            @"Parameter filters: is_capital: time does not work on a column of type boolean");
        insta::assert_snapshot!(error(json!([1])), @"Parameter filters: must be an object of columns and their filters");
        assert!(
            error(json!({"name": {"stringSearch": {"values": ["("], "params": {"useRegExp": true}}}}))
                .starts_with("Parameter filters: name: not a regular expression")
        );
    }
}
