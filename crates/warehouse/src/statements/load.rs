//! Rows from outside SQL become a table, whole or not at all: imports and demo data.

use std::sync::Arc;

use access::Actor;
use access::activity::ActivityKind;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::datatypes::{Schema, SchemaRef as ArrowSchema};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde_json::json;

use super::create::{already_exists, check_new_name};
use super::insert::writable;
use super::publish::Line;
use super::{ATTEMPTS, Statements, columns};
use crate::catalog::{ATTRIBUTION_TAG, COMMENT_TAG, Lake, SOURCE_CRS_TAG, crs_or_default};
use crate::commit::{Change, NewTable, SchemaRef, TableRef, Tagged};
use crate::engine::Deadline;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::table::Column;
use crate::writer::{Target, Written};
use crate::{Limits, Warehouse, WriteMode, WriteOptions, WriteReport, types};

impl Warehouse {
    /// Writes the rows; see [`Warehouse::write_table`].
    pub(crate) async fn load(
        &self,
        actor: &Actor,
        name: &TableName,
        mode: WriteMode,
        rows: SendableRecordBatchStream,
        options: WriteOptions,
    ) -> Result<WriteReport> {
        let deadline = Deadline::start(&unlimited());
        let statements = Statements {
            warehouse: self,
            actor,
            deadline: &deadline,
        };
        match mode {
            WriteMode::Create | WriteMode::Replace => statements.load_new(name, mode, rows, options).await,
            WriteMode::Append => statements.load_more(name, rows, options).await,
        }
    }

    /// Drops a table; see [`Warehouse::drop_table`].
    pub(crate) async fn drop_one(&self, actor: &Actor, name: &TableName) -> Result<()> {
        let deadline = Deadline::start(&unlimited());
        Statements {
            warehouse: self,
            actor,
            deadline: &deadline,
        }
        .drop_table(name, false)
        .await
    }
}

/// Whoever loads has a progress and a way to stop of their own: dropping the future.
fn unlimited() -> Limits {
    Limits {
        timeout: std::time::Duration::MAX,
        ..Limits::default()
    }
}

impl Statements<'_> {
    async fn load_new(
        &self,
        name: &TableName,
        mode: WriteMode,
        rows: SendableRecordBatchStream,
        options: WriteOptions,
    ) -> Result<WriteReport> {
        check_new_name(name)?;
        let lake = self.lake_with_schema(&name.schema).await?;
        check_free(&lake, name, mode)?;
        let folder_of_schema = folder_of_schema(&lake, &name.schema)?;
        let numbered = columns::of_rows(&rows.schema())?;
        let table = NewTable::new(schema_place(&lake, &name.schema)?, &name.table, numbered);
        let target = Target {
            folder: format!("{folder_of_schema}{}", table.folder),
            columns: table.columns.clone(),
        };
        let geometry = laid_out_by(&table.columns, options.geometry_column.as_deref())?;
        let written = Box::pin(self.warehouse.writer().write(target, rows, options.progress.clone())).await?;
        for attempt in 1.. {
            let lake = self.warehouse.newest_lake().await?;
            check_free(&lake, name, mode)?;
            let mut change = Change::on(lake.snapshot);
            if let Some(old) = lake.table(&name.schema, &name.table) {
                change.drop_table(old.id);
            }
            let mut table = table.clone();
            table.schema = schema_place(&lake, &name.schema)?;
            let made = change.create_table(table);
            change_tags(&mut change, made, geometry, &options);
            if !written.files.is_empty() {
                change.append(made, written.files.clone());
            }
            let line = Line::table(ActivityKind::TableCreated, name, json!({ "rows": written.rows }));
            match self.publish(&change, name, line).await {
                Err(Error::Conflict(_)) if attempt < ATTEMPTS => {}
                Err(error) => return Err(error),
                Ok(committed) => return Ok(report(name, &written, committed.snapshot)),
            }
        }
        Err(Error::Conflict(name.clone()))
    }

    async fn load_more(
        &self,
        name: &TableName,
        rows: SendableRecordBatchStream,
        options: WriteOptions,
    ) -> Result<WriteReport> {
        let lake = self.warehouse.newest_lake().await?;
        let table = writable(&lake, name)?.clone();
        let rows = by_name(rows, &table.columns, name)?;
        let target = Target {
            folder: table.path.clone(),
            columns: table.columns.clone(),
        };
        let written = Box::pin(self.warehouse.writer().write(target, rows, options.progress.clone())).await?;
        if written.files.is_empty() {
            return Ok(report(name, &written, lake.snapshot));
        }
        // The base stays the one whose columns were written: a table that changed its form since is a conflict.
        let mut change = Change::on(lake.snapshot);
        change.append(TableRef::Existing(table.id), written.files.clone());
        let details = json!({ "change": "insert", "rows": written.rows });
        let committed = self
            .publish(&change, name, Line::table(ActivityKind::TableChanged, name, details))
            .await?;
        Ok(report(name, &written, committed.snapshot))
    }

    /// The newest lake, in which the schema exists: an import into a new schema makes it.
    async fn lake_with_schema(&self, schema: &str) -> Result<Arc<Lake>> {
        for _ in 0..ATTEMPTS {
            let lake = self.warehouse.newest_lake().await?;
            if lake.schema(schema).is_some() {
                return Ok(lake);
            }
            let mut change = Change::on(lake.snapshot);
            change.create_schema(schema);
            let line = Line::schema(ActivityKind::SchemaCreated, schema);
            match self.publish(&change, &TableName::new(schema, ""), line).await {
                // Somebody else made it, or anything, at the same time: look again.
                Ok(_) | Err(Error::Conflict(_) | Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict(TableName::new(schema, "")))
    }
}

/// The folder of a schema's files, relative to the lake's data path.
fn folder_of_schema(lake: &Lake, schema: &str) -> Result<String> {
    lake.schema(schema)
        .map(|found| found.path.clone())
        .ok_or_else(|| schema_gone(schema))
}

fn schema_place(lake: &Lake, schema: &str) -> Result<SchemaRef> {
    lake.schema(schema)
        .map(|found| SchemaRef::Existing(found.id))
        .ok_or_else(|| schema_gone(schema))
}

fn schema_gone(schema: &str) -> Error {
    Error::SchemaNotFound {
        schema: schema.to_owned(),
        near: Vec::new(),
    }
}

fn check_free(lake: &Lake, name: &TableName, mode: WriteMode) -> Result<()> {
    if lake.view(&name.schema, &name.table).is_some() {
        return Err(already_exists(lake, name));
    }
    match mode {
        WriteMode::Create if lake.table(&name.schema, &name.table).is_some() => Err(already_exists(lake, name)),
        WriteMode::Create | WriteMode::Replace | WriteMode::Append => Ok(()),
    }
}

/// The id of the column that the table is laid out by. Tables are laid out by their first geometry.
fn laid_out_by(columns: &[Column], wanted: Option<&str>) -> Result<Option<i64>> {
    let first = columns.iter().find(|column| column.is_geometry());
    match (first, wanted) {
        (Some(first), Some(wanted)) if first.name != wanted => Err(Error::NotImplemented(format!(
            "laying a table out by {wanted}; its first geometry is {}",
            first.name
        ))),
        (None, Some(wanted)) => Err(Error::Invalid(format!(
            "There is no geometry column {wanted} in the rows"
        ))),
        (first, _) => Ok(first.map(|column| column.id)),
    }
}

fn change_tags(change: &mut Change, table: TableRef, geometry: Option<i64>, options: &WriteOptions) {
    let on_table = [
        (COMMENT_TAG, &options.description),
        (ATTRIBUTION_TAG, &options.attribution),
    ];
    for (tag, text) in on_table {
        if text.is_some() {
            change.tag(Tagged::Table(table), tag, text.clone());
        }
    }
    if let (Some(column), Some(_)) = (geometry, &options.source_crs) {
        change.tag(
            Tagged::Column(table, column),
            SOURCE_CRS_TAG,
            options.source_crs.clone(),
        );
    }
}

/// The rows with their columns in the table's order, found by name; columns that they lack are null.
fn by_name(rows: SendableRecordBatchStream, columns: &[Column], name: &TableName) -> Result<SendableRecordBatchStream> {
    let given = rows.schema();
    let named = |field: &str| {
        columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(field))
    };
    if let Some(unknown) = given.fields().iter().find(|field| named(field.name()).is_none()) {
        return Err(Error::Invalid(format!(
            "The rows have a column {} that {name} does not have",
            unknown.name()
        )));
    }
    let mut order = Vec::with_capacity(columns.len());
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        let at = given
            .fields()
            .iter()
            .position(|field| field.name().eq_ignore_ascii_case(&column.name));
        if let Some(at) = at {
            check_same_crs(&given, at, column)?;
        }
        fields.push(at.map_or_else(|| Arc::new(types::field_of(column)), |at| given.fields()[at].clone()));
        order.push(at);
    }
    let schema = Arc::new(Schema::new(fields));
    let ordered = schema.clone();
    let batches = rows.map(move |batch| {
        let batch = batch?;
        let arrays: Vec<ArrayRef> = order
            .iter()
            .zip(ordered.fields())
            .map(|(at, field)| match at {
                Some(at) => batch.column(*at).clone(),
                None => new_null_array(field.data_type(), batch.num_rows()),
            })
            .collect();
        let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(ordered.clone(), arrays, &count)?)
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
}

fn check_same_crs(given: &ArrowSchema, at: usize, column: &Column) -> Result<()> {
    if !column.is_geometry() {
        return Ok(());
    }
    let rows = types::column_of(given.field(at))?;
    let (theirs, ours) = (crs_or_default(&rows).to_owned(), crs_or_default(column));
    if theirs != ours {
        return Err(Error::Invalid(format!(
            "The column {} is in {theirs}, the table's in {ours}: transform the rows first",
            column.name
        )));
    }
    Ok(())
}

fn report(name: &TableName, written: &Written, snapshot: i64) -> WriteReport {
    WriteReport {
        table: name.clone(),
        rows: written.rows,
        bytes: written.bytes(),
        files: written.files.len(),
        snapshot,
    }
}
