//! How a CSV file is written: what stands between values, and whether the first line is a heading.

/// Candidates, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records of the sample that are compared.
const COMPARED: usize = 50;

/// The delimiter that cuts the sample into the most columns, the same number in each record.
pub(crate) fn delimiter(sample: &[u8], is_whole_file: bool) -> u8 {
    let mut best = (0.0, b',');
    for candidate in DELIMITERS {
        let score = score(sample, candidate, is_whole_file);
        if score > best.0 {
            best = (score, candidate);
        }
    }
    best.1
}

/// Share of records with as many values as the first, times how many values that are.
fn score(sample: &[u8], delimiter: u8, is_whole_file: bool) -> f64 {
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(sample);
    let mut lengths: Vec<usize> = reader
        .byte_records()
        .take(COMPARED)
        .map_while(Result::ok)
        .map(|r| r.len())
        .collect();
    if !is_whole_file && lengths.len() > 1 && lengths.len() < COMPARED {
        // The last record may be cut in the middle.
        lengths.pop();
    }
    let Some(first) = lengths.first().copied().filter(|first| *first > 1) else {
        return 0.0;
    };
    let alike = lengths.iter().filter(|length| **length == first).count();
    let share = alike as f64 / lengths.len() as f64;
    // Agreement counts more than the number of columns: text is full of commas.
    share * share * share * (1.0 + (first as f64).ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sample: &str, expected: char) {
        assert_eq!(char::from(delimiter(sample.as_bytes(), true)), expected, "{sample:?}");
    }

    #[test]
    fn the_delimiter_is_found() {
        check("a,b\n1,2\n", ',');
        check("a;b\n1,5;2,5\n", ';');
        check("a\tb\n1\t2\n", '\t');
        check("a|b|c\n1|2|3\n", '|');
        check("name;note\nA;one, two, three\nB;four\n", ';');
        check("wkt,name\n\"POINT(1 2)\",\"a;b\"\n", ',');
        check("alone\n1\n2\n", ',');
        check("\"multi\nline\";2\nx;3\n", ';');
    }
}
