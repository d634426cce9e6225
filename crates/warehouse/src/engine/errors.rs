//! What the engine's errors mean to the person who wrote the statement.

use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};

use crate::error::Error;

/// How many names a "did you mean" offers.
const NEAR_NAMES: usize = 3;

/// Translates an error of planning or running into ours.
pub(crate) fn error_from_engine(error: DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => error_from_engine(*inner),
        DataFusionError::Shared(shared) => from_text(shared.find_root()),
        DataFusionError::Collection(errors) => errors.into_iter().next().map_or_else(
            || Error::Internal("an empty list of errors".to_owned()),
            error_from_engine,
        ),
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(inner) => match inner.downcast::<DataFusionError>() {
                Ok(engines) => error_from_engine(*engines),
                Err(other) => Error::Execution(other.to_string()),
            },
        },
        DataFusionError::ArrowError(inner, _) => from_arrow(*inner),
        DataFusionError::ObjectStore(inner) => Error::Storage(*inner),
        other => from_text(&other),
    }
}

fn from_text(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::SchemaError(inner, _) => from_schema(inner),
        DataFusionError::Plan(message) => from_plan(message),
        DataFusionError::NotImplemented(message) => Error::NotImplemented(first_line(message)),
        DataFusionError::ResourcesExhausted(message) => Error::OutOfMemory(first_line(message)),
        DataFusionError::Execution(message) => Error::Execution(message.clone()),
        DataFusionError::ParquetError(inner) => Error::Damaged(inner.to_string()),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::DivideByZero => Error::Execution("Division by zero".to_owned()),
            other => Error::Execution(other.to_string()),
        },
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(ours) => copy_of(ours),
            None => Error::Execution(inner.to_string()),
        },
        DataFusionError::SQL(inner, _) => Error::Invalid(inner.to_string()),
        DataFusionError::Internal(message) => Error::Internal(first_line(message)),
        other => Error::Execution(other.strip_backtrace()),
    }
}

/// Errors that several partitions share cannot be moved out; the message is what counts.
fn copy_of(error: &Error) -> Error {
    match error {
        Error::Cancelled => Error::Cancelled,
        Error::Timeout { limit } => Error::Timeout { limit: *limit },
        Error::NotImplemented(what) => Error::NotImplemented(what.clone()),
        Error::Damaged(what) => Error::Damaged(what.clone()),
        Error::Constraint(what) => Error::Constraint(what.clone()),
        Error::Crs { crs, reason } => Error::Crs {
            crs: crs.clone(),
            reason: reason.clone(),
        },
        other => Error::Execution(other.to_string()),
    }
}

fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<DataFusionError>() {
            Ok(engines) => error_from_engine(*engines),
            Err(inner) => match inner.downcast::<Error>() {
                Ok(ours) => *ours,
                Err(other) => Error::Execution(other.to_string()),
            },
        },
        ArrowError::DivideByZero => Error::Execution("Division by zero".to_owned()),
        ArrowError::CastError(message)
        | ArrowError::ComputeError(message)
        | ArrowError::ArithmeticOverflow(message) => Error::Execution(message),
        other => Error::Execution(other.to_string()),
    }
}

fn from_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<String> = valid_fields.iter().map(|field| field.name.clone()).collect();
            Error::ColumnNotFound {
                column_name: field.name.clone(),
                near: near_columns(&field.name, &known),
            }
        }
        other => Error::Invalid(other.to_string()),
    }
}

fn from_plan(message: &str) -> Error {
    if let Some(rest) = message.strip_prefix("Invalid function '")
        && let Some((name, rest)) = rest.split_once('\'')
    {
        let near = rest
            .split('\'')
            .nth(1)
            .map(|near| vec![near.to_owned()])
            .unwrap_or_default();
        return Error::FunctionNotFound {
            name: name.to_owned(),
            near,
        };
    }
    if let Some(rest) = message.strip_prefix("table function '")
        && let Some((name, _)) = rest.split_once('\'')
    {
        return Error::FunctionNotFound {
            name: name.to_owned(),
            near: Vec::new(),
        };
    }
    Error::Invalid(message.to_owned())
}

/// The engine's advice to report a bug says nothing to the person here.
fn first_line(message: &str) -> String {
    message
        .lines()
        .next()
        .unwrap_or(message)
        .trim_end_matches('.')
        .to_owned()
}

/// Columns that differ by letter case come first and are shown the way they must be written.
fn near_columns(name: &str, known: &[String]) -> Vec<String> {
    near_names(name, known)
        .into_iter()
        .map(|near| {
            if near.chars().any(|letter| letter.is_uppercase()) {
                crate::quote(&near)
            } else {
                near
            }
        })
        .collect()
}

/// The known names most like `name`, nearest first.
pub(crate) fn near_names(name: &str, known: &[String]) -> Vec<String> {
    let name = name.to_lowercase();
    let mut scored: Vec<(usize, &String)> = known
        .iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = edit_distance(&name, &lower);
            let is_near = distance <= name.chars().count().div_ceil(3)
                || (name.len() >= 3 && (lower.contains(&name) || name.contains(&lower) && lower.len() >= 3));
            is_near.then_some((distance, candidate))
        })
        .collect();
    scored.sort();
    scored.dedup();
    scored
        .into_iter()
        .take(NEAR_NAMES)
        .map(|(_, candidate)| candidate.clone())
        .collect()
}

/// Levenshtein distance in characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, left) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nearly_right_are_offered() {
        let known: Vec<String> = ["population", "name", "Geom", "pop_max"].map(str::to_owned).to_vec();
        assert_eq!(near_names("populaton", &known), ["population"]);
        assert_eq!(near_names("geom", &known), ["Geom"]);
        assert_eq!(near_names("pop", &known), ["pop_max", "population"]);
        assert!(near_names("xyz", &known).is_empty());
    }

    #[test]
    fn an_unknown_function_is_named_with_its_neighbour() {
        let error = from_plan("Invalid function 'st_intersect'.\nDid you mean 'st_intersects'?");
        assert_eq!(
            error.to_string(),
            "Function not found: st_intersect. Did you mean st_intersects?"
        );
    }
}
