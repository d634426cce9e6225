//! An SQL condition on a table's columns, ready to be asked of record batches.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::prep_null_mask_filter;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;

use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::sql::parse_expression;
use crate::table::Table;
use crate::{Sql, Warehouse};

/// A condition that can be asked of record batches.
#[derive(Debug, Clone)]
pub struct Predicate {
    /// Over `schema`, the columns below in that order.
    pub expr: Arc<dyn PhysicalExpr>,
    /// Columns it reads.
    pub columns: Vec<String>,
    pub schema: SchemaRef,
}

impl Predicate {
    /// Which rows it holds for (null counts as no). The batch must have the columns, by name, in any order.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let expression = over(&self.expr, &batch.schema())?;
        let rows = batch.num_rows();
        let holds = expression
            .evaluate(batch)
            .and_then(|value| value.into_array(rows))
            .map_err(error_from_engine)?;
        let holds = holds
            .as_boolean_opt()
            .ok_or_else(|| Error::Internal("a condition that is neither true nor false".to_owned()))?;
        Ok(if holds.null_count() > 0 {
            prep_null_mask_filter(holds)
        } else {
            holds.clone()
        })
    }
}

impl Warehouse {
    /// An SQL condition on a table's columns, ready to be asked of batches.
    pub fn predicate(&self, table: &Table, condition: &Sql) -> Result<Predicate> {
        let expression = self.condition(&table.arrow_schema, condition)?;
        let mut positions: Vec<usize> = collect_columns(&expression).iter().map(Column::index).collect();
        positions.sort_unstable();
        let schema: SchemaRef = Arc::new(table.arrow_schema.project(&positions)?);
        Ok(Predicate {
            expr: over(&expression, &schema)?,
            columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
            schema,
        })
    }

    /// The physical expression of a condition on columns of `schema`.
    pub(crate) fn condition(&self, schema: &SchemaRef, condition: &Sql) -> Result<Arc<dyn PhysicalExpr>> {
        let parsed = parse_expression(condition)?;
        let columns = DFSchema::try_from(schema.clone()).map_err(error_from_engine)?;
        let expression = self.engine().physical(parsed, &columns)?;
        match expression.data_type(schema).map_err(error_from_engine)? {
            DataType::Boolean => Ok(expression),
            DataType::Null => Ok(datafusion::physical_expr::expressions::lit(false)),
            other => Err(Error::Invalid(format!(
                "A condition is true or false; '{}' is {other}",
                condition.text
            ))),
        }
    }
}

/// The same expression with its columns found, by name, in another schema.
pub(crate) fn over(expression: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    expression
        .clone()
        .transform_down(|expression| match expression.downcast_ref::<Column>() {
            Some(column) => {
                let found = Column::new_with_schema(column.name(), schema)?;
                Ok(Transformed::yes(Arc::new(found) as Arc<dyn PhysicalExpr>))
            }
            None => Ok(Transformed::no(expression)),
        })
        .data()
        .map_err(error_from_engine)
}
