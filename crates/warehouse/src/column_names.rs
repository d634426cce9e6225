//! Names of columns that nobody named: as the statement reads, without the tables that the planner puts before columns.

use std::collections::BTreeSet;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// Gives `min(demo.cities.population)` the name `min(population)`.
///
/// Columns of the same name keep apart by the longer one.
pub(crate) fn with_short_names(plan: LogicalPlan) -> Result<LogicalPlan> {
    let computed = |name: &str| name.contains('.') && name.contains(['(', ' ']);
    if !plan
        .schema()
        .iter()
        .any(|(qualifier, field)| qualifier.is_none() && computed(field.name()))
    {
        return Ok(plan);
    }
    let tables = qualifiers(&plan)?;
    let short: Vec<String> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| match qualifier {
            None if computed(field.name()) => without(field.name(), &tables),
            _ => field.name().clone(),
        })
        .collect();
    if plan.schema().fields().iter().map(|field| field.name()).eq(&short) {
        return Ok(plan);
    }
    let is_unique = |name: &String| short.iter().filter(|other| *other == name).count() == 1;
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .zip(&short)
        .map(|(column, name)| {
            let is_renamed = column.1.name() != name && is_unique(name);
            let expression = Expr::from(column);
            if is_renamed { expression.alias(name) } else { expression }
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// What the planner may put before the columns of this plan, the longest first.
fn qualifiers(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut found = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        found.extend(
            node.schema()
                .iter()
                .filter_map(|(qualifier, _)| Some(format!("{}.", qualifier?))),
        );
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut found: Vec<String> = found.into_iter().collect();
    found.sort_by_key(|qualifier| std::cmp::Reverse(qualifier.len()));
    Ok(found)
}

/// The name without the qualifiers that begin a word in it; what is quoted stays.
fn without(name: &str, qualifiers: &[String]) -> String {
    let mut short = String::with_capacity(name.len());
    let mut rest = name;
    let mut quote = None;
    while let Some(letter) = rest.chars().next() {
        let begins_word = !short.ends_with(|before: char| before.is_alphanumeric() || "_.\"`".contains(before));
        let qualifier = qualifiers
            .iter()
            .find(|qualifier| quote.is_none() && begins_word && rest.starts_with(qualifier.as_str()));
        if let Some(qualifier) = qualifier {
            rest = &rest[qualifier.len()..];
            continue;
        }
        quote = match (quote, letter) {
            (None, '\'' | '"') => Some(letter),
            (Some(opened), _) if opened == letter => None,
            (other, _) => other,
        };
        short.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_go_where_a_word_begins() {
        let tables = ["demo.cities.".to_owned(), "c.".to_owned()];
        let short = |name| without(name, &tables);
        assert_eq!(short("min(demo.cities.population)"), "min(population)");
        assert_eq!(short("c.a + abc.b"), "a + abc.b");
        assert_eq!(short("concat(c.name, 'c.x')"), "concat(name, 'c.x')");
        assert_eq!(short("concat(Utf8(\"see c.x\"),c.x)"), "concat(Utf8(\"see c.x\"),x)");
        assert_eq!(short("größe(c.größe)"), "größe(größe)");
    }
}
