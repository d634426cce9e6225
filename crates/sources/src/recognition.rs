//! Recognising a query that is only a table with a condition, so that tiles can use the table's order in space.
//!
//! `SELECT * | columns FROM table [WHERE condition]` and nothing else: what is recognised is written out again and
//! must equal the whole query, so a clause that is not known here can never be overlooked.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};
use warehouse::{QuerySyntax, Sql, TableName, expression_syntax};

/// A query over one table that keeps the table's column names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableQuery {
    pub(crate) table: TableName,
    /// Columns listed; all of the table when `None`.
    pub(crate) columns: Option<Vec<String>>,
    /// A condition on the table's columns, without placeholders.
    pub(crate) condition: Option<String>,
}

/// The table query that this is, if it is one.
#[must_use]
pub(crate) fn table_query(syntax: &QuerySyntax) -> Option<TableQuery> {
    if !syntax.reads_now {
        return None;
    }
    let query: &Query = &syntax.query;
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let [from] = select.from.as_slice() else { return None };
    let TableFactor::Table {
        name,
        alias,
        args: None,
        ..
    } = &from.relation
    else {
        return None;
    };
    let alias_text = alias.as_ref().map(|alias| format!(" {alias}")).unwrap_or_default();
    let items: Vec<String> = select.projection.iter().map(ToString::to_string).collect();
    let condition_text = select
        .selection
        .as_ref()
        .map(|condition| format!(" WHERE {condition}"))
        .unwrap_or_default();
    let whole = format!("SELECT {} FROM {name}{alias_text}{condition_text}", items.join(", "));
    if whole != query.to_string() {
        return None;
    }
    let table = TableName::parse(&name.to_string()).ok()?;
    let qualifier = match alias {
        Some(alias) if alias.columns.is_empty() => written(&alias.name),
        Some(_) => return None,
        None => table.table.clone(),
    };
    let columns = match select.projection.as_slice() {
        [SelectItem::Wildcard(_)] if items == ["*"] => None,
        items => Some(
            items
                .iter()
                .map(|item| column_of(item, &qualifier))
                .collect::<Option<Vec<_>>>()?,
        ),
    };
    let condition = match &select.selection {
        None => None,
        Some(condition) => Some(condition_on_columns(condition, &qualifier)?),
    };
    Some(TableQuery {
        table,
        columns,
        condition,
    })
}

/// An identifier's letters; unquoted ones are folded to lower case, as the planner does.
fn written(ident: &Ident) -> String {
    if ident.quote_style.is_some() {
        ident.value.clone()
    } else {
        ident.value.to_ascii_lowercase()
    }
}

fn column_of(item: &SelectItem, qualifier: &str) -> Option<String> {
    let column = match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => match expression {
            Expr::Identifier(column) => written(column),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, column] if written(table) == qualifier => written(column),
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    };
    match item {
        SelectItem::ExprWithAlias { alias, .. } if written(alias) != column => None,
        _ => Some(column),
    }
}

/// The condition with the table's name taken off its columns; `None` when it holds anything but columns of the table.
fn condition_on_columns(condition: &Expr, qualifier: &str) -> Option<String> {
    let mut condition = condition.clone();
    if VisitMut::visit(&mut condition, &mut Unqualifier { qualifier }).is_break() {
        return None;
    }
    if Visit::visit(&condition, &mut SubqueryFinder).is_break() {
        return None;
    }
    let text = condition.to_string();
    // A few texts are not written as they are read: those are left to the planner.
    let reads_back = expression_syntax(&Sql::new(text.clone())).is_ok_and(|read| read == condition);
    reads_back.then_some(text)
}

struct Unqualifier<'a> {
    qualifier: &'a str,
}

impl VisitorMut for Unqualifier<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expression {
            match parts.as_slice() {
                [table, column] if written(table) == self.qualifier => *expression = Expr::Identifier(column.clone()),
                _ => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }
}

pub(crate) struct SubqueryFinder;

impl Visitor for SubqueryFinder {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warehouse::{Parameters, query_syntax};

    use super::*;

    fn recognised(text: &str) -> Option<TableQuery> {
        table_query(&query_syntax(&Sql::new(text)).unwrap_or_else(|error| panic!("{text}: {error}")))
    }

    fn check(text: &str, columns: Option<&[&str]>, condition: Option<&str>) {
        let expected = TableQuery {
            table: TableName::new("demo", "cities"),
            columns: columns.map(|columns| columns.iter().map(|column| (*column).to_owned()).collect()),
            condition: condition.map(str::to_owned),
        };
        assert_eq!(recognised(text), Some(expected), "{text}");
    }

    #[test]
    fn a_table_with_a_condition_is_recognised() {
        check("SELECT * FROM demo.cities", None, None);
        check("select * from demo.cities;", None, None);
        check("SELECT * FROM `carto_dw.demo.cities` -- all", None, None);
        check("SELECT name, geom FROM demo.cities", Some(&["name", "geom"]), None);
        check(
            "SELECT c.name, Pop AS pop, \"Odd\" FROM demo.cities AS c",
            Some(&["name", "pop", "Odd"]),
            None,
        );
        check(
            "SELECT * FROM demo.cities WHERE pop > 1e6 AND name LIKE 'A%'",
            None,
            Some("pop > 1e6 AND name LIKE 'A%'"),
        );
        check(
            "SELECT * FROM demo.cities c WHERE c.pop > 3 OR (C.\"Odd\" = 'x')",
            None,
            Some("pop > 3 OR (\"Odd\" = 'x')"),
        );
        check(
            "SELECT * FROM demo.cities WHERE cities.pop IN (1, 2)",
            None,
            Some("pop IN (1, 2)"),
        );
    }

    #[test]
    fn placeholders_of_the_condition_are_bound() {
        let sql = Sql::new("SELECT * FROM demo.cities WHERE name = @name").with(Parameters::Named(
            [("name".to_owned(), json!("L'Aquila"))].into_iter().collect(),
        ));
        let query = table_query(&query_syntax(&sql).unwrap()).unwrap();
        assert_eq!(query.condition.as_deref(), Some("name = 'L''Aquila'"));
    }

    #[test]
    fn a_text_that_would_read_back_differently_is_left_to_the_planner() {
        let sql = Sql::new("SELECT * FROM demo.cities WHERE name = @name").with(Parameters::Named(
            [("name".to_owned(), json!("'x'"))].into_iter().collect(),
        ));
        assert_eq!(table_query(&query_syntax(&sql).unwrap()), None);
    }

    #[test]
    fn anything_more_is_a_query() {
        for text in [
            "SELECT DISTINCT name FROM demo.cities",
            "SELECT * FROM demo.cities LIMIT 10",
            "SELECT * FROM demo.cities ORDER BY pop",
            "SELECT name AS title, geom FROM demo.cities",
            "SELECT upper(name) AS name, geom FROM demo.cities",
            "SELECT *, 1 AS one FROM demo.cities",
            "SELECT * EXCEPT (name) FROM demo.cities",
            "SELECT c.* FROM demo.cities c",
            "SELECT * FROM demo.cities, demo.airports",
            "SELECT * FROM demo.cities JOIN demo.airports USING (id)",
            "SELECT * FROM (SELECT * FROM demo.cities)",
            "SELECT * FROM demo.cities AS c (a, b)",
            "SELECT * FROM demo.cities WHERE id IN (SELECT id FROM demo.airports)",
            "SELECT * FROM demo.cities WHERE EXISTS (SELECT 1)",
            "SELECT * FROM demo.cities WHERE place.lon > 3",
            "SELECT count(*) FROM demo.cities GROUP BY name",
            "WITH c AS (SELECT * FROM demo.cities) SELECT * FROM c",
            "SELECT * FROM demo.cities UNION ALL SELECT * FROM demo.cities",
            "SELECT * FROM UNNEST([1, 2])",
            "SELECT * FROM demo.cities FOR SYSTEM_TIME AS OF '2026-01-01'",
            "VALUES (1)",
        ] {
            assert_eq!(recognised(text), None, "{text}");
        }
    }
}
