//! Statements from text to rows: reading at one snapshot, planning, running within limits.

use futures::future::BoxFuture;
use std::sync::Arc;

use access::Actor;
use chrono::{DateTime, TimeZone, Utc};
use datafusion::arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit, TimestampMicrosecondType};
use datafusion::common::DFSchema;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, ValueWithSpan};

use crate::column_names::with_short_names;
use crate::engine::{Deadline, error_from_engine, stream, with_room};
use crate::error::{Error, Result};
use crate::provider::{Memory, Reading};
use crate::rows::{Outcome, RowStream};
use crate::sql::{AsOf, Kind, Parsed, parse};
use crate::{Described, Limits, Sql, Warehouse};

impl Warehouse {
    /// Runs a query: SELECT, WITH, VALUES, EXPLAIN, SHOW, DESCRIBE. Anything that writes is refused.
    pub fn query<'a>(&'a self, sql: &'a Sql, limits: &'a Limits) -> BoxFuture<'a, Result<RowStream>> {
        Box::pin(async move {
            let parsed = parse(sql)?;
            match parsed.kind {
                Kind::Query => {
                    with_room(parsed.is_deep, self.run_query(parsed, limits, &Deadline::start(limits))).await
                }
                other => Err(Error::ReadOnly {
                    statement: other.as_str().to_owned(),
                }),
            }
        })
    }

    /// Runs any one statement on behalf of `actor`.
    pub fn execute<'a>(&'a self, actor: &'a Actor, sql: &'a Sql, limits: &'a Limits) -> BoxFuture<'a, Result<Outcome>> {
        Box::pin(async move {
            let parsed = parse(sql)?;
            let deadline = Deadline::start(limits);
            match parsed.kind {
                Kind::Query => {
                    let rows = with_room(parsed.is_deep, self.run_query(parsed, limits, &deadline)).await?;
                    Ok(Outcome::Rows(rows))
                }
                _ => with_room(parsed.is_deep, self.change(actor, parsed, &deadline)).await,
            }
        })
    }

    /// What a query returns and reads, without running it.
    pub fn describe<'a>(&'a self, sql: &'a Sql) -> BoxFuture<'a, Result<Described>> {
        Box::pin(async move {
            let parsed = parse(sql)?;
            if parsed.kind != Kind::Query {
                return Err(Error::ReadOnly {
                    statement: parsed.kind.as_str().to_owned(),
                });
            }
            let reading = self.reading(&parsed.moments).await?;
            let state = reading.session();
            let plan = plan(&reading, &state, parsed.statement).await?;
            // Types may change when both sides of a UNION are brought together.
            let plan = state
                .analyzer()
                .execute_and_check(plan, state.config_options(), |_, _| {})
                .map_err(error_from_engine)?;
            let read = reading.tables_read();
            Ok(Described {
                schema: Arc::new(plan.schema().as_arrow().clone()),
                version: read.iter().map(|(_, version)| *version).max().unwrap_or(0),
                tables: read.into_iter().map(|(name, _)| name).collect(),
                snapshot: reading.lake().snapshot,
            })
        })
    }

    async fn run_query(&self, parsed: Parsed, limits: &Limits, deadline: &Deadline) -> Result<RowStream> {
        let (state, plan) = deadline
            .within(async {
                let reading = self.reading(&parsed.moments).await?;
                let memory = Memory {
                    warehouse: self.clone(),
                    lake: reading.lake().clone(),
                };
                let reading = reading.from_memory(memory);
                let state = reading.session();
                let plan = plan(&reading, &state, parsed.statement).await?;
                Ok((state, plan))
            })
            .await?;
        stream(&state, &plan, limits, deadline).await
    }

    /// The newest lake, and the lakes of the moments that a statement names.
    pub(crate) async fn reading(&self, moments: &[AsOf]) -> Result<Arc<Reading>> {
        let lake = self.newest_lake().await?;
        let mut pinned = Vec::with_capacity(moments.len());
        for moment in moments {
            let snapshot = match moment {
                AsOf::Version(version) => version_number(version)?,
                AsOf::Time(time) => self.catalog().snapshot_at(self.constant_time(time)?).await?,
            };
            if snapshot > lake.snapshot {
                return Err(Error::NoSuchSnapshot(format!(
                    "There is no version {snapshot}: the newest is {}",
                    lake.snapshot
                )));
            }
            pinned.push(self.catalog().lake(snapshot).await?);
        }
        Ok(Reading::new(
            self.catalog().clone(),
            self.engine().clone(),
            lake,
            pinned,
        ))
    }

    /// The moment that a constant expression gives.
    fn constant_time(&self, time: &Expr) -> Result<DateTime<Utc>> {
        let wrong = |error: Error| match error {
            Error::ColumnNotFound { .. } => {
                Error::Invalid(format!("FOR SYSTEM_TIME AS OF needs a constant time, not {time}"))
            }
            other => other,
        };
        self.try_constant_time(time).map_err(wrong)
    }

    fn try_constant_time(&self, time: &Expr) -> Result<DateTime<Utc>> {
        let expression = self.engine().physical(time.clone(), &DFSchema::empty())?;
        let row = RecordBatch::try_new_with_options(
            Arc::new(Schema::empty()),
            Vec::new(),
            &RecordBatchOptions::new().with_row_count(Some(1)),
        )?;
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let value = expression
            .evaluate(&row)
            .and_then(|value| value.into_array(1))
            .map_err(error_from_engine)?;
        let value = cast(&value, &utc).map_err(|_| Error::Invalid(format!("{time} is not a moment")))?;
        value
            .as_primitive_opt::<TimestampMicrosecondType>()
            .filter(|times| times.null_count() == 0)
            .and_then(|times| Utc.timestamp_micros(times.value(0)).single())
            .ok_or_else(|| Error::Invalid(format!("{time} is not a moment")))
    }
}

/// The logical plan of a statement whose names are those of the reading.
pub(crate) async fn plan(reading: &Arc<Reading>, state: &SessionState, statement: Statement) -> Result<LogicalPlan> {
    let planned = state
        .statement_to_plan(EngineStatement::Statement(Box::new(statement)))
        .await
        .and_then(with_short_names);
    planned.map_err(|error| planning_error(reading, error_from_engine(error)))
}

/// The engine says of tables only that they are not found: the reading knows which.
pub(crate) fn planning_error(reading: &Reading, error: Error) -> Error {
    match error {
        Error::Invalid(message) if message.starts_with("table '") && message.contains("not found") => {
            reading.missing().unwrap_or(Error::Invalid(message))
        }
        other => other,
    }
}

fn version_number(version: &Expr) -> Result<i64> {
    match version {
        Expr::Value(ValueWithSpan {
            value: Value::Number(digits, _),
            ..
        }) => digits.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| Error::Invalid(format!("AT (VERSION => …) needs a whole number, not {version}")))
}
