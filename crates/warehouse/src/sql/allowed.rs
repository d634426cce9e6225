//! What SQL may do here: the list of statements, and the clauses that the planner would silently ignore.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, ObjectType, Query, Select, SetExpr, Statement, TableFactor, Visit, Visitor,
};

use crate::error::{Error, Result};

/// What a statement is, as far as permission and routing go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads only.
    Query,
    Insert,
    Update,
    Delete,
    Truncate,
    CreateTable,
    CreateView,
    CreateSchema,
    AlterTable,
    DropTable,
    DropView,
    DropSchema,
    Comment,
}

impl Kind {
    /// The statement's first words, for messages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Query => "SELECT",
            Kind::Insert => "INSERT",
            Kind::Update => "UPDATE",
            Kind::Delete => "DELETE",
            Kind::Truncate => "TRUNCATE",
            Kind::CreateTable => "CREATE TABLE",
            Kind::CreateView => "CREATE VIEW",
            Kind::CreateSchema => "CREATE SCHEMA",
            Kind::AlterTable => "ALTER TABLE",
            Kind::DropTable => "DROP TABLE",
            Kind::DropView => "DROP VIEW",
            Kind::DropSchema => "DROP SCHEMA",
            Kind::Comment => "COMMENT",
        }
    }
}

/// Refuses statements and clauses that are not for SQL here.
pub(crate) fn check(statement: &Statement) -> Result<Kind> {
    let kind = kind_of(statement)?;
    refuse_in(statement)?;
    Ok(kind)
}

pub(crate) fn check_expression(expression: &Expr) -> Result<()> {
    refuse_in(expression)
}

fn refuse_in(node: &impl Visit) -> Result<()> {
    match node.visit(&mut Refuser) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The kind of a statement that may run here; the others are refused by name.
pub(crate) fn kind_of(statement: &Statement) -> Result<Kind> {
    match statement {
        Statement::Query(query) => kind_of_query(query),
        Statement::Explain { statement, analyze, .. } => match kind_of(statement)? {
            Kind::Query => Ok(Kind::Query),
            other if *analyze => Ok(other),
            other => Err(Error::NotImplemented(format!(
                "EXPLAIN {}; EXPLAIN works on queries",
                other.as_str()
            ))),
        },
        Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowSchemas { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowViews { .. } => Ok(Kind::Query),
        Statement::Insert(_) => Ok(Kind::Insert),
        Statement::Update(_) => Ok(Kind::Update),
        Statement::Delete(_) => Ok(Kind::Delete),
        Statement::Truncate(_) => Ok(Kind::Truncate),
        Statement::CreateTable(_) => Ok(Kind::CreateTable),
        Statement::CreateView(_) => Ok(Kind::CreateView),
        Statement::CreateSchema { .. } => Ok(Kind::CreateSchema),
        Statement::AlterTable(_) => Ok(Kind::AlterTable),
        Statement::Drop {
            object_type: ObjectType::Table,
            ..
        } => Ok(Kind::DropTable),
        Statement::Drop {
            object_type: ObjectType::View,
            ..
        } => Ok(Kind::DropView),
        Statement::Drop {
            object_type: ObjectType::Schema,
            ..
        } => Ok(Kind::DropSchema),
        Statement::Comment { .. } => Ok(Kind::Comment),
        Statement::Merge(_) => Err(Error::NotImplemented("MERGE; use UPDATE and INSERT".to_owned())),
        other => Err(Error::NotAllowed(format!(
            "{} is not available here",
            first_words(other)
        ))),
    }
}

fn kind_of_query(query: &Query) -> Result<Kind> {
    check_body(&query.body).map(|()| Kind::Query)
}

fn check_body(body: &SetExpr) -> Result<()> {
    match body {
        SetExpr::Select(select) => match &select.into {
            Some(_) => Err(Error::NotImplemented(
                "SELECT INTO; use CREATE TABLE … AS SELECT".to_owned(),
            )),
            None => Ok(()),
        },
        SetExpr::Query(query) => check_body(&query.body),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => Err(Error::NotImplemented(
            "statements that change data inside a query".to_owned(),
        )),
    }
}

fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    let words: Vec<&str> = text
        .split_whitespace()
        .take_while(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()))
        .take(3)
        .collect();
    if words.is_empty() {
        "This statement".to_owned()
    } else {
        words.join(" ")
    }
}

/// Walks every query and table reference and stops at what would be dropped silently.
struct Refuser;

impl Refuser {
    fn query(query: &Query) -> Result<()> {
        let Query {
            with,
            body: _,
            order_by: _,
            limit_clause: _,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators: _,
        } = query;
        refuse(fetch.is_some(), "FETCH; use LIMIT")?;
        refuse(!locks.is_empty(), "FOR UPDATE and FOR SHARE")?;
        refuse(for_clause.is_some(), "FOR XML, FOR JSON and FOR BROWSE")?;
        refuse(settings.is_some(), "SETTINGS")?;
        refuse(format_clause.is_some(), "FORMAT")?;
        if let Some(with) = with {
            for table in &with.cte_tables {
                kind_of_query(&table.query)?;
            }
        }
        Ok(())
    }

    fn select(select: &Select) -> Result<()> {
        refuse(!select.optimizer_hints.is_empty(), "optimizer hints")?;
        refuse(select.select_modifiers.is_some(), "SELECT modifiers")?;
        refuse(select.top.is_some(), "TOP; use LIMIT")?;
        refuse(
            select.exclude.is_some(),
            "EXCLUDE after the column list; write SELECT * EXCEPT (…)",
        )?;
        refuse(select.into.is_some(), "SELECT INTO; use CREATE TABLE … AS SELECT")?;
        refuse(!select.lateral_views.is_empty(), "LATERAL VIEW")?;
        refuse(select.prewhere.is_some(), "PREWHERE; use WHERE")?;
        refuse(!select.connect_by.is_empty(), "CONNECT BY; use WITH RECURSIVE")?;
        refuse(!select.cluster_by.is_empty(), "CLUSTER BY")?;
        refuse(!select.distribute_by.is_empty(), "DISTRIBUTE BY")?;
        refuse(!select.sort_by.is_empty(), "SORT BY; use ORDER BY")?;
        refuse(select.value_table_mode.is_some(), "SELECT AS STRUCT and AS VALUE")?;
        match &select.group_by {
            GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => {
                refuse(!modifiers.is_empty(), "GROUP BY … WITH; write ROLLUP (…) or CUBE (…)")
            }
        }
    }

    fn table(table: &TableFactor) -> Result<()> {
        match table {
            TableFactor::Table {
                with_hints,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
                ..
            } => {
                refuse(sample.is_some(), "TABLESAMPLE; use WHERE random() < 0.1")?;
                refuse(!with_hints.is_empty() || !index_hints.is_empty(), "table hints")?;
                refuse(*with_ordinality, "WITH ORDINALITY")?;
                refuse(!partitions.is_empty(), "PARTITION; use WHERE")?;
                refuse(json_path.is_some(), "paths into tables")
            }
            TableFactor::Derived { sample, .. } => refuse(sample.is_some(), "TABLESAMPLE; use WHERE random() < 0.1"),
            TableFactor::Function { with_ordinality, .. } => refuse(*with_ordinality, "WITH ORDINALITY"),
            // The planner refuses the rest itself or understands it.
            _ => Ok(()),
        }
    }
}

fn refuse(is_there: bool, clause: &str) -> Result<()> {
    if is_there {
        Err(Error::NotImplemented(clause.to_owned()))
    } else {
        Ok(())
    }
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl Visitor for Refuser {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        flow(Self::query(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        flow(Self::select(select))
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Error> {
        flow(Self::table(table))
    }
}

#[cfg(test)]
mod tests {
    use crate::Sql;
    use crate::sql::parse;

    fn refusal(text: &str) -> String {
        parse(&Sql::new(text)).expect_err(text).to_string()
    }

    #[test]
    fn statements_that_touch_the_machine_are_refused() {
        for text in [
            "COPY t TO '/tmp/x.csv'",
            "SET datafusion.execution.batch_size = 1",
            "GRANT SELECT ON t TO someone",
            "CREATE FUNCTION f() RETURNS INT64 AS (1)",
            "CREATE DATABASE x",
            "EXECUTE IMMEDIATE 'SELECT 1'",
        ] {
            assert!(parse(&Sql::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn clauses_that_would_be_ignored_are_named() {
        assert!(refusal("SELECT * FROM t TABLESAMPLE SYSTEM (10 PERCENT)").contains("TABLESAMPLE"));
        assert!(refusal("SELECT * FROM t FOR UPDATE").contains("FOR UPDATE"));
        assert!(refusal("SELECT * INTO u FROM t").contains("SELECT INTO"));
        assert!(refusal("SELECT * FROM (SELECT * FROM t FOR UPDATE) x").contains("FOR UPDATE"));
    }

    #[test]
    fn merge_names_what_to_use_instead() {
        let message = refusal("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE");
        assert!(message.contains("UPDATE and INSERT"), "{message}");
    }
}
