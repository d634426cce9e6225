//! Cuts a GeoJSON file into its features without holding it in memory.
//!
//! A feature collection of gigabytes is one JSON value. The scanner walks through its bytes, keeps only the element of
//! `features` it is at, and hands that over as text; so one broken feature does not spoil the others.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use crate::error::{Error, Result};

/// The most bytes that one feature, or another member of the file, may have.
const LONGEST: usize = 64 << 20;

/// What the scanner finds.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// The text of a feature or geometry.
    Value(Vec<u8>),
    /// A feature collection ends; its other members, such as `crs`, as text.
    CollectionEnd(HashMap<String, Vec<u8>>),
}

pub(crate) struct Scanner<R> {
    input: BufReader<R>,
    /// Bytes read, for progress.
    at: u64,
    state: State,
    members: HashMap<String, Vec<u8>>,
}

#[derive(Debug, PartialEq)]
enum State {
    /// Between values at the top of the file.
    Top,
    /// Inside an array of features; `in_collection` says whether an object is around it.
    Elements { in_collection: bool },
    /// Inside the object of a collection, after `features`.
    Members,
}

impl<R: Read> Scanner<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(256 * 1024, input),
            at: 0,
            state: State::Top,
            members: HashMap::new(),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.at
    }

    /// The next item; none at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Item>> {
        loop {
            match self.state {
                State::Top => {
                    let Some(byte) = self.peek_mark()? else { return Ok(None) };
                    match byte {
                        b'[' => {
                            self.skip(1)?;
                            self.state = State::Elements { in_collection: false };
                        }
                        b'{' => {
                            self.skip(1)?;
                            if let Some(item) = self.object()? {
                                return Ok(Some(item));
                            }
                        }
                        // Between the values of some files.
                        b',' | 0x1e => self.skip(1)?,
                        other => {
                            return Err(damaged(format!(
                                "'{}' stands where a feature should begin",
                                char::from(other)
                            )));
                        }
                    }
                }
                State::Elements { in_collection } => match self.peek_mark()? {
                    Some(b']') => {
                        self.skip(1)?;
                        self.state = if in_collection { State::Members } else { State::Top };
                    }
                    Some(b',') => self.skip(1)?,
                    Some(_) => return Ok(Some(Item::Value(self.value()?))),
                    None => return Err(ends_too_early()),
                },
                State::Members => {
                    if let Some(item) = self.object()? {
                        return Ok(Some(item));
                    }
                }
            }
        }
    }

    /// Walks through the members of an object up to `features` or its end.
    fn object(&mut self) -> Result<Option<Item>> {
        let in_collection = self.state == State::Members;
        loop {
            match self.peek_mark()? {
                None => return Err(ends_too_early()),
                Some(b',') => self.skip(1)?,
                Some(b'}') => {
                    self.skip(1)?;
                    self.state = State::Top;
                    let members = std::mem::take(&mut self.members);
                    return Ok(Some(if in_collection {
                        Item::CollectionEnd(members)
                    } else {
                        Item::Value(text_of(&members))
                    }));
                }
                Some(b'"') => {
                    let key = self.value()?;
                    let key: String = serde_json::from_slice(&key).map_err(|e| damaged(e.to_string()))?;
                    if self.peek_mark()? != Some(b':') {
                        return Err(damaged(format!("':' is missing after \"{key}\"")));
                    }
                    self.skip(1)?;
                    // Looking also steps over the spaces before the value.
                    let first = self.peek_mark()?;
                    if key == "features" && first == Some(b'[') {
                        self.skip(1)?;
                        self.state = State::Elements { in_collection: true };
                        return Ok(None);
                    }
                    let value = self.value()?;
                    self.members.insert(key, value);
                }
                Some(other) => {
                    return Err(damaged(format!(
                        "'{}' stands where a name should begin",
                        char::from(other)
                    )));
                }
            }
        }
    }

    /// The text of the value that begins here.
    fn value(&mut self) -> Result<Vec<u8>> {
        let mut value = Vec::new();
        let (mut depth, mut in_text, mut is_escaped) = (0usize, false, false);
        loop {
            let buffer = self.input.fill_buf().map_err(|e| damaged(e.to_string()))?;
            if buffer.is_empty() {
                // A number at the very end of the file is whole; nothing else is.
                return if depth == 0 && !in_text && !value.is_empty() {
                    Ok(value)
                } else {
                    Err(ends_too_early())
                };
            }
            let mut taken = 0;
            let mut is_done = false;
            for byte in buffer {
                if in_text {
                    taken += 1;
                    match byte {
                        _ if is_escaped => is_escaped = false,
                        b'\\' => is_escaped = true,
                        b'"' => {
                            in_text = false;
                            is_done = depth == 0;
                        }
                        _ => {}
                    }
                } else {
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' if depth == 0 => {
                            is_done = true;
                            break;
                        }
                        b'}' | b']' => {
                            depth -= 1;
                            is_done = depth == 0;
                        }
                        b'"' => in_text = true,
                        b',' | b':' if depth == 0 => {
                            is_done = true;
                            break;
                        }
                        byte if depth == 0 && byte.is_ascii_whitespace() && !(value.is_empty() && taken == 0) => {
                            is_done = true;
                            break;
                        }
                        _ => {}
                    }
                    taken += 1;
                }
                if is_done {
                    break;
                }
            }
            value.extend_from_slice(&buffer[..taken]);
            self.skip(taken)?;
            if value.len() > LONGEST {
                return Err(Error::TooLarge {
                    what: "A feature".to_owned(),
                    limit_megabytes: (LONGEST >> 20) as u64,
                });
            }
            if is_done {
                return if value.is_empty() {
                    Err(damaged("a value is missing".to_owned()))
                } else {
                    Ok(value)
                };
            }
        }
    }

    /// The next byte that is no space, not taken yet.
    fn peek_mark(&mut self) -> Result<Option<u8>> {
        loop {
            let buffer = self.input.fill_buf().map_err(|e| damaged(e.to_string()))?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let spaces = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let found = buffer.get(spaces).copied();
            // The mark of UTF-8 at the front of the file.
            let is_mark = self.at == 0 && buffer.starts_with(b"\xef\xbb\xbf");
            self.skip(if is_mark { 3 } else { spaces })?;
            if let (Some(byte), false) = (found, is_mark) {
                return Ok(Some(byte));
            }
        }
    }

    fn skip(&mut self, bytes: usize) -> Result<()> {
        self.input.consume(bytes);
        self.at += bytes as u64;
        Ok(())
    }
}

/// An object again, from its members.
fn text_of(members: &HashMap<String, Vec<u8>>) -> Vec<u8> {
    let mut text = b"{".to_vec();
    for (at, (key, value)) in members.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.extend_from_slice(serde_json::Value::from(key.as_str()).to_string().as_bytes());
        text.push(b':');
        text.extend_from_slice(value);
    }
    text.push(b'}');
    text
}

fn ends_too_early() -> Error {
    damaged("it ends too early; was it copied whole?".to_owned())
}

fn damaged(reason: String) -> Error {
    Error::Damaged {
        format: "GeoJSON",
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut values = Vec::new();
        while let Some(item) = scanner.next().unwrap() {
            if let Item::Value(value) = item {
                values.push(String::from_utf8(value).unwrap());
            }
        }
        values
    }

    fn error(text: &str) -> String {
        let mut scanner = Scanner::new(text.as_bytes());
        loop {
            match scanner.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("no error in {text}"),
                Err(error) => return error.to_string(),
            }
        }
    }

    #[test]
    fn features_are_cut_out_of_a_collection() {
        let text = r#" {"type": "FeatureCollection", "crs": {"a": [1, 2]}, "features": [ {"a": "]}\"{"} , {"b": [1,[2]]} ], "bbox": [1,2]} "#;
        assert_eq!(values(text), [r#"{"a": "]}\"{"}"#, r#"{"b": [1,[2]]}"#]);
        let mut scanner = Scanner::new(text.as_bytes());
        let mut last = None;
        while let Some(item) = scanner.next().unwrap() {
            last = Some(item);
        }
        let Some(Item::CollectionEnd(members)) = last else {
            panic!("no end")
        };
        assert_eq!(members["crs"], br#"{"a": [1, 2]}"#);
        assert_eq!(members["bbox"], b"[1,2]");
    }

    #[test]
    fn features_may_stand_one_per_line_or_alone_or_in_a_list() {
        assert_eq!(values("{\"a\":1}\n{\"a\":2}\n"), [r#"{"a":1}"#, r#"{"a":2}"#]);
        assert_eq!(
            values("\u{feff}\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}"),
            [r#"{"a":1}"#, r#"{"a":2}"#]
        );
        assert_eq!(values(r#"[{"a":1},{"a":2}]"#), [r#"{"a":1}"#, r#"{"a":2}"#]);
        assert_eq!(values(r#"{"features":[]}"#), Vec::<String>::new());
        assert_eq!(values(""), Vec::<String>::new());
    }

    #[test]
    fn numbers_and_words_end_where_they_end() {
        assert_eq!(values("[1, true ,\"x\",null]"), ["1", "true", "\"x\"", "null"]);
    }

    #[test]
    fn what_is_no_json_is_said() {
        assert!(error(r#"{"features": [{"a": 1}"#).contains("too early"));
        assert!(error(r#"{"features": [{"a": 1"#).contains("too early"));
        assert!(error("name,age").contains("should begin"));
        assert!(error(r#"{features: []}"#).contains("name should begin"));
        assert!(error(r#"{"a" 1}"#).contains("':' is missing"));
        assert!(error(r#"{"features": [}]}"#).contains("value is missing"));
    }
}
