//! Files and their statistics in the catalog, and the statistics over all files of a table.

use std::cmp::Ordering;
use std::collections::HashMap;

use database::on;

use crate::catalog::GeometryStatistics;
use crate::catalog::sql::{Value, fetch};
use crate::error::{Error, Result};

use super::publish::{Made, Publishing};
use super::{FileColumn, NewFile};

const FILE_FIELDS: [&str; 10] = [
    "data_file_id",
    "table_id",
    "begin_snapshot",
    "path",
    "path_is_relative",
    "file_format",
    "record_count",
    "file_size_bytes",
    "footer_size",
    "row_id_start",
];
const FILE_COLUMN_FIELDS: [&str; 10] = [
    "data_file_id",
    "table_id",
    "column_id",
    "column_size_bytes",
    "value_count",
    "null_count",
    "min_value",
    "max_value",
    "contains_nan",
    "extra_stats",
];

/// Adds files to a table. `resets` says that the table was empty before them, so that its statistics start anew.
pub(super) async fn add_files(
    publishing: &mut Publishing<'_>,
    table: &Made,
    files: &[NewFile],
    resets: bool,
) -> Result<()> {
    let prefix = publishing.prefix;
    let id = table.id;
    let totals: Vec<(i64, i64, i64)> = fetch(
        publishing.tx,
        format!(
            "SELECT record_count, next_row_id, file_size_bytes FROM {prefix}ducklake_table_stats WHERE table_id = {id}"
        ),
        &[],
    )
    .await?;
    let had_totals = !totals.is_empty();
    let (mut rows, mut next_row_id, mut bytes) = totals.first().copied().unwrap_or_default();
    let had_rows = rows > 0;
    if resets {
        (rows, bytes) = (0, 0);
    }
    if files.is_empty() && !had_totals {
        return Ok(());
    }
    let mut file_rows = Vec::with_capacity(files.len());
    let mut column_rows = Vec::new();
    for file in files {
        let file_id = publishing.file_id();
        let path = file.path.strip_prefix(&table.path).ok_or_else(|| {
            Error::Internal(format!(
                "the file '{}' does not stand in its table's folder '{}'",
                file.path, table.path
            ))
        })?;
        file_rows.push(vec![
            file_id.into(),
            id.into(),
            publishing.snapshot.into(),
            path.into(),
            true.into(),
            "parquet".into(),
            number(file.rows),
            number(file.bytes),
            number(file.footer_bytes),
            next_row_id.into(),
        ]);
        next_row_id += file.rows as i64;
        rows += file.rows as i64;
        bytes += file.bytes as i64;
        column_rows.extend(file.columns.iter().map(|column| file_column_row(file_id, id, column)));
        add_keys(publishing, id, file_id, file).await?;
    }
    publishing.insert("ducklake_data_file", &FILE_FIELDS, file_rows).await?;
    publishing
        .insert("ducklake_file_column_stats", &FILE_COLUMN_FIELDS, column_rows)
        .await?;
    if had_totals {
        let sql = format!(
            "UPDATE {prefix}ducklake_table_stats SET record_count = {rows}, next_row_id = {next_row_id}, \
             file_size_bytes = {bytes} WHERE table_id = {id}"
        );
        publishing.execute(sql, Vec::new()).await?;
    } else {
        let row = vec![id.into(), rows.into(), next_row_id.into(), bytes.into()];
        publishing
            .insert(
                "ducklake_table_stats",
                &["table_id", "record_count", "next_row_id", "file_size_bytes"],
                vec![row],
            )
            .await?;
    }
    add_column_statistics(publishing, id, files, had_rows && !resets, resets).await
}

fn number(count: u64) -> Value {
    Value::Int(i64::try_from(count).ok())
}

fn file_column_row(file: i64, table: i64, column: &FileColumn) -> Vec<Value> {
    vec![
        file.into(),
        table.into(),
        column.id.into(),
        number(column.bytes),
        number(column.values),
        number(column.nulls),
        column.min.clone().into(),
        column.max.clone().into(),
        Value::Bool(column.has_nan),
        column.geometry.as_ref().map(GeometryStatistics::to_text).into(),
    ]
}

async fn add_keys(publishing: &mut Publishing<'_>, table: i64, file_id: i64, file: &NewFile) -> Result<()> {
    let Some(keys) = &file.keys else { return Ok(()) };
    let (qb, lod, bounds) = (keys.range.qb, keys.range.lod, keys.bounds);
    let side = |index: usize| bounds.map(|bounds| bounds[index]);
    on!(publishing.tx, c => sqlx::query(
        "INSERT INTO warehouse_file_keys (data_file_id, table_id, qb_min, qb_max, lod_min, lod_max, west, south, east, \
         north, rows_without_key, has_bounds, column_id, election) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
        .bind(file_id)
        .bind(table)
        .bind(qb.map(|range| range.0))
        .bind(qb.map(|range| range.1))
        .bind(lod.map(|range| i64::from(range.0)))
        .bind(lod.map(|range| i64::from(range.1)))
        .bind(side(0))
        .bind(side(1))
        .bind(side(2))
        .bind(side(3))
        .bind(keys.range.rows_without_key as i64)
        .bind(keys.range.has_bounds)
        .bind(keys.column)
        .bind(keys.election)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// What is known of a column over all files.
#[derive(Debug, Clone, PartialEq, Default)]
struct Totals {
    has_null: Option<bool>,
    has_nan: Option<bool>,
    min: Option<String>,
    max: Option<String>,
    geometry: Option<GeometryStatistics>,
}

#[derive(sqlx::FromRow)]
struct TotalsRow {
    column_id: i64,
    contains_null: Option<bool>,
    contains_nan: Option<bool>,
    min_value: Option<String>,
    max_value: Option<String>,
    extra_stats: Option<String>,
}

/// Widens the statistics over all files by those of the new ones.
async fn add_column_statistics(
    publishing: &mut Publishing<'_>,
    table: i64,
    files: &[NewFile],
    had_rows: bool,
    resets: bool,
) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let prefix = publishing.prefix;
    let rows: Vec<TotalsRow> = fetch(
        publishing.tx,
        format!(
            "SELECT column_id, contains_null, contains_nan, min_value, max_value, extra_stats \
             FROM {prefix}ducklake_table_column_stats WHERE table_id = {table}"
        ),
        &[],
    )
    .await?;
    let mut known: HashMap<i64, Totals> = HashMap::new();
    if !resets {
        for row in rows {
            known.insert(
                row.column_id,
                Totals {
                    has_null: row.contains_null,
                    has_nan: row.contains_nan,
                    min: row.min_value,
                    max: row.max_value,
                    geometry: row.extra_stats.as_deref().and_then(GeometryStatistics::from_text),
                },
            );
        }
    }
    let mut updated: HashMap<i64, Totals> = HashMap::new();
    for column in files.iter().flat_map(|file| &file.columns) {
        let before = updated.remove(&column.id).or_else(|| known.remove(&column.id)).or(
            // Rows from before the column was added read its default, which the statistics do not know.
            had_rows.then(|| Totals {
                has_null: Some(true),
                ..Totals::default()
            }),
        );
        updated.insert(column.id, widen(before, column));
    }
    let ids: Vec<i64> = updated.keys().copied().collect();
    let condition = if resets {
        String::new()
    } else {
        format!("AND column_id IN ({})", crate::catalog::sql::list(&ids))
    };
    let sql = format!("DELETE FROM {prefix}ducklake_table_column_stats WHERE table_id = {table} {condition}");
    publishing.execute(sql, Vec::new()).await?;
    let rows = updated
        .into_iter()
        .map(|(id, totals)| {
            vec![
                table.into(),
                id.into(),
                Value::Bool(totals.has_null),
                Value::Bool(totals.has_nan),
                totals.min.into(),
                totals.max.into(),
                totals.geometry.as_ref().map(GeometryStatistics::to_text).into(),
            ]
        })
        .collect();
    publishing
        .insert(
            "ducklake_table_column_stats",
            &[
                "table_id",
                "column_id",
                "contains_null",
                "contains_nan",
                "min_value",
                "max_value",
                "extra_stats",
            ],
            rows,
        )
        .await
}

/// Statistics may be wider than the truth, never narrower: what is unknown on one side is unknown together.
fn widen(before: Option<Totals>, column: &FileColumn) -> Totals {
    let Some(before) = before else {
        return Totals {
            has_null: Some(column.nulls > 0),
            has_nan: column.has_nan,
            min: column.min.clone(),
            max: column.max.clone(),
            geometry: column.geometry.clone(),
        };
    };
    let geometry = match (before.geometry, &column.geometry) {
        (Some(mut geometry), Some(new)) => {
            geometry.merge(new);
            Some(geometry)
        }
        (one, other) => one.or_else(|| other.clone()),
    };
    // A file of nulls alone says nothing of the range.
    let (min, max) = if column.values == 0 {
        (before.min, before.max)
    } else {
        (
            extreme(&column.type_name, before.min, column.min.as_deref(), Ordering::Less),
            extreme(&column.type_name, before.max, column.max.as_deref(), Ordering::Greater),
        )
    };
    Totals {
        has_null: Some(before.has_null.unwrap_or(true) || column.nulls > 0),
        has_nan: match (before.has_nan, column.has_nan) {
            (Some(one), Some(other)) => Some(one || other),
            (one, other) => one.or(other),
        },
        min,
        max,
        geometry,
    }
}

/// The smaller (or greater) of two texts of a type; `None` when either is unknown or they cannot be compared.
fn extreme(type_name: &str, one: Option<String>, other: Option<&str>, wanted: Ordering) -> Option<String> {
    let (one, other) = (one?, other?);
    let order = compare(type_name, other, &one)?;
    Some(if order == wanted { other.to_owned() } else { one })
}

/// The order of two values of a type, from the catalog's texts.
fn compare(type_name: &str, one: &str, other: &str) -> Option<Ordering> {
    if type_name.starts_with("int") || type_name.starts_with("uint") {
        return Some(one.parse::<i128>().ok()?.cmp(&other.parse::<i128>().ok()?));
    }
    if type_name.starts_with("float") {
        return one.parse::<f64>().ok()?.partial_cmp(&other.parse::<f64>().ok()?);
    }
    if type_name.starts_with("decimal") {
        return compare_decimals(one, other);
    }
    match type_name {
        "boolean" => {
            let is_true = |text: &str| text == "1" || text == "true";
            Some(is_true(one).cmp(&is_true(other)))
        }
        "varchar" | "json" | "uuid" => Some(one.as_bytes().cmp(other.as_bytes())),
        // Four-digit years and fixed places: the order of the texts is the order of the moments.
        "date" | "time" | "timestamp" | "timestamp_us" | "timestamp_s" | "timestamp_ms" | "timestamp_ns"
        | "timestamptz" => {
            let is_plain = |text: &str| text.is_ascii() && !text.starts_with(['-', '+']) && !text.contains("BC");
            let year = |text: &str| text.find('-');
            (is_plain(one) && is_plain(other) && year(one) == year(other)).then(|| one.cmp(other))
        }
        _ => None,
    }
}

/// Compares decimals of any length by sign, then integer part, then fraction.
fn compare_decimals(one: &str, other: &str) -> Option<Ordering> {
    let (one_negative, one) = one.strip_prefix('-').map_or((false, one), |rest| (true, rest));
    let (other_negative, other) = other.strip_prefix('-').map_or((false, other), |rest| (true, rest));
    let parts = |text: &str| -> Option<(String, String)> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let are_digits = whole
            .chars()
            .chain(fraction.chars())
            .all(|character| character.is_ascii_digit());
        are_digits.then(|| {
            (
                whole.trim_start_matches('0').to_owned(),
                fraction.trim_end_matches('0').to_owned(),
            )
        })
    };
    let (one, other) = (parts(one)?, parts(other)?);
    let is_zero = |parts: &(String, String)| parts.0.is_empty() && parts.1.is_empty();
    let magnitude = one
        .0
        .len()
        .cmp(&other.0.len())
        .then_with(|| one.0.cmp(&other.0))
        .then_with(|| one.1.cmp(&other.1));
    Some(
        match (one_negative && !is_zero(&one), other_negative && !is_zero(&other)) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_as_what_they_mean() {
        let check = |type_name: &str, smaller: &str, greater: &str| {
            assert_eq!(
                compare(type_name, smaller, greater),
                Some(Ordering::Less),
                "{type_name} {smaller} {greater}"
            );
            assert_eq!(
                compare(type_name, greater, smaller),
                Some(Ordering::Greater),
                "{type_name} {smaller} {greater}"
            );
        };
        check("int64", "-10", "9");
        check("uint64", "9", "18446744073709551615");
        check("float64", "-inf", "1e300");
        check("decimal(30,2)", "-12345678901234567890.25", "-3.5");
        check("decimal(9,2)", "9.99", "10.00");
        check("decimal(9,2)", "0.05", "0.5");
        check("boolean", "0", "true");
        check("varchar", "Z", "a");
        check("date", "1999-12-31", "2020-01-02");
        check("timestamp", "2020-01-02 03:04:05", "2020-01-02 03:04:05.678");
        assert_eq!(compare("date", "20200-01-01", "2020-01-01"), None);
        assert_eq!(compare("interval", "1 day", "2 days"), None);
    }

    #[test]
    fn statistics_are_only_widened() {
        let column = |min: Option<&str>, max: Option<&str>, values, nulls| FileColumn {
            id: 1,
            type_name: "int32".to_owned(),
            bytes: 0,
            values,
            nulls,
            min: min.map(str::to_owned),
            max: max.map(str::to_owned),
            has_nan: None,
            geometry: None,
        };
        let first = widen(None, &column(Some("5"), Some("9"), 3, 0));
        assert_eq!(
            (first.min.as_deref(), first.max.as_deref(), first.has_null),
            (Some("5"), Some("9"), Some(false))
        );
        let second = widen(Some(first), &column(Some("10"), Some("10"), 1, 1));
        assert_eq!(
            (second.min.as_deref(), second.max.as_deref(), second.has_null),
            (Some("5"), Some("10"), Some(true))
        );
        let of_nulls = widen(Some(second.clone()), &column(None, None, 0, 4));
        assert_eq!(of_nulls, second);
        let unknown = widen(Some(second), &column(None, None, 2, 0));
        assert_eq!((unknown.min, unknown.max), (None, None));
    }
}
