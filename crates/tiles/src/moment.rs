//! Dates and times as text, as the SQL API writes them: `2024-05-06T07:08:09.123Z`.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

/// A date or timestamp column.
pub(crate) enum Moments<'a> {
    Days(&'a PrimitiveArray<Date32Type>),
    Seconds(&'a PrimitiveArray<TimestampSecondType>),
    Milliseconds(&'a PrimitiveArray<TimestampMillisecondType>),
    Microseconds(&'a PrimitiveArray<TimestampMicrosecondType>),
    Nanoseconds(&'a PrimitiveArray<TimestampNanosecondType>),
}

impl<'a> Moments<'a> {
    /// `None` when the column is something else.
    pub(crate) fn of(array: &'a ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Date32 => Moments::Days(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Second, _) => Moments::Seconds(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Moments::Milliseconds(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Moments::Microseconds(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Moments::Nanoseconds(array.as_primitive()),
            _ => return None,
        })
    }

    /// Appends the text of a row; false for null and for years beyond 0 to 9999.
    pub(crate) fn write(&self, row: usize, out: &mut String) -> bool {
        fn parts<T: ArrowPrimitiveType<Native = i64>>(
            array: &PrimitiveArray<T>,
            row: usize,
            per_second: i64,
        ) -> Option<(i64, i64)> {
            let value = array.is_valid(row).then(|| array.value(row))?;
            Some((
                value.div_euclid(per_second),
                value.rem_euclid(per_second) * (1_000_000_000 / per_second),
            ))
        }
        let moment = match self {
            Moments::Days(array) => {
                return array.is_valid(row) && date(i64::from(array.value(row)), out);
            }
            Moments::Seconds(array) => parts(array, row, 1),
            Moments::Milliseconds(array) => parts(array, row, 1_000),
            Moments::Microseconds(array) => parts(array, row, 1_000_000),
            Moments::Nanoseconds(array) => parts(array, row, 1_000_000_000),
        };
        let Some((seconds, nanoseconds)) = moment else {
            return false;
        };
        if !date(seconds.div_euclid(86_400), out) {
            return false;
        }
        let second_of_day = seconds.rem_euclid(86_400);
        for (separator, value) in [
            ('T', second_of_day / 3600),
            (':', second_of_day / 60 % 60),
            (':', second_of_day % 60),
        ] {
            out.push(separator);
            digits(value, 2, out);
        }
        if nanoseconds > 0 {
            out.push('.');
            // Three, six or nine digits, as few as say it all.
            match (nanoseconds % 1_000_000, nanoseconds % 1_000) {
                (0, _) => digits(nanoseconds / 1_000_000, 3, out),
                (_, 0) => digits(nanoseconds / 1_000, 6, out),
                _ => digits(nanoseconds, 9, out),
            }
        }
        out.push('Z');
        true
    }
}

/// Appends the date of a day counted from 1970. Howard Hinnant,
/// "chrono-compatible low-level date algorithms", `civil_from_days`.
fn date(days: i64, out: &mut String) -> bool {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if !(0..=9999).contains(&year) {
        return false;
    }
    digits(year, 4, out);
    out.push('-');
    digits(month, 2, out);
    out.push('-');
    digits(day, 2, out);
    true
}

fn digits(value: i64, count: u32, out: &mut String) {
    for place in (0..count).rev() {
        out.push(char::from(b'0' + (value / 10i64.pow(place) % 10) as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Date32Array, TimestampMicrosecondArray, TimestampSecondArray};
    use datafusion::arrow::datatypes::Field;
    use std::sync::Arc;

    /// What the SQL API writes is the oracle.
    fn check(array: ArrayRef) {
        let moments = Moments::of(&array).unwrap();
        let field = Field::new("t", array.data_type().clone(), true);
        for row in 0..array.len() {
            let mut text = String::new();
            let have = if moments.write(row, &mut text) {
                format!("\"{text}\"")
            } else {
                "null".to_owned()
            };
            let mut want = Vec::new();
            sources::rows::value(&array, &field, row, &mut want);
            assert_eq!(have, String::from_utf8(want).unwrap());
        }
    }

    #[test]
    fn times_are_written_as_the_sql_api_writes_them() {
        check(Arc::new(Date32Array::from(vec![
            Some(0),
            Some(-1),
            Some(19_782),
            Some(11_016),
            None,
            Some(-719_528),
        ])));
        check(Arc::new(TimestampSecondArray::from(vec![
            Some(0),
            Some(-1),
            Some(1_714_979_289),
            None,
        ])));
        check(Arc::new(TimestampMicrosecondArray::from(vec![
            Some(1_714_979_289_123_000),
            Some(1_714_979_289_123_456),
            Some(1_714_979_289_000_001),
            Some(-1),
        ])));
    }
}
