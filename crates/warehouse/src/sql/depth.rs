//! How deep a statement may nest: long chains of AND and OR are balanced, whatever is deeper still is refused.
//!
//! Everything that walks a statement recurses; a list of ten thousand conditions must not exhaust a thread's stack.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, Value, VisitMut, VisitorMut};

use crate::error::{Error, Result};

/// Expressions inside expressions, after balancing.
const MOST_DEEP: usize = 256;
/// Queries inside queries.
const MOST_QUERIES: usize = 64;
/// UNIONs in a row.
const MOST_UNIONS: usize = 256;
/// What a thread's own stack is enough for.
const DEEP: usize = 24;
/// A query weighs as much as so many expressions.
const WEIGHT_OF_QUERY: usize = 6;

/// Balances chains in a statement or expression and refuses what nests too deep. Says whether planning needs room.
pub(super) fn bound(node: &mut impl VisitMut) -> Result<bool> {
    let mut balancer = Balancer {
        depth: 0,
        queries: 0,
        weight: 0,
    };
    match node.visit(&mut balancer) {
        ControlFlow::Continue(()) => Ok(balancer.weight > DEEP),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Balancer {
    depth: usize,
    queries: usize,
    /// The deepest so far.
    weight: usize,
}

impl Balancer {
    fn weigh(&mut self) {
        self.weight = self.weight.max(self.depth + WEIGHT_OF_QUERY * self.queries);
    }
}

impl VisitorMut for Balancer {
    type Break = Error;

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Error> {
        balance(expression);
        self.depth += 1;
        if self.depth > MOST_DEEP {
            return ControlFlow::Break(Error::Invalid(format!(
                "The statement nests deeper than {MOST_DEEP} levels: use IN for long lists, sum() for long sums"
            )));
        }
        self.weigh();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let mut body = query.body.as_ref();
        let mut unions = 0;
        while let SetExpr::SetOperation { left, .. } = body {
            unions += 1;
            body = left;
        }
        if unions > MOST_UNIONS {
            return ControlFlow::Break(Error::Invalid(format!(
                "The statement has {unions} UNIONs in a row, more than {MOST_UNIONS}: use VALUES for long lists"
            )));
        }
        self.queries += 1;
        if self.queries > MOST_QUERIES {
            return ControlFlow::Break(Error::Invalid(format!(
                "The statement nests queries deeper than {MOST_QUERIES} levels: use WITH"
            )));
        }
        self.depth += unions;
        self.weigh();
        self.depth -= unions;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }
}

/// `((a AND b) AND c) AND d` as `(a AND b) AND (c AND d)`: the same for any number, as deep as its logarithm.
fn balance(expression: &mut Expr) {
    let Expr::BinaryOp {
        op: op @ (BinaryOperator::And | BinaryOperator::Or),
        left,
        ..
    } = &*expression
    else {
        return;
    };
    if !matches!(left.as_ref(), Expr::BinaryOp { op: inner, .. } if inner == op) {
        return;
    }
    let op = op.clone();
    let mut parts = Vec::new();
    let mut rest = std::mem::replace(expression, nothing());
    loop {
        match rest {
            Expr::BinaryOp { left, op: inner, right } if inner == op => {
                parts.push(*right);
                rest = *left;
            }
            first => {
                parts.push(first);
                break;
            }
        }
    }
    parts.reverse();
    while parts.len() > 1 {
        let mut halves = Vec::with_capacity(parts.len().div_ceil(2));
        let mut pairs = parts.into_iter();
        while let Some(left) = pairs.next() {
            halves.push(match pairs.next() {
                Some(right) => Expr::BinaryOp {
                    left: Box::new(left),
                    op: op.clone(),
                    right: Box::new(right),
                },
                None => left,
            });
        }
        parts = halves;
    }
    if let Some(balanced) = parts.pop() {
        *expression = balanced;
    }
}

fn nothing() -> Expr {
    Expr::value(Value::Null)
}

#[cfg(test)]
mod tests {
    use crate::Sql;
    use crate::sql::parse;

    #[test]
    fn long_chains_of_conditions_are_flat_and_keep_their_order() {
        let parsed = parse(&Sql::new("SELECT a AND b AND c AND d AND e")).expect("parses");
        assert_eq!(parsed.statement.to_string(), "SELECT a AND b AND c AND d AND e");
        let conditions: Vec<String> = (0..20_000).map(|number| format!("a = {number}")).collect();
        assert!(parse(&Sql::new(format!("SELECT {}", conditions.join(" OR ")))).is_ok());
    }

    #[test]
    fn what_stays_deep_is_refused() {
        for text in [
            format!("SELECT 1{}", " + 1".repeat(20_000)),
            format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000)),
            format!("SELECT {}1{}", "abs(".repeat(10_000), ")".repeat(10_000)),
            format!("SELECT {}true", "NOT ".repeat(20_000)),
            format!("SELECT {}1", "-".repeat(1) + &" -".repeat(20_000)),
        ] {
            assert!(parse(&Sql::new(text.clone())).is_err(), "{}", &text[..40]);
        }
    }
}
