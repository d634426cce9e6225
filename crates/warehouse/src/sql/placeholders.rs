//! Values for placeholders of every style, put in as literal tokens before parsing.
//!
//! A value becomes one string, number or keyword token: it is never SQL text, so it cannot change the statement.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};
use serde_json::Value;

use crate::Parameters;
use crate::error::{Error, Result};

/// Replaces `@name`, `:name`, `$name` by named values and `?`, `$1`, `:1` by positional ones.
pub(crate) fn bind(tokens: Vec<TokenWithSpan>, parameters: &Parameters) -> Result<Vec<TokenWithSpan>> {
    let mut bound = Vec::with_capacity(tokens.len());
    let mut question_marks = 0;
    let mut tokens = tokens.into_iter().peekable();
    // The last token that is no white space: a colon after a value is a slice or a path, not a placeholder.
    let mut previous = Token::EOF;
    while let Some(token) = tokens.next() {
        let placeholder = match &token.token {
            Token::Placeholder(text) if text == "?" => {
                question_marks += 1;
                Some(question_marks.to_string())
            }
            Token::Placeholder(text) => text.strip_prefix(['$', '?', ':', '@']).map(str::to_owned),
            Token::AtSign => name_after(&token, tokens.peek()),
            Token::Colon if !ends_a_value(&previous) => name_after(&token, tokens.peek()),
            _ => None,
        };
        match placeholder {
            Some(name) => {
                let mut span = token.span;
                if matches!(token.token, Token::AtSign | Token::Colon)
                    && let Some(name_token) = tokens.next()
                {
                    span = Span::new(token.span.start, name_token.span.end);
                }
                let value = value_of(&name, &token.token, parameters)?;
                push_literal(&mut bound, value, &name, span)?;
                previous = Token::RParen;
            }
            None => {
                if !matches!(token.token, Token::Whitespace(_)) {
                    previous = token.token.clone();
                }
                bound.push(token);
            }
        }
    }
    Ok(bound)
}

/// The name of a placeholder written `@name` or `:1`, when it follows without a gap.
fn name_after(sign: &TokenWithSpan, next: Option<&TokenWithSpan>) -> Option<String> {
    let next = next?;
    if next.span.start != sign.span.end {
        return None;
    }
    match &next.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
        Token::Number(digits, false) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.clone()),
        _ => None,
    }
}

fn ends_a_value(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword == Keyword::NoKeyword || word.quote_style.is_some(),
        Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen | Token::RBracket => true,
        _ => false,
    }
}

fn value_of<'a>(name: &str, sign: &Token, parameters: &'a Parameters) -> Result<&'a Value> {
    let shown = match sign {
        Token::AtSign => format!("@{name}"),
        Token::Colon => format!(":{name}"),
        Token::Placeholder(text) if text == "?" => format!("? number {name}"),
        other => other.to_string(),
    };
    let missing = |reason: String| Error::Parameter {
        name: shown.clone(),
        reason,
    };
    match parameters {
        Parameters::None => Err(missing(
            "it has no value: send queryParameters with the query".to_owned(),
        )),
        Parameters::Named(values) => values.get(name).ok_or_else(|| {
            let known: Vec<&str> = values.keys().map(String::as_str).collect();
            missing(format!("it has no value; values were given for {}", listed(&known)))
        }),
        Parameters::Positional(values) => match name.parse::<usize>() {
            Ok(position) if position >= 1 => values.get(position - 1).ok_or_else(|| {
                missing(format!(
                    "it has no value; {} positional values were given",
                    values.len()
                ))
            }),
            Ok(_) | Err(_) => Err(missing(
                "it is named, but the values given are positional: send an object".to_owned(),
            )),
        },
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn push_literal(tokens: &mut Vec<TokenWithSpan>, value: &Value, name: &str, span: Span) -> Result<()> {
    let mut push = |token: Token| tokens.push(TokenWithSpan { token, span });
    match value {
        Value::Null => push(keyword("NULL", Keyword::NULL)),
        Value::Bool(true) => push(keyword("TRUE", Keyword::TRUE)),
        Value::Bool(false) => push(keyword("FALSE", Keyword::FALSE)),
        Value::Number(number) => {
            let text = number.to_string();
            match text.strip_prefix('-') {
                Some(magnitude) => {
                    push(Token::LParen);
                    push(Token::Minus);
                    push(Token::Number(magnitude.to_owned(), false));
                    push(Token::RParen);
                }
                None => push(Token::Number(text, false)),
            }
        }
        Value::String(text) => push(Token::SingleQuotedString(text.clone())),
        Value::Array(values) => {
            if let Some(position) = values.iter().position(|value| value.is_array() || value.is_object()) {
                return Err(Error::Parameter {
                    name: name.to_owned(),
                    reason: format!("element {position} is not a string, number or boolean"),
                });
            }
            push(Token::LBracket);
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    tokens.push(TokenWithSpan {
                        token: Token::Comma,
                        span,
                    });
                }
                push_literal(tokens, value, name, span)?;
            }
            tokens.push(TokenWithSpan {
                token: Token::RBracket,
                span,
            });
        }
        Value::Object(_) => push(Token::SingleQuotedString(value.to_string())),
    }
    Ok(())
}

fn keyword(text: &str, keyword: Keyword) -> Token {
    Token::Word(Word {
        value: text.to_owned(),
        quote_style: None,
        keyword,
    })
}

/// Where a token stands in the text, for messages.
pub(crate) fn place(location: Location) -> (u64, u64) {
    (location.line, location.column)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Sql;
    use crate::sql::parse;

    fn check(text: &str, parameters: Value, expected: &str) {
        let parameters = match parameters {
            Value::Object(named) => Parameters::Named(named),
            Value::Array(positional) => Parameters::Positional(positional),
            _ => Parameters::None,
        };
        let parsed = parse(&Sql {
            text: text.to_owned(),
            parameters,
        })
        .expect(text);
        assert_eq!(parsed.statement.to_string(), expected, "{text}");
    }

    #[test]
    fn every_style_of_placeholder_is_bound() {
        let expected = "SELECT * FROM \"t\" WHERE a = 7";
        check("SELECT * FROM t WHERE a = @p", json!({"p": 7}), expected);
        check("SELECT * FROM t WHERE a = :p", json!({"p": 7}), expected);
        check("SELECT * FROM t WHERE a = $p", json!({"p": 7}), expected);
        check("SELECT * FROM t WHERE a = $1", json!([7]), expected);
        check("SELECT * FROM t WHERE a = :1", json!([7]), expected);
        check("SELECT * FROM t WHERE a = ?", json!([7]), expected);
        check(
            "SELECT * FROM t WHERE a = ? AND b = ?",
            json!([7, "x"]),
            "SELECT * FROM \"t\" WHERE a = 7 AND b = 'x'",
        );
    }

    #[test]
    fn a_text_that_looks_like_sql_stays_a_text() {
        check(
            "SELECT * FROM t WHERE a = @p",
            json!({"p": "x' OR 1 = 1; DROP TABLE t; --"}),
            "SELECT * FROM \"t\" WHERE a = 'x'' OR 1 = 1; DROP TABLE t; --'",
        );
        check("SELECT @p", json!({"p": "back\\"}), "SELECT 'back\\'");
        check("SELECT @p", json!({"p": "@q ? :r $1"}), "SELECT '@q ? :r $1'");
    }

    #[test]
    fn values_of_every_json_type_are_bound() {
        check("SELECT @p", json!({"p": null}), "SELECT NULL");
        check("SELECT @p", json!({"p": true}), "SELECT true");
        check("SELECT @p", json!({"p": -2.5}), "SELECT (-2.5)");
        check("SELECT @p", json!({"p": {"a": 1}}), "SELECT '{\"a\":1}'");
        check(
            "SELECT * FROM t WHERE a IN UNNEST(@p)",
            json!({"p": ["x", "y"]}),
            "SELECT * FROM \"t\" WHERE a IN ('x', 'y')",
        );
        check(
            "SELECT * FROM t WHERE a IN UNNEST(@p)",
            json!({"p": []}),
            "SELECT * FROM \"t\" WHERE a IN ()",
        );
    }

    #[test]
    fn casts_slices_and_texts_are_no_placeholders() {
        check(
            "SELECT '1'::int, a[1:2], ':x @y ? $z' FROM t",
            json!({"int": 5}),
            "SELECT '1'::INT, a[1:2], ':x @y ? $z' FROM \"t\"",
        );
    }

    #[test]
    fn a_placeholder_without_a_value_is_named() {
        let error = |text: &str, parameters| {
            parse(&Sql {
                text: text.to_owned(),
                parameters,
            })
            .expect_err(text)
            .to_string()
        };
        assert!(error("SELECT @year", Parameters::None).contains("@year"));
        assert!(error("SELECT ?, ?", Parameters::Positional(vec![json!(1)])).contains("number 2"));
        let named = Parameters::Named(serde_json::Map::from_iter([("month".to_owned(), json!(1))]));
        assert!(error("SELECT @year", named).contains("month"));
    }
}
