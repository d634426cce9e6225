//! What a query looks like, for the rooms above: read and checked, but not planned.

use datafusion::sql::sqlparser::ast::{Expr, Query, Statement};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};

use super::{GromaDialect, parse, parse_expression, token_error};
use crate::Sql;
use crate::error::{Error, Result};

/// One query: its syntax tree and its text.
#[derive(Debug, Clone)]
pub struct QuerySyntax {
    /// Placeholders are bound, table names are `schema.table` or a name of a WITH, functions are ours.
    pub query: Query,
    /// Every table is read as it stands now; otherwise the tree names pinned schemas.
    pub reads_now: bool,
    /// As written, with its placeholders, without the closing semicolon: fit to stand in brackets.
    pub text: String,
}

/// Reads exactly one SELECT or WITH. Anything else is refused by name.
pub fn query_syntax(sql: &Sql) -> Result<QuerySyntax> {
    let parsed = parse(sql)?;
    match parsed.statement {
        Statement::Query(query) => Ok(QuerySyntax {
            query: *query,
            reads_now: parsed.moments.is_empty(),
            text: without_semicolon(&sql.text)?,
        }),
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(Error::ReadOnly {
                statement: words.join(" "),
            })
        }
    }
}

/// Reads one condition or other expression.
pub fn expression_syntax(sql: &Sql) -> Result<Expr> {
    parse_expression(sql)
}

/// The text up to the semicolon that ends it, if one does.
fn without_semicolon(text: &str) -> Result<String> {
    let tokens = Tokenizer::new(&GromaDialect, text)
        .tokenize_with_location()
        .map_err(token_error)?;
    let mut end = None;
    for token in tokens.iter().rev() {
        match token.token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon => end = Some(token.span.start),
            _ => break,
        }
    }
    let kept = end.map_or(text.len(), |end| offset_of(text, end));
    Ok(text[..kept].trim().to_owned())
}

/// The byte that a line and column (from 1, in characters) stand for.
fn offset_of(text: &str, place: Location) -> usize {
    let mut here = Location { line: 1, column: 1 };
    for (offset, character) in text.char_indices() {
        if here == place {
            return offset;
        }
        if character == '\n' {
            here = Location {
                line: here.line + 1,
                column: 1,
            };
        } else {
            here.column += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_semicolon_goes_and_comments_stay_harmless() {
        let check = |text: &str, expected: &str| {
            assert_eq!(query_syntax(&Sql::new(text)).expect(text).text, expected, "{text}");
        };
        check("SELECT 1", "SELECT 1");
        check("  SELECT 1 ;\n", "SELECT 1");
        check("SELECT ';' AS é\n, 2; -- done;\n", "SELECT ';' AS é\n, 2");
        check("SELECT 1;;", "SELECT 1");
        check("SELECT 1 -- done", "SELECT 1 -- done");
    }

    #[test]
    fn only_queries_have_a_syntax_to_look_at() {
        assert!(
            matches!(query_syntax(&Sql::new("DROP TABLE t")), Err(Error::ReadOnly { statement }) if statement == "DROP TABLE")
        );
        assert!(matches!(
            query_syntax(&Sql::new("SELECT 1; SELECT 2")),
            Err(Error::StatementCount { found: 2 })
        ));
    }
}
