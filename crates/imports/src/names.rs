//! Names of columns: lower case, no spaces or signs, no two the same.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Columns that the warehouse keeps for itself.
const RESERVED: [&str; 6] = ["_qb", "_lod", "_xmin", "_ymin", "_xmax", "_ymax"];
/// Longest name, in characters.
const LONGEST: usize = 63;

/// Gives out names that are not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    pub(crate) fn take(&mut self, original: &str, position: usize) -> String {
        let name = sanitised(original).unwrap_or_else(|| format!("column_{position}"));
        let mut free = name.clone();
        let mut number = 2;
        while self.taken.contains(&free) || RESERVED.contains(&free.as_str()) {
            free = format!("{name}_{number}");
            number += 1;
        }
        self.taken.insert(free.clone());
        free
    }
}

/// `Straße (m²)` → `strasse_m2`; `None` when nothing is left.
pub(crate) fn sanitised(original: &str) -> Option<String> {
    let spelled = original
        .replace('ß', "ss")
        .replace(['ø', 'Ø'], "o")
        .replace(['æ', 'Æ'], "ae")
        .replace(['ł', 'Ł'], "l");
    let mut name = String::new();
    for character in spelled
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
    {
        if character.is_alphanumeric() {
            name.push(character);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    // One underscore in front may be meant; those made from signs at the ends are not.
    let keeps_first = original.trim_start().starts_with('_');
    let trimmed = name.trim_matches('_');
    if trimmed.is_empty() {
        return None;
    }
    let starts_with_digit = trimmed.starts_with(|c: char| c.is_numeric());
    let prefix = if starts_with_digit || keeps_first { "_" } else { "" };
    Some(format!("{prefix}{trimmed}").chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(originals: &[&str], expected: &[&str]) {
        let mut names = Names::default();
        let given: Vec<String> = originals
            .iter()
            .enumerate()
            .map(|(at, name)| names.take(name, at + 1))
            .collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn names_are_lower_case_words() {
        check(
            &["Name", "Pop. 2020", "  Área (km²) ", "straße"],
            &["name", "pop_2020", "area_km2", "strasse"],
        );
        check(&["2020", "_id", "città", "名前"], &["_2020", "_id", "citta", "名前"]);
    }

    #[test]
    fn two_columns_never_share_a_name() {
        check(
            &["name", "NAME", "Name!", "name_2"],
            &["name", "name_2", "name_3", "name_2_2"],
        );
    }

    #[test]
    fn a_name_of_signs_alone_becomes_its_position() {
        check(&["a", "", "???"], &["a", "column_2", "column_3"]);
    }

    #[test]
    fn the_warehouses_own_columns_are_not_given_away() {
        check(&["_qb", "_LOD"], &["_qb_2", "_lod_2"]);
    }
}
