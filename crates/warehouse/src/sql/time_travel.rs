//! Time travel: `FOR SYSTEM_TIME AS OF …` and `AT (VERSION => n)` become snapshot-bound schema names.
//!
//! The planner drops a table's version clause without a word, so none may reach it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Statement, TableAlias, TableFactor, TableVersion, VisitMut, VisitorMut,
};

use crate::error::{Error, Result};
use crate::name::{CATALOG_NAME, TableName};
use crate::sql::spelling;

/// Separates a schema's name from the position of the moment it is read at. No SQL text can hold it unescaped.
const PIN: char = '\u{1}';

/// The moment a table is read at.
#[derive(Debug, Clone)]
pub(crate) enum AsOf {
    /// A constant expression for a timestamp.
    Time(Expr),
    /// A snapshot number.
    Version(Expr),
}

/// The schema, and the position of its moment, that a pinned schema name stands for.
pub(crate) fn split_pinned_schema(name: &str) -> (&str, Option<usize>) {
    match name.rsplit_once(PIN) {
        Some((schema, position)) => (schema, position.parse().ok()),
        None => (name, None),
    }
}

/// Takes version clauses out of the statement: tables that had one are read from pinned schemas.
pub(crate) fn take_moments(statement: &mut Statement) -> Result<Vec<AsOf>> {
    let mut taker = Taker { moments: Vec::new() };
    match statement.visit(&mut taker) {
        ControlFlow::Continue(()) => Ok(taker.moments),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Taker {
    moments: Vec<AsOf>,
}

impl Taker {
    fn take(&mut self, table: &mut TableFactor) -> Result<()> {
        let TableFactor::Table {
            name, alias, version, ..
        } = table
        else {
            return Ok(());
        };
        let Some(version) = version.take() else { return Ok(()) };
        let moment = match version {
            TableVersion::ForSystemTimeAsOf(time) | TableVersion::TimestampAsOf(time) => AsOf::Time(time),
            TableVersion::VersionAsOf(version) => AsOf::Version(version),
            TableVersion::Function(function) => moment_of_function(&function)?,
            TableVersion::Changes { .. } => return Err(Error::NotImplemented("CHANGES".to_owned())),
        };
        let table = TableName::from_parts(&spelling::parts(name)?).map_err(|reason| Error::InvalidName {
            name: name.to_string(),
            reason,
        })?;
        if alias.is_none() {
            *alias = Some(TableAlias {
                explicit: true,
                name: spelling::identifier(&table.table),
                columns: Vec::new(),
                at: None,
            });
        }
        let pinned = format!("{}{PIN}{}", table.schema, self.moments.len());
        *name = ObjectName(
            [CATALOG_NAME, &pinned, &table.table]
                .into_iter()
                .map(|part| ObjectNamePart::Identifier(spelling::identifier(part)))
                .collect(),
        );
        self.moments.push(moment);
        Ok(())
    }
}

/// `AT (VERSION => 3)`, `AT (TIMESTAMP => …)`.
fn moment_of_function(clause: &Expr) -> Result<AsOf> {
    let shape = || {
        Error::NotImplemented(format!(
            "{clause} after a table in this form; write AT (VERSION => 3) or AT (TIMESTAMP => TIMESTAMP '2026-01-31 12:00:00')"
        ))
    };
    let Expr::Function(Function { name, args, .. }) = clause else {
        return Err(shape());
    };
    if !name.to_string().eq_ignore_ascii_case("at") {
        return Err(shape());
    }
    let FunctionArguments::List(list) = args else {
        return Err(shape());
    };
    let [
        FunctionArg::Named {
            name: what,
            arg: FunctionArgExpr::Expr(value),
            operator: FunctionArgOperator::RightArrow,
        },
    ] = list.args.as_slice()
    else {
        return Err(shape());
    };
    named_moment(what, value).ok_or_else(shape)
}

fn named_moment(what: &Ident, value: &Expr) -> Option<AsOf> {
    match what.value.to_ascii_lowercase().as_str() {
        "version" => Some(AsOf::Version(value.clone())),
        "timestamp" => Some(AsOf::Time(value.clone())),
        _ => None,
    }
}

impl VisitorMut for Taker {
    type Break = Error;

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Error> {
        match self.take(table) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sql;
    use crate::sql::parse;

    #[test]
    fn versions_become_pinned_schemas() {
        let parsed = parse(&Sql::new(
            "SELECT * FROM city.trees AT (VERSION => 3) t JOIN trees FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-31 12:00:00' ON true",
        ))
        .expect("parses");
        assert_eq!(parsed.moments.len(), 2);
        let text = parsed.statement.to_string();
        assert!(text.contains("\"city\u{1}0\".\"trees\" t"), "{text}");
        assert!(text.contains("\"public\u{1}1\".\"trees\" AS \"trees\""), "{text}");
    }

    #[test]
    fn pinned_names_split() {
        assert_eq!(split_pinned_schema("city"), ("city", None));
        assert_eq!(split_pinned_schema("city\u{1}12"), ("city", Some(12)));
    }
}
