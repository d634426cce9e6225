//! Values that the catalog keeps as DuckDB's text (defaults, inlined rows) as Arrow arrays.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, Float32Array, Float64Array, ListArray, MapArray, StringArray, StructArray, new_null_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::table::Column;
use crate::types::field_of;

/// What stands before the digits of a blob that was read from the catalog as hexadecimal.
pub(super) const HEX: &str = "hex:";

/// Texts as an array of the type that the engine shows for the column.
pub(crate) fn array_from_texts(column: &Column, texts: &[Option<String>]) -> Result<ArrayRef> {
    let values: Vec<Literal> = texts
        .iter()
        .map(|text| match text {
            None => Literal::Null,
            Some(text) if column.children.is_empty() => Literal::Scalar(text.clone()),
            Some(text) => Literal::parse(text),
        })
        .collect();
    array_of(column, &values)
}

/// One value of a nested text.
#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Null,
    Scalar(String),
    List(Vec<Literal>),
    /// Fields of a struct by name, or entries of a map by key.
    Entries(Vec<(Literal, Literal)>),
}

fn array_of(column: &Column, values: &[Literal]) -> Result<ArrayRef> {
    match &column.data_type {
        DataType::List(_) => list_of(column, values),
        DataType::Struct(_) => struct_of(column, values),
        DataType::Map(..) => map_of(column, values),
        _ => scalars_of(column, values),
    }
}

fn scalars_of(column: &Column, values: &[Literal]) -> Result<ArrayRef> {
    let mut texts: Vec<Option<&str>> = Vec::with_capacity(values.len());
    for value in values {
        texts.push(match value {
            Literal::Null => None,
            Literal::Scalar(text) => Some(text),
            Literal::List(_) | Literal::Entries(_) => return Err(unreadable(column, &format!("{value:?}"))),
        });
    }
    let float = |text: &str| text.parse::<f64>().map_err(|_| unreadable(column, text));
    match &column.data_type {
        DataType::Float64 => {
            let numbers: Vec<Option<f64>> = texts
                .iter()
                .map(|text| text.map(float).transpose())
                .collect::<Result<_>>()?;
            Ok(Arc::new(Float64Array::from(numbers)))
        }
        DataType::Float32 => {
            let numbers: Vec<Option<f32>> = texts
                .iter()
                .map(|text| text.map(|text| float(text).map(|n| n as f32)).transpose())
                .collect::<Result<_>>()?;
            Ok(Arc::new(Float32Array::from(numbers)))
        }
        DataType::Binary | DataType::BinaryView => {
            let blobs: Vec<Option<Vec<u8>>> = texts.iter().map(|text| text.map(blob_from_text)).collect();
            let array = BinaryArray::from_iter(blobs);
            Ok(cast_with_options(&array, &column.data_type, &strict())?)
        }
        other => cast_with_options(&StringArray::from(texts.clone()), other, &strict()).map_err(|error| {
            Error::Damaged(format!(
                "the catalog's values of column {} ({}): {error}",
                column.name, column.type_name
            ))
        }),
    }
}

fn list_of(column: &Column, values: &[Literal]) -> Result<ArrayRef> {
    let element = child(column, 0)?;
    let mut elements = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Literal::Null => lengths.push(0),
            Literal::List(items) => {
                lengths.push(items.len());
                elements.extend(items.iter().cloned());
            }
            Literal::Scalar(_) | Literal::Entries(_) => return Err(unreadable(column, &format!("{value:?}"))),
        }
    }
    let array = ListArray::try_new(
        Arc::new(field_of(element)),
        OffsetBuffer::from_lengths(lengths),
        array_of(element, &elements)?,
        nulls(values),
    )?;
    Ok(Arc::new(array))
}

fn struct_of(column: &Column, values: &[Literal]) -> Result<ArrayRef> {
    let mut arrays = Vec::with_capacity(column.children.len());
    for field in &column.children {
        let mut of_field = Vec::with_capacity(values.len());
        for value in values {
            of_field.push(match value {
                Literal::Null => Literal::Null,
                Literal::Entries(entries) => entries
                    .iter()
                    .find(|(name, _)| *name == Literal::Scalar(field.name.clone()))
                    .map_or(Literal::Null, |(_, value)| value.clone()),
                Literal::Scalar(_) | Literal::List(_) => return Err(unreadable(column, &format!("{value:?}"))),
            });
        }
        arrays.push(array_of(field, &of_field)?);
    }
    let fields = column.children.iter().map(field_of).collect();
    Ok(Arc::new(StructArray::try_new(fields, arrays, nulls(values))?))
}

fn map_of(column: &Column, values: &[Literal]) -> Result<ArrayRef> {
    let DataType::Map(entries_field, is_sorted) = &column.data_type else {
        return Err(unreadable(column, "no map"));
    };
    let DataType::Struct(fields) = entries_field.data_type() else {
        return Err(unreadable(column, "no entries"));
    };
    let (mut keys, mut items, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        match value {
            Literal::Null => lengths.push(0),
            Literal::Entries(entries) => {
                lengths.push(entries.len());
                for (key, item) in entries {
                    keys.push(key.clone());
                    items.push(item.clone());
                }
            }
            Literal::Scalar(_) | Literal::List(_) => return Err(unreadable(column, &format!("{value:?}"))),
        }
    }
    let entries = StructArray::try_new(
        fields.clone(),
        vec![
            array_of(child(column, 0)?, &keys)?,
            array_of(child(column, 1)?, &items)?,
        ],
        None,
    )?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let array = MapArray::try_new(entries_field.clone(), offsets, entries, nulls(values), *is_sorted)?;
    Ok(Arc::new(array))
}

fn child(column: &Column, index: usize) -> Result<&Column> {
    column
        .children
        .get(index)
        .ok_or_else(|| unreadable(column, "its inner type is missing"))
}

fn nulls(values: &[Literal]) -> Option<NullBuffer> {
    Some(NullBuffer::from_iter(
        values.iter().map(|value| *value != Literal::Null),
    ))
}

fn strict() -> CastOptions<'static> {
    CastOptions {
        safe: false,
        ..CastOptions::default()
    }
}

fn unreadable(column: &Column, what: &str) -> Error {
    Error::Damaged(format!(
        "the catalog's value '{what}' of column {} is no {}",
        column.name, column.type_name
    ))
}

/// Rows of nulls, or of a column's initial default: what rows hold that were written before the column was added.
pub(crate) fn array_before_column(column: &Column, rows: usize) -> Result<ArrayRef> {
    match &column.initial_default {
        None => Ok(new_null_array(&column.data_type, rows)),
        Some(text) => array_from_texts(column, &vec![Some(text.clone()); rows]),
    }
}

/// DuckDB's text of a blob: printable characters as they are, other bytes as `\xNN`. Inlined blobs come as `hex:…`.
fn blob_from_text(text: &str) -> Vec<u8> {
    if let Some(bytes) = text.strip_prefix(HEX).and_then(|digits| hex::decode(digits).ok()) {
        return bytes;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'\\'
            && let [b'x', high, low, after @ ..] = after
            && let (Some(high), Some(low)) = ((*high as char).to_digit(16), (*low as char).to_digit(16))
        {
            bytes.push((high * 16 + low) as u8);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

impl Literal {
    /// DuckDB's text of a list `[1, NULL]`, a struct `{'a': 1}` or a map `{k=1}`.
    fn parse(text: &str) -> Literal {
        let mut characters = text.chars().peekable();
        parse_value(&mut characters)
    }
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn parse_value(characters: &mut Characters<'_>) -> Literal {
    skip_spaces(characters);
    match characters.peek() {
        Some('[') => {
            characters.next();
            let mut items = Vec::new();
            while !ends(characters, ']') {
                items.push(parse_value(characters));
            }
            Literal::List(items)
        }
        Some('{') => {
            characters.next();
            let mut entries = Vec::new();
            while !ends(characters, '}') {
                let key = parse_value(characters);
                skip_spaces(characters);
                characters.next_if(|next| matches!(next, ':' | '='));
                entries.push((key, parse_value(characters)));
            }
            Literal::Entries(entries)
        }
        Some(&quote @ ('\'' | '"')) => {
            characters.next();
            Literal::Scalar(parse_quoted(characters, quote))
        }
        Some(_) | None => parse_bare(characters),
    }
}

/// Whether the closing bracket comes next, after an optional comma; takes it when it does.
fn ends(characters: &mut Characters<'_>, closing: char) -> bool {
    skip_spaces(characters);
    characters.next_if_eq(&',');
    skip_spaces(characters);
    match characters.peek() {
        None => true,
        Some(next) if *next == closing => {
            characters.next();
            true
        }
        Some(_) => false,
    }
}

fn parse_quoted(characters: &mut Characters<'_>, quote: char) -> String {
    let mut text = String::new();
    while let Some(character) = characters.next() {
        if character == '\\' {
            text.extend(characters.next());
        } else if character == quote {
            if characters.next_if_eq(&quote).is_none() {
                break;
            }
            text.push(quote);
        } else {
            text.push(character);
        }
    }
    text
}

fn parse_bare(characters: &mut Characters<'_>) -> Literal {
    let mut text = String::new();
    while let Some(character) = characters.next_if(|next| !matches!(next, ',' | ']' | '}' | '=')) {
        // A time has colons inside; the colon after a struct's key is followed by a space.
        if character == ':' && characters.peek() == Some(&' ') {
            break;
        }
        text.push(character);
    }
    let text = text.trim();
    if text.is_empty() {
        // Nothing left to take: step over whatever stands in the way.
        characters.next_if(|next| *next == '=');
    }
    if text == "NULL" {
        Literal::Null
    } else {
        Literal::Scalar(text.to_owned())
    }
}

fn skip_spaces(characters: &mut Characters<'_>) {
    while characters.next_if(|next| next.is_whitespace()).is_some() {}
}

/// A column for tests.
#[cfg(test)]
fn nested(name: &str, type_name: &str, children: Vec<Column>) -> Column {
    let data_type = crate::types::arrow_from_type_name(type_name, &children).unwrap();
    Column {
        id: 1,
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        data_type,
        nullable: true,
        description: None,
        initial_default: None,
        default_value: None,
        default_is_expression: false,
        crs: None,
        children,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::util::display::array_value_to_string;

    fn check(type_name: &str, children: Vec<Column>, text: &str, expected: &str) {
        let column = nested("c", type_name, children);
        let array = array_from_texts(&column, &[Some(text.to_owned()), None]).unwrap();
        assert_eq!(array.data_type(), &column.data_type);
        assert_eq!(array_value_to_string(&array, 0).unwrap(), expected);
        assert!(array.is_null(1));
    }

    #[test]
    fn duckdb_texts_become_values() {
        check("boolean", vec![], "1", "true");
        check("boolean", vec![], "true", "true");
        check("int64", vec![], "-7", "-7");
        check("uint64", vec![], "18446744073709551615", "18446744073709551615");
        check(
            "decimal(30,2)",
            vec![],
            "12345678901234567890.25",
            "12345678901234567890.25",
        );
        check("float64", vec![], "nan", "NaN");
        check("float64", vec![], "-inf", "-inf");
        check("float64", vec![], "Infinity", "inf");
        check("date", vec![], "2020-01-02", "2020-01-02");
        check("time", vec![], "01:02:03.456", "01:02:03.456");
        check(
            "timestamp",
            vec![],
            "2020-01-02 03:04:05.678",
            "2020-01-02T03:04:05.678",
        );
        check("timestamptz", vec![], "2020-01-02 03:04:05+00", "2020-01-02T03:04:05Z");
        check(
            "timestamp_ns",
            vec![],
            "2020-01-02 03:04:05.123456789",
            "2020-01-02T03:04:05.123456789",
        );
        check("varchar", vec![], "[it's 'text']", "[it's 'text']");
        check("blob", vec![], "\\x00b\\xFF", "0062ff");
        check("blob", vec![], "hex:0062FF", "0062ff");
    }

    #[test]
    fn nested_texts_become_values() {
        let int = || nested("element", "int32", vec![]);
        let text = |name: &str| nested(name, "varchar", vec![]);
        check("list", vec![int()], "[1, 2, NULL]", "[1, 2, ]");
        check(
            "list",
            vec![text("element")],
            "['a,b', NULL, 'NULL', '', 'it\\'s']",
            "[a,b, , NULL, , it's]",
        );
        check(
            "struct",
            vec![nested("a", "int32", vec![]), text("b")],
            "{'a': 1, 'b': 'x ''q'', \"z\"'}",
            "{a: 1, b: x 'q', \"z\"}",
        );
        check(
            "map",
            vec![text("key"), nested("value", "int32", vec![])],
            "{k=1, l=2}",
            "{k: 1, l: 2}",
        );
        let inner = nested("a", "list", vec![int()]);
        check(
            "list",
            vec![nested("element", "struct", vec![inner, text("b")])],
            "[{'a': [1, 2], 'b': 12:30:00}, NULL]",
            "[{a: [1, 2], b: 12:30:00}, ]",
        );
    }
}
