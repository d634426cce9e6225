//! Expressions that clients send as SQL: aggregations of sources and of widgets.
//!
//! They stand inside our own statements, so they are read first and written out again, and may not reach beyond the
//! source: a subquery could read a table that the token does not allow.

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Visit};
use warehouse::{Parameters, Sql, expression_syntax, query_syntax};

use crate::error::{Error, Result};
use crate::recognition::SubqueryFinder;

/// The items of a comma-separated list such as `sum(pop) AS pop_sum, 1 AS value`, each with its placeholders bound.
pub fn items(parameter: &str, text: &str, parameters: &Parameters) -> Result<Vec<String>> {
    let sql = Sql::new(format!("SELECT {text}\n")).with(parameters.clone());
    let syntax = query_syntax(&sql).map_err(|error| unreadable(parameter, &error))?;
    let not_a_list = || Error::invalid(parameter, "must be a list of expressions such as sum(pop) AS pop_sum");
    let SetExpr::Select(select) = syntax.query.body.as_ref() else {
        return Err(not_a_list());
    };
    let items: Vec<String> = select.projection.iter().map(ToString::to_string).collect();
    if syntax.query.to_string() != format!("SELECT {}", items.join(", ")) {
        return Err(not_a_list());
    }
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => stays_inside(parameter, item)?,
            SelectItem::ExprWithAliases { .. } | SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => {
                return Err(not_a_list());
            }
        }
    }
    reads_back(parameter, &select.projection, items)
}

/// One expression, with its placeholders bound.
pub fn expression(parameter: &str, text: &str, parameters: &Parameters) -> Result<String> {
    let sql = Sql::new(text).with(parameters.clone());
    let expression: Expr = expression_syntax(&sql).map_err(|error| unreadable(parameter, &error))?;
    stays_inside(parameter, &expression)?;
    let text = expression.to_string();
    let read_back = expression_syntax(&Sql::new(text.clone()));
    if read_back.is_ok_and(|read| read == expression) {
        Ok(text)
    } else {
        Err(cannot_be_passed_on(parameter))
    }
}

fn stays_inside(parameter: &str, expression: &impl Visit) -> Result<()> {
    if expression.visit(&mut SubqueryFinder).is_break() {
        return Err(Error::invalid(
            parameter,
            "may not hold a subquery: put it into the source",
        ));
    }
    Ok(())
}

/// Refuses the rare text that would mean something else when it is written out again.
fn reads_back(parameter: &str, projection: &[SelectItem], items: Vec<String>) -> Result<Vec<String>> {
    let text = format!("SELECT {}", items.join(", "));
    let is_same = query_syntax(&Sql::new(text)).is_ok_and(|read| match read.query.body.as_ref() {
        SetExpr::Select(select) => select.projection == projection,
        _ => false,
    });
    if is_same {
        Ok(items)
    } else {
        Err(cannot_be_passed_on(parameter))
    }
}

fn cannot_be_passed_on(parameter: &str) -> Error {
    Error::invalid(
        parameter,
        "holds a text that starts with a quote, which cannot be passed on",
    )
}

fn unreadable(parameter: &str, error: &warehouse::Error) -> Error {
    Error::invalid(parameter, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(
            items("aggregationExp", text, &Parameters::None).unwrap(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn lists_of_the_clients_are_read() {
        check("SUM(population) as value", &["SUM(population) AS value"]);
        check(
            "SUM(x) as value, any_value(urbanity) as urbanity",
            &["SUM(x) AS value", "first_value(urbanity) AS urbanity"],
        );
        check("1 AS __aggregationValue", &["1 AS __aggregationValue"]);
        check("COUNT(*) fires -- all of them", &["COUNT(*) AS fires"]);
    }

    #[test]
    fn a_list_may_not_become_another_statement() {
        for text in [
            "1 AS a FROM secret",
            "1 AS a WHERE true",
            "1 AS a UNION SELECT 2",
            "1; DROP TABLE t",
            "*",
            "(SELECT max(x) FROM secret) AS a",
            "count(*) FILTER (WHERE EXISTS (SELECT 1 FROM secret)) AS a",
            "sum(",
        ] {
            let error = items("aggregationExp", text, &Parameters::None)
                .expect_err(text)
                .to_string();
            assert!(error.starts_with("Parameter aggregationExp: "), "{error}");
        }
    }

    #[test]
    fn one_expression_is_one() {
        assert_eq!(
            expression("operationExp", "sum(a) / count(*)", &Parameters::None).unwrap(),
            "sum(a) / count(*)"
        );
        for text in ["a, b", "a AS b", "a FROM t", "(SELECT 1)", "''''", ""] {
            assert!(expression("operationExp", text, &Parameters::None).is_err(), "{text}");
        }
    }
}
