//! Quantiles for colour scales: for each number of classes from 3 to 20, the ends and the breaks between.

use serde_json::{Map, Value, json};

/// Numbers of classes that clients ask for.
const CLASSES: std::ops::RangeInclusive<usize> = 3..=20;

/// `{"3": [min, break, break, max], …, "20": […]}` of numbers in ascending order, with N + 1 numbers for N classes.
///
/// Breaks lie between neighbours where they do not fall on a number: PERCENTILE_CONT of SQL:2003.
pub(crate) fn quantiles(sorted: &[f64]) -> Value {
    let all: Map<String, Value> = CLASSES
        .map(|classes| {
            let breaks: Vec<f64> = (0..=classes).filter_map(|index| at(sorted, index, classes)).collect();
            (classes.to_string(), json!(breaks))
        })
        .collect();
    Value::Object(all)
}

/// The number below which `index` of `classes` parts lie.
fn at(sorted: &[f64], index: usize, classes: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = last * index;
    let (below, rest) = (place / classes, place % classes);
    let low = sorted[below];
    if rest == 0 {
        return Some(low);
    }
    Some(low + (sorted[below + 1] - low) * (rest as f64 / classes as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy 1.24: numpy.quantile([1, 2, 4, 8, 16, 32, 64], [0, 1/3, 2/3, 1]) and [0, .25, .5, .75, 1].
    #[test]
    fn breaks_are_numpys() {
        let quantiles = quantiles(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        assert_eq!(quantiles["3"], json!([1.0, 4.0, 16.0, 64.0]));
        assert_eq!(quantiles["4"], json!([1.0, 3.0, 8.0, 24.0, 64.0]));
        for classes in CLASSES {
            assert_eq!(
                quantiles[classes.to_string()].as_array().map(Vec::len),
                Some(classes + 1)
            );
        }
    }

    #[test]
    fn one_number_is_every_break() {
        assert_eq!(quantiles(&[5.0])["3"], json!([5.0, 5.0, 5.0, 5.0]));
        assert_eq!(quantiles(&[])["3"], json!([]));
    }
}
