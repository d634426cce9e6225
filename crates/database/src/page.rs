//! Keyset paging: a page starts after the last row of the one before, wherever that row has moved to.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where the next page starts: the sort key of the last row, opaque to whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor after the row with this sort key, for example `(updated_at, id)`.
    pub fn after<K: Serialize>(key: &K) -> Cursor {
        let json = serde_json::to_vec(key).expect("sort keys are plain values, which always have a JSON form");
        Cursor(URL_SAFE_NO_PAD.encode(json))
    }

    /// The sort key in this cursor; [`Error::Cursor`] when it is not of this list.
    pub fn key<K: DeserializeOwned>(&self) -> Result<K> {
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| Error::Cursor)?;
        serde_json::from_slice(&json).map_err(|_| Error::Cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Ok(Cursor(text.to_owned()))
    }
}

/// Which page is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    limit: u32,
    after: Option<Cursor>,
}

impl PageRequest {
    /// Rows on a page when nobody says.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// Most rows on a page.
    pub const MAX_LIMIT: u32 = 1000;

    /// A page of `limit` rows, held within 1 and [`Self::MAX_LIMIT`].
    pub fn new(limit: Option<u32>, after: Option<Cursor>) -> Self {
        PageRequest {
            limit: limit.unwrap_or(Self::DEFAULT_LIMIT).clamp(1, Self::MAX_LIMIT),
            after,
        }
    }

    /// The sort key after which the page starts; none on the first page.
    pub fn key<K: DeserializeOwned>(&self) -> Result<Option<K>> {
        self.after.as_ref().map(Cursor::key).transpose()
    }

    /// What to give SQL's LIMIT: one row more than the page has, to see whether there is a next page.
    pub fn rows_to_fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self::new(None, None)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; none on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of rows fetched with [`PageRequest::rows_to_fetch`]; `key` is the sort key of a row.
    pub fn from_rows<K: Serialize>(mut rows: Vec<T>, request: &PageRequest, key: impl Fn(&T) -> K) -> Page<T> {
        let has_more = rows.len() > request.limit as usize;
        rows.truncate(request.limit as usize);
        let next = if has_more {
            rows.last().map(|row| Cursor::after(&key(row)))
        } else {
            None
        };
        Page { items: rows, next }
    }

    /// The same page of other things.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_the_pages_gives_every_row_once() {
        let rows: Vec<u32> = (0..7).collect();
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let request = PageRequest::new(Some(3), after);
            let key: Option<u32> = request.key().unwrap();
            let fetched = rows
                .iter()
                .copied()
                .filter(|r| key.is_none_or(|k| *r > k))
                .take(request.rows_to_fetch() as usize)
                .collect();
            let page = Page::from_rows(fetched, &request, |r| *r);
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        let request = PageRequest::new(None, Some("bm90IGpzb24".parse().unwrap()));
        assert!(matches!(request.key::<u32>(), Err(Error::Cursor)));
        let request = PageRequest::new(None, Some("%%%".parse().unwrap()));
        assert!(matches!(request.key::<u32>(), Err(Error::Cursor)));
    }
}
