//! Bytes of a CSV file as text: UTF-8, UTF-16 with a mark, or Windows-1252.

use std::borrow::Cow;
use std::io::{self, Read};

/// Reads a file as UTF-8, if it begins with the mark of UTF-16; all else goes through as it is.
pub(crate) struct Utf8<R> {
    inner: R,
    order: Option<Order>,
    /// Bytes that were looked at, or wait for their other half.
    waiting: Vec<u8>,
    ready: Vec<u8>,
    at: usize,
    is_done: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Little,
    Big,
}

impl<R: Read> Utf8<R> {
    pub(crate) fn new(mut inner: R) -> io::Result<Self> {
        let mut mark = Vec::new();
        inner.by_ref().take(3).read_to_end(&mut mark)?;
        let (order, skip) = match mark.as_slice() {
            [0xef, 0xbb, 0xbf] => (None, 3),
            [0xff, 0xfe, ..] => (Some(Order::Little), 2),
            [0xfe, 0xff, ..] => (Some(Order::Big), 2),
            _ => (None, 0),
        };
        let rest = mark.split_off(skip);
        let (waiting, ready) = if order.is_some() {
            (rest, Vec::new())
        } else {
            (Vec::new(), rest)
        };
        Ok(Self {
            inner,
            order,
            waiting,
            ready,
            at: 0,
            is_done: false,
        })
    }

    /// Turns the next part of a UTF-16 file.
    fn fill(&mut self, order: Order) -> io::Result<()> {
        let mut part = [0; 32 * 1024];
        let read = self.inner.read(&mut part)?;
        self.is_done = read == 0;
        self.waiting.extend_from_slice(&part[..read]);
        let units: Vec<u16> = self
            .waiting
            .chunks_exact(2)
            .map(|pair| match order {
                Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
                Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
            })
            .collect();
        // The first half of a pair waits for the second.
        let whole = match units.last() {
            Some(0xd800..=0xdbff) if !self.is_done => units.len() - 1,
            _ => units.len(),
        };
        let text: String = char::decode_utf16(units[..whole].iter().copied())
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect();
        self.waiting.drain(..2 * whole);
        self.ready = text.into_bytes();
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.ready.len() {
            match self.order {
                None => return self.inner.read(out),
                Some(_) if self.is_done => return Ok(0),
                Some(order) => self.fill(order)?,
            }
        }
        let count = out.len().min(self.ready.len() - self.at);
        out[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A cell as text; bytes that are no UTF-8 are taken for Windows-1252.
pub(crate) fn decoded(cell: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(cell.iter().map(|byte| windows_1252(*byte)).collect()),
    }
}

/// The characters of Windows-1252 from 0x80 to 0x9f; the rest is Latin-1. Unused places stay controls.
const UPPER: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => UPPER[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> String {
        let mut text = String::new();
        // One byte at a time, as a slow disk might.
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(out.len()).min(1);
                out[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        Utf8::new(Slow(bytes)).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn marks_are_understood_and_left_out() {
        assert_eq!(read("\u{feff}a,ñ".as_bytes()), "a,ñ");
        assert_eq!(read("a".as_bytes()), "a");
        assert_eq!(read(b""), "");
        let little: Vec<u8> = "\u{feff}a,ñ😀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}a,ñ😀".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(&little), "a,ñ😀");
        assert_eq!(read(&big), "a,ñ😀");
    }

    #[test]
    fn old_western_text_is_understood() {
        assert_eq!(decoded(b"Espa\xf1a \x80"), "España €");
        assert_eq!(decoded("España".as_bytes()), "España");
    }
}
