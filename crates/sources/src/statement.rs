//! The SQL of a selection from a source: a pure function of what is asked.

/// What to take from a source. Every part is SQL text over the source's columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Expressions, with `AS` where they need a name; all columns when empty.
    pub items: Vec<String>,
    /// Conditions beyond the source's own; all hold.
    pub conditions: Vec<String>,
    pub group_by: Vec<String>,
    /// Expressions with direction.
    pub order_by: Vec<String>,
    pub limit: Option<u64>,
    pub offset: Option<u64>,
}

impl Selection {
    #[must_use]
    pub fn of(items: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Selection {
            items: items.into_iter().map(Into::into).collect(),
            ..Selection::default()
        }
    }

    #[must_use]
    pub fn only(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    #[must_use]
    pub fn grouped_by(mut self, expression: impl Into<String>) -> Self {
        self.group_by.push(expression.into());
        self
    }

    #[must_use]
    pub fn ordered_by(mut self, expression: impl Into<String>) -> Self {
        self.order_by.push(expression.into());
        self
    }

    #[must_use]
    pub fn limited_to(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// The statement, from a FROM item, under the source's own conditions.
    #[must_use]
    pub fn to_sql(&self, from: &str, source_conditions: &[String]) -> String {
        let items = if self.items.is_empty() {
            "*".to_owned()
        } else {
            self.items.join(", ")
        };
        let mut sql = format!("SELECT {items} FROM {from}");
        let conditions: Vec<&str> = source_conditions
            .iter()
            .chain(&self.conditions)
            .map(String::as_str)
            .collect();
        for (word, parts, joint) in [
            (" WHERE ", conditions, " AND "),
            (" GROUP BY ", self.group_by.iter().map(String::as_str).collect(), ", "),
            (" ORDER BY ", self.order_by.iter().map(String::as_str).collect(), ", "),
        ] {
            if !parts.is_empty() {
                sql.push_str(word);
                sql.push_str(&parts.join(joint));
            }
        }
        if let Some(limit) = self.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        if let Some(offset) = self.offset {
            sql.push_str(&format!(" OFFSET {offset}"));
        }
        sql
    }
}

/// A query as a FROM item. Line breaks keep a comment at its end away from the bracket.
#[must_use]
pub fn subquery(sql: &str) -> String {
    format!("(\n{sql}\n) AS \"source\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_becomes_one_statement() {
        insta::assert_snapshot!(Selection::default().to_sql("\"demo\".\"t\"", &[]), @r#"SELECT * FROM "demo"."t""#);
        let selection = Selection {
            offset: Some(20),
            ..Selection::of([r#""kind" AS name"#, "count(*) AS value"])
        }
        .only(r#""pop" > 3"#)
        .grouped_by("1")
        .ordered_by("2 DESC")
        .limited_to(10);
        insta::assert_snapshot!(selection.to_sql(&subquery("SELECT * FROM t -- all"), &[r#"("a" = 1 OR "b" = 2)"#.to_owned()]), @r#"
        SELECT "kind" AS name, count(*) AS value FROM (
        SELECT * FROM t -- all
        ) AS "source" WHERE ("a" = 1 OR "b" = 2) AND "pop" > 3 GROUP BY 1 ORDER BY 2 DESC LIMIT 10 OFFSET 20
        "#);
    }
}
