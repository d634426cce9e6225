//! Spellings of other warehouses: names of their example tables, BigQuery functions, `IN UNNEST`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Statement, TableFactor, UnaryOperator, Value,
    VisitMut, VisitorMut,
};

use super::values::type_nulls;
use crate::error::{Error, Result};
use crate::name::{CATALOG_NAME, TableName};

/// Functions that only have another name here.
const FUNCTION_NAMES: &[(&str, &str)] = &[
    ("any_value", "first_value"),
    ("approx_count_distinct", "approx_distinct"),
    ("char_length", "character_length"),
    ("ifnull", "coalesce"),
    ("logical_and", "bool_and"),
    ("logical_or", "bool_or"),
    ("regexp_contains", "regexp_like"),
    ("generate_array", "generate_series"),
    ("st_geogpoint", "st_point"),
    ("st_geogfromtext", "st_geomfromtext"),
    ("st_geogfromwkb", "st_geomfromwkb"),
    ("st_geogfromgeojson", "st_geomfromgeojson"),
    ("st_geographyfromtext", "st_geomfromtext"),
    ("st_makepoint", "st_point"),
    ("st_union_agg", "st_union_agg"),
    ("st_extent", "st_envelope_agg"),
    ("to_json", "to_json_string"),
];

/// An identifier that is taken as written, whatever its letters.
pub(crate) fn identifier(text: &str) -> Ident {
    Ident::with_quote('"', text)
}

/// The parts of a name as the catalog knows them: unquoted ones in lower case.
///
/// The parser splits quoted identifiers at dots as BigQuery does; those in double quotes are put together again.
pub(crate) fn parts(name: &ObjectName) -> Result<Vec<String>> {
    let mut parts: Vec<(String, &Ident)> = Vec::with_capacity(name.0.len());
    for part in &name.0 {
        let ident = part.as_ident().ok_or_else(|| Error::InvalidName {
            name: name.to_string(),
            reason: "a function call stands in it".to_owned(),
        })?;
        match parts.last_mut() {
            Some((text, previous))
                if ident.quote_style == Some('"')
                    && previous.quote_style == Some('"')
                    && previous.span == ident.span
                    && ident.span.start.line != 0 =>
            {
                text.push('.');
                text.push_str(&ident.value);
            }
            _ => parts.push((written(ident), ident)),
        }
    }
    Ok(parts.into_iter().map(|(text, _)| text).collect())
}

/// An identifier's letters: unquoted ones are folded to lower case.
pub(crate) fn written(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

/// Rewrites names and functions in a whole statement.
pub(crate) fn make_ours(statement: &mut Statement) -> Result<()> {
    flow(VisitMut::visit(statement, &mut Speller))
}

pub(crate) fn make_expression_ours(expression: &mut Expr) -> Result<()> {
    flow(VisitMut::visit(expression, &mut Speller))
}

fn flow(flow: ControlFlow<Error>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Speller;

impl VisitorMut for Speller {
    type Break = Error;

    /// Names with a catalog or project become `carto_dw.schema.table`; shorter ones stay, they may be of a WITH.
    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<Error> {
        match relation_ours(relation) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    /// The planner looks table functions up by their bare name.
    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Error> {
        if let TableFactor::Table {
            name, args: Some(_), ..
        } = table
            && let [ObjectNamePart::Identifier(function)] = name.0.as_mut_slice()
        {
            function.quote_style = None;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        type_nulls(&mut query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Error> {
        rewrite(expression);
        ControlFlow::Continue(())
    }
}

fn relation_ours(relation: &mut ObjectName) -> Result<()> {
    if relation.0.iter().any(|part| part.as_ident().is_none()) {
        return Ok(());
    }
    let parts = parts(relation)?;
    let parts = if parts.len() < 3 {
        parts
    } else {
        // `carto_dw.information_schema.tables` goes through unchanged.
        let name = TableName::from_parts(&parts).map_err(|reason| Error::InvalidName {
            name: parts.join("."),
            reason,
        })?;
        vec![CATALOG_NAME.to_owned(), name.schema, name.table]
    };
    // Backtick and dashed names keep their letters; the planner folds what is not quoted.
    *relation = ObjectName(
        parts
            .iter()
            .map(|part| ObjectNamePart::Identifier(identifier(part)))
            .collect(),
    );
    Ok(())
}

// What stands inside is moved, not copied: it may nest deep.
fn rewrite(expression: &mut Expr) {
    match expression {
        Expr::InUnnest {
            expr,
            array_expr,
            negated,
        } => {
            let (expr, array, negated) = (take(expr), take(array_expr), *negated);
            *expression = match array {
                Expr::Array(array) => Expr::InList {
                    expr: Box::new(expr),
                    list: array.elem,
                    negated,
                },
                array => {
                    let has = call("array_has", vec![array, expr]);
                    if negated {
                        Expr::UnaryOp {
                            op: UnaryOperator::Not,
                            expr: Box::new(has),
                        }
                    } else {
                        has
                    }
                }
            };
        }
        Expr::Function(function) => {
            if let Some(better) = rewrite_function(function) {
                *expression = better;
            }
        }
        _ => {}
    }
}

fn take(expression: &mut Expr) -> Expr {
    std::mem::replace(expression, Expr::value(Value::Null))
}

/// Renames a function in place, or gives the expression that means the same.
fn rewrite_function(function: &mut Function) -> Option<Expr> {
    let name = match function.name.0.as_slice() {
        [part] => part.as_ident()?.value.to_lowercase(),
        _ => return None,
    };
    if let Some((_, ours)) = FUNCTION_NAMES.iter().find(|(theirs, _)| *theirs == name) {
        function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(*ours))]);
        return None;
    }
    match name.as_str() {
        "if" => {
            let [condition, yes, no] = take_arguments(function)?;
            Some(Expr::Case {
                case_token: AttachedToken::empty(),
                end_token: AttachedToken::empty(),
                operand: None,
                conditions: vec![CaseWhen { condition, result: yes }],
                else_result: Some(Box::new(no)),
            })
        }
        "countif" => {
            let [condition] = take_arguments(function)?;
            let mut count = call_function("count", vec![]);
            count.args = FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment: None,
                args: vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)],
                clauses: vec![],
            });
            count.filter = Some(Box::new(condition));
            count.over = function.over.take();
            Some(Expr::Function(count))
        }
        "safe_divide" => {
            let [above, below] = take_arguments(function)?;
            let zero = Expr::value(Value::Number("0".to_owned(), false));
            Some(Expr::BinaryOp {
                left: Box::new(above),
                op: BinaryOperator::Divide,
                right: Box::new(call("nullif", vec![below, zero])),
            })
        }
        // BigQuery writes the value first and the part as a bare word.
        "date_trunc" | "timestamp_trunc" | "datetime_trunc" if ends_with_bare_word(function) => {
            let [value, part] = take_arguments(function)?;
            let part = Expr::value(Value::SingleQuotedString(part.to_string().to_lowercase()));
            let truncated = call("date_trunc", vec![part, value]);
            Some(if name == "date_trunc" {
                as_date(truncated)
            } else {
                truncated
            })
        }
        _ => None,
    }
}

fn ends_with_bare_word(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    matches!(
        list.args.last(),
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(Ident {
            quote_style: None,
            ..
        }))))
    )
}

/// The arguments of a plain call with as many: no names, no wildcards, no clauses.
fn take_arguments<const COUNT: usize>(function: &mut Function) -> Option<[Expr; COUNT]> {
    let FunctionArguments::List(list) = &mut function.args else {
        return None;
    };
    let is_plain = |argument: &FunctionArg| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
    if list.args.len() != COUNT || !list.args.iter().all(is_plain) {
        return None;
    }
    let taken: Vec<Expr> = std::mem::take(&mut list.args)
        .into_iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
            _ => None,
        })
        .collect();
    taken.try_into().ok()
}

fn as_date(expression: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expression),
        data_type: DataType::Date,
        array: false,
        format: None,
    }
}

pub(crate) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(call_function(name, arguments))
}

fn call_function(name: &str, arguments: Vec<Expr>) -> Function {
    Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments
                .into_iter()
                .map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)))
                .collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    }
}

#[cfg(test)]
mod tests {
    use crate::Sql;
    use crate::sql::parse;

    fn check(text: &str, expected: &str) {
        let parsed = parse(&Sql::new(text)).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(parsed.statement.to_string(), expected, "{text}");
    }

    #[test]
    fn example_table_names_reach_our_schema() {
        let expected = "SELECT * FROM \"carto_dw\".\"demo\".\"x\"";
        check("SELECT * FROM carto-demo-data.demo_tables.x", expected);
        check("SELECT * FROM `carto-demo-data.demo_tables.x`", expected);
        check("SELECT * FROM `carto-demo-data`.demo_tables.x", expected);
        check("SELECT * FROM cartobq.public_account.x", expected);
        check("SELECT * FROM carto_dw.demo.x", expected);
        check("SELECT * FROM Demo.X", "SELECT * FROM \"demo\".\"x\"");
        check("SELECT * FROM `demo.x`", "SELECT * FROM \"demo\".\"x\"");
        check(
            "SELECT * FROM \"odd.schema\".\"T\"",
            "SELECT * FROM \"odd.schema\".\"T\"",
        );
    }

    #[test]
    fn bigquery_functions_are_understood() {
        check("SELECT ANY_VALUE(x) FROM t", "SELECT first_value(x) FROM \"t\"");
        check("SELECT IF(a, 1, 2)", "SELECT CASE WHEN a THEN 1 ELSE 2 END");
        check(
            "SELECT COUNTIF(a > 1) FROM t",
            "SELECT count(*) FILTER (WHERE a > 1) FROM \"t\"",
        );
        check("SELECT TIMESTAMP_TRUNC(a, MONTH)", "SELECT date_trunc('month', a)");
        check("SELECT a NOT IN UNNEST(b)", "SELECT NOT array_has(b, a)");
        check("SELECT SAFE_CAST(a AS INT64)", "SELECT SAFE_CAST(a AS INT64)");
    }

    #[test]
    fn both_worlds_grammar_is_understood() {
        for text in [
            "SELECT a::int, b ILIKE '%x%', \"C\" FROM t",
            "SELECT start_geom AS geom, * FROM t",
            "SELECT * EXCEPT (a) FROM t",
            "SELECT b, COUNT(*) value FROM t GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
            "SELECT INTERVAL '1 day', INTERVAL 1 DAY",
            "SELECT [1, 2, 3], ARRAY[1, 2]",
            "SELECT 'it''s', 'back\\slash'",
            "SELECT * FROM a LEFT JOIN b ON ST_INTERSECTS(a.geom, b.geom)",
            "SELECT x FROM UNNEST([1, 2]) AS x",
            "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n",
        ] {
            if let Err(error) = parse(&Sql::new(text)) {
                panic!("{text}: {error}");
            }
        }
    }
}
