//! The SQL front: text and parameters in, one checked statement out.

mod allowed;
mod depth;
mod dialect;
mod placeholders;
mod spelling;
mod syntax;
mod time_travel;
mod values;

use datafusion::sql::sqlparser::ast::{Expr, Statement};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError};

pub(crate) use allowed::Kind;
pub(crate) use dialect::GromaDialect;
pub(crate) use spelling::{call, identifier, parts, written};
pub use syntax::{QuerySyntax, expression_syntax, query_syntax};
pub(crate) use time_travel::{AsOf, split_pinned_schema};
pub(crate) use values::NULL_OF;

use crate::Sql;
use crate::error::{Error, Result};

/// How deep expressions and subqueries may nest before the statement is refused.
const NESTING_LIMIT: usize = 256;

/// One statement, its placeholders bound, its names and spellings made ours, its time travel taken out.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    pub(crate) statement: Statement,
    pub(crate) kind: Kind,
    /// The moments that the statement reads tables at; schema names refer to them by position.
    pub(crate) moments: Vec<AsOf>,
    /// Planning it takes more stack than a thread has.
    pub(crate) is_deep: bool,
}

/// Parses exactly one statement that may stand here.
pub(crate) fn parse(sql: &Sql) -> Result<Parsed> {
    with_room(sql, || parse_here(sql))
}

/// Long texts may nest deep until that is known, and be dropped as deep when they are refused.
fn with_room<T>(sql: &Sql, work: impl FnOnce() -> T) -> T {
    const SHORT: usize = 1_000;
    const BYTES_PER_LETTER: usize = 4_096;
    const MOST_BYTES: usize = 1 << 30;
    if sql.text.len() <= SHORT {
        return work();
    }
    stacker::grow((sql.text.len() * BYTES_PER_LETTER).min(MOST_BYTES), work)
}

fn parse_here(sql: &Sql) -> Result<Parsed> {
    let mut statement = one_statement(bound_tokens(sql)?)?;
    let is_deep = depth::bound(&mut statement)?;
    let kind = allowed::check(&statement)?;
    let moments = time_travel::take_moments(&mut statement)?;
    spelling::make_ours(&mut statement)?;
    Ok(Parsed {
        statement,
        kind,
        moments,
        is_deep,
    })
}

/// Parses a condition or other expression over the columns of one table.
pub(crate) fn parse_expression(sql: &Sql) -> Result<Expr> {
    with_room(sql, || parse_expression_here(sql))
}

fn parse_expression_here(sql: &Sql) -> Result<Expr> {
    let tokens = bound_tokens(sql)?;
    let mut parser = parser_of(tokens);
    let mut expression = parser.parse_expr().map_err(syntax_error)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let (line, column) = placeholders::place(rest.span.start);
        return Err(Error::Syntax {
            message: format!("expected one expression, found {}", rest.token),
            line,
            column,
        });
    }
    depth::bound(&mut expression)?;
    allowed::check_expression(&expression)?;
    spelling::make_expression_ours(&mut expression)?;
    Ok(expression)
}

fn bound_tokens(sql: &Sql) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&GromaDialect, &sql.text)
        .tokenize_with_location()
        .map_err(token_error)?;
    placeholders::bind(tokens, &sql.parameters)
}

fn parser_of(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&GromaDialect)
        .with_recursion_limit(NESTING_LIMIT)
        .with_tokens_with_locations(tokens)
}

fn one_statement(tokens: Vec<TokenWithSpan>) -> Result<Statement> {
    let mut statements = parser_of(tokens).parse_statements().map_err(syntax_error)?;
    match (statements.len(), statements.pop()) {
        (1, Some(statement)) => Ok(statement),
        (found, _) => Err(Error::StatementCount { found }),
    }
}

fn token_error(error: TokenizerError) -> Error {
    let (line, column) = placeholders::place(error.location);
    Error::Syntax {
        message: error.message,
        line,
        column,
    }
}

/// The parser writes the place at the end of its message.
fn syntax_error(error: ParserError) -> Error {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return Error::Invalid(format!("The statement nests deeper than {NESTING_LIMIT} levels"));
        }
    };
    let place = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((
            message.to_owned(),
            line.trim().parse().ok()?,
            column.trim().parse().ok()?,
        ))
    });
    match place {
        Some((message, line, column)) => Error::Syntax {
            message: lower_first(&message),
            line,
            column,
        },
        None => Error::Syntax {
            message: lower_first(&text),
            line: 1,
            column: 1,
        },
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_says_where() {
        match parse(&Sql::new("SELECT *\nFROM t WHERE a = = 3")) {
            Err(Error::Syntax {
                line: 2,
                column,
                message,
            }) => {
                assert_eq!(column, 18, "{message}");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            parse(&Sql::new("SELECT 'x")),
            Err(Error::Syntax { line: 1, .. })
        ));
    }

    #[test]
    fn exactly_one_statement_is_taken() {
        assert!(parse(&Sql::new("SELECT 1;")).is_ok());
        assert!(matches!(
            parse(&Sql::new("SELECT 1; SELECT 2")),
            Err(Error::StatementCount { found: 2 })
        ));
        assert!(matches!(
            parse(&Sql::new("  -- nothing\n ;")),
            Err(Error::StatementCount { found: 0 })
        ));
    }

    #[test]
    fn deep_nesting_is_refused_not_crashed_on() {
        let text = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(matches!(parse(&Sql::new(text)), Err(Error::Invalid(_))));
        let text = format!("SELECT {}1", "NOT ".repeat(20_000));
        assert!(parse(&Sql::new(text)).is_err());
    }
}
