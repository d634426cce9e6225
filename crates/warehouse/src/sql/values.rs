//! `VALUES` lists: a NULL beside geometries becomes a null geometry.
//!
//! A geometry's type carries its reference system, a bare NULL carries none, and the planner wants one and the same in
//! every row of a column. `(VALUES (1, ST_Point(1, 2)), (2, NULL))` is how everybody writes it.

use datafusion::sql::sqlparser::ast::{Expr, Function, SetExpr, Value, Values};

use super::spelling::call;

/// The function that gives a null of its argument's type, reference system included.
pub(crate) const NULL_OF: &str = "null_of";

/// Gives the NULLs of a `VALUES` list the type of a geometry of the same column.
pub(super) fn type_nulls(body: &mut SetExpr) {
    match body {
        SetExpr::Values(Values { rows, .. }) => {
            let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
            for column in 0..width {
                let geometry = rows
                    .iter()
                    .find_map(|row| row.get(column).filter(|cell| is_spatial(cell)));
                let Some(geometry) = geometry.cloned() else { continue };
                for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
                    if is_null(cell) {
                        *cell = call(NULL_OF, vec![geometry.clone()]);
                    }
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            type_nulls(left);
            type_nulls(right);
        }
        _ => {}
    }
}

fn is_null(cell: &Expr) -> bool {
    matches!(cell, Expr::Value(value) if value.value == Value::Null)
}

fn is_spatial(cell: &Expr) -> bool {
    let Expr::Function(Function { name, .. }) = cell else {
        return false;
    };
    name.0
        .last()
        .and_then(|part| part.as_ident())
        .is_some_and(|name| name.value.to_ascii_lowercase().starts_with("st_"))
}
