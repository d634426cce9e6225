//! What a snapshot changed, as the catalog's text: `created_table:"public"."t",inserted_into_table:2`.

/// One change of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChangeMade {
    CreatedSchema(String),
    DroppedSchema(i64),
    /// Schema and name; also what a rename is written as.
    CreatedTable(String, String),
    DroppedTable(i64),
    AlteredTable(i64),
    CreatedView(String, String),
    DroppedView(i64),
    AlteredView(i64),
    InsertedInto(i64),
    DeletedFrom(i64),
    InlinedInsert(i64),
    InlinedDelete(i64),
    /// Inlined rows or deletes became files.
    InlineFlush(i64),
    /// Files were merged; the rows are the same.
    MergedAdjacent(i64),
    /// Files were written anew without their deleted rows.
    RewroteDeletes(i64),
    /// Something of another kind, such as a macro; the number when it has one.
    Other(Option<i64>),
}

impl ChangeMade {
    /// The table whose rows or columns changed, when the text names it by number.
    pub(crate) fn table_id(&self) -> Option<i64> {
        match self {
            ChangeMade::DroppedTable(id)
            | ChangeMade::AlteredTable(id)
            | ChangeMade::InsertedInto(id)
            | ChangeMade::DeletedFrom(id)
            | ChangeMade::InlinedInsert(id)
            | ChangeMade::InlinedDelete(id)
            | ChangeMade::InlineFlush(id)
            | ChangeMade::MergedAdjacent(id)
            | ChangeMade::RewroteDeletes(id) => Some(*id),
            // Changes of kinds that we do not know may be about a table: better a cache emptied than a stale one.
            ChangeMade::Other(id) => *id,
            ChangeMade::CreatedSchema(_)
            | ChangeMade::DroppedSchema(_)
            | ChangeMade::CreatedTable(..)
            | ChangeMade::CreatedView(..)
            | ChangeMade::DroppedView(_)
            | ChangeMade::AlteredView(_) => None,
        }
    }

    fn text(&self) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        match self {
            ChangeMade::CreatedSchema(name) => format!("created_schema:{}", quoted(name)),
            ChangeMade::DroppedSchema(id) => format!("dropped_schema:{id}"),
            ChangeMade::CreatedTable(schema, name) => format!("created_table:{}.{}", quoted(schema), quoted(name)),
            ChangeMade::DroppedTable(id) => format!("dropped_table:{id}"),
            ChangeMade::AlteredTable(id) => format!("altered_table:{id}"),
            ChangeMade::CreatedView(schema, name) => format!("created_view:{}.{}", quoted(schema), quoted(name)),
            ChangeMade::DroppedView(id) => format!("dropped_view:{id}"),
            ChangeMade::AlteredView(id) => format!("altered_view:{id}"),
            ChangeMade::InsertedInto(id) => format!("inserted_into_table:{id}"),
            ChangeMade::DeletedFrom(id) => format!("deleted_from_table:{id}"),
            ChangeMade::InlinedInsert(id) => format!("inlined_insert:{id}"),
            ChangeMade::InlinedDelete(id) => format!("inlined_delete:{id}"),
            ChangeMade::InlineFlush(id) => format!("inline_flush:{id}"),
            ChangeMade::MergedAdjacent(id) => format!("merge_adjacent:{id}"),
            ChangeMade::RewroteDeletes(id) => format!("rewrite_delete:{id}"),
            ChangeMade::Other(_) => String::new(),
        }
    }

    fn parse(kind: &str, value: &str) -> ChangeMade {
        let number = value.parse::<i64>().ok();
        let names = names_of(value);
        match (kind, number, names.as_slice()) {
            ("created_schema", _, [name]) => ChangeMade::CreatedSchema(name.clone()),
            ("created_table", _, [schema, name]) => ChangeMade::CreatedTable(schema.clone(), name.clone()),
            ("created_view", _, [schema, name]) => ChangeMade::CreatedView(schema.clone(), name.clone()),
            ("dropped_schema", Some(id), _) => ChangeMade::DroppedSchema(id),
            ("dropped_table", Some(id), _) => ChangeMade::DroppedTable(id),
            ("altered_table", Some(id), _) => ChangeMade::AlteredTable(id),
            ("dropped_view", Some(id), _) => ChangeMade::DroppedView(id),
            ("altered_view", Some(id), _) => ChangeMade::AlteredView(id),
            ("inserted_into_table", Some(id), _) => ChangeMade::InsertedInto(id),
            ("deleted_from_table", Some(id), _) => ChangeMade::DeletedFrom(id),
            ("inlined_insert", Some(id), _) => ChangeMade::InlinedInsert(id),
            ("inlined_delete", Some(id), _) => ChangeMade::InlinedDelete(id),
            ("inline_flush" | "flushed_inlined", Some(id), _) => ChangeMade::InlineFlush(id),
            ("merge_adjacent" | "compacted_table", Some(id), _) => ChangeMade::MergedAdjacent(id),
            ("rewrite_delete", Some(id), _) => ChangeMade::RewroteDeletes(id),
            (_, number, _) => ChangeMade::Other(number),
        }
    }
}

/// The text of several changes, each said once.
pub(crate) fn to_text(changes: &[ChangeMade]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for change in changes {
        let text = change.text();
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(",")
}

/// The changes that a text names.
pub(crate) fn from_text(text: &str) -> Vec<ChangeMade> {
    split_outside_quotes(text, ',')
        .into_iter()
        .filter_map(|entry| {
            entry
                .split_once(':')
                .map(|(kind, value)| ChangeMade::parse(kind.trim(), value.trim()))
        })
        .collect()
}

/// `"public"."t"` as its names.
fn names_of(value: &str) -> Vec<String> {
    split_outside_quotes(value, '.')
        .into_iter()
        .map(|name| {
            name.strip_prefix('"')
                .and_then(|name| name.strip_suffix('"'))
                .unwrap_or(name)
                .replace("\"\"", "\"")
        })
        .collect()
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut is_quoted = false;
    for (position, character) in text.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            found if found == separator && !is_quoted => {
                parts.push(&text[start..position]);
                start = position + found.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_duckdb_writes_is_understood_and_written_back_the_same() {
        for text in [
            r#"created_schema:"public""#,
            r#"created_table:"public"."t",inserted_into_table:2"#,
            r#"created_view:"a,b"."x"".y""#,
            "inlined_insert:3,inlined_delete:3",
            "deleted_from_table:3,inline_flush:3,inline_flush:8",
            "dropped_view:5",
        ] {
            assert_eq!(to_text(&from_text(text)), text);
        }
    }

    #[test]
    fn a_change_of_an_unknown_kind_still_counts_for_its_table() {
        assert_eq!(from_text("polished_table:7"), [ChangeMade::Other(Some(7))]);
        assert_eq!(from_text("polished_table:7")[0].table_id(), Some(7));
        assert_eq!(from_text(""), []);
    }
}
