//! ALTER TABLE: add, rename, drop and widen columns, rename the table.

use access::activity::ActivityKind;
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, Expr, Ident, RenameTableNameKind,
};
use serde_json::json;

use super::columns::{check_name, default_text, defined_column, typed};
use super::create::{already_exists, check_new_name};
use super::publish::Line;
use super::{Statements, refuse, table_name};
use crate::Sql;
use crate::catalog::{Lake, LakeTable};
use crate::commit::Change;
use crate::engine::near_names;
use crate::error::{Error, Result};
use crate::name::{TableName, quote};
use crate::provider::not_found;
use crate::sql::{parts, written};
use crate::table::Column;

/// Types and those they may be widened to.
const WIDER: &[(&str, &[&str])] = &[
    ("int8", &["int16", "int32", "int64"]),
    ("int16", &["int32", "int64"]),
    ("int32", &["int64"]),
    ("uint8", &["uint16", "uint32", "uint64"]),
    ("uint16", &["uint32", "uint64"]),
    ("uint32", &["uint64"]),
    ("float32", &["float64"]),
];

impl Statements<'_> {
    pub(super) async fn alter_table(&self, alter: AlterTable) -> Result<u64> {
        refuse(
            alter.location.is_some() || alter.on_cluster.is_some() || alter.table_type.is_some(),
            "this ALTER TABLE",
        )?;
        let name = table_name(&alter.name)?;
        let lake = self.warehouse.newest_lake().await?;
        let Some(table) = lake.table(&name.schema, &name.table) else {
            if lake.view(&name.schema, &name.table).is_some() {
                return Err(Error::NotImplemented(
                    "ALTER of views; use CREATE OR REPLACE VIEW".to_owned(),
                ));
            }
            return if alter.if_exists {
                Ok(0)
            } else {
                Err(not_found(&lake, &name))
            };
        };
        let mut change = Change::on(lake.snapshot);
        let mut work = Work {
            lake: &lake,
            table,
            columns: table.columns.clone(),
            name: &name,
            change: &mut change,
        };
        for operation in &alter.operations {
            self.alter_once(&mut work, operation).await?;
        }
        if change.is_empty() {
            return Ok(0);
        }
        let operations: Vec<String> = alter.operations.iter().map(ToString::to_string).collect();
        let line = Line::table(
            ActivityKind::TableChanged,
            &name,
            json!({ "change": operations.join(", ") }),
        );
        self.publish(&change, &name, line).await?;
        Ok(0)
    }

    async fn alter_once(&self, work: &mut Work<'_>, operation: &AlterTableOperation) -> Result<()> {
        match operation {
            AlterTableOperation::AddColumn {
                if_not_exists,
                column_def,
                column_position,
                ..
            } => {
                refuse(
                    column_position.is_some(),
                    "FIRST and AFTER; columns are added behind the others",
                )?;
                self.add_column(work, column_def, *if_not_exists).await
            }
            AlterTableOperation::DropColumn {
                column_names,
                if_exists,
                ..
            } => column_names
                .iter()
                .try_for_each(|column| work.drop_column(column, *if_exists)),
            AlterTableOperation::RenameColumn {
                old_column_name,
                new_column_name,
            } => work.rename_column(old_column_name, new_column_name),
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::To(new) | RenameTableNameKind::As(new),
            } => {
                let parts = parts(new)?;
                work.rename_table(&parts)
            }
            AlterTableOperation::AlterColumn { column_name, op } => self.alter_column(work, column_name, op).await,
            AlterTableOperation::ModifyColumn {
                col_name,
                data_type,
                options,
                ..
            } if options.is_empty() => work.widen(col_name, &typed(col_name, data_type)?),
            other => Err(Error::NotImplemented(format!("ALTER TABLE … {other}"))),
        }
    }

    async fn add_column(&self, work: &mut Work<'_>, definition: &ColumnDef, if_not_exists: bool) -> Result<()> {
        let mut column = defined_column(definition)?;
        if work
            .columns
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&column.name))
        {
            return if if_not_exists {
                Ok(())
            } else {
                Err(Error::AlreadyExists {
                    what: "The column",
                    name: column.name,
                })
            };
        }
        check_name(&column.name)?;
        column.initial_default = match (&column.default_value, column.default_is_expression) {
            (Some(expression), true) => self.value_text(expression, &column).await?,
            (value, _) => value.clone(),
        };
        if let Some(value) = &column.default_value
            && !column.default_is_expression
        {
            // A default that is no value of the type must fail here, not when rows are read.
            crate::catalog::array_from_texts(&column, &[Some(value.clone())]).map_err(|_| {
                Error::Invalid(format!("'{value}' is no {} (column {})", column.type_name, column.name))
            })?;
        }
        if !column.nullable && column.initial_default.is_none() && work.table.rows > 0 {
            return Err(Error::Constraint(format!(
                "The column {} is NOT NULL but rows are there already: give it a DEFAULT",
                column.name
            )));
        }
        work.change.add_column(work.table.id, column.clone());
        work.columns.push(column);
        Ok(())
    }

    /// What an expression gives now, as the catalog's text.
    async fn value_text(&self, expression: &str, column: &Column) -> Result<Option<String>> {
        let sql = Sql::new(format!("SELECT CAST(({expression}) AS TEXT)"));
        let parsed = crate::sql::parse(&sql)?;
        let reading = self.warehouse.reading(&[]).await?;
        let state = reading.session();
        let plan = crate::query::plan(&reading, &state, parsed.statement).await?;
        let rows = crate::engine::collect(&state, &plan, self.deadline).await?;
        let text = rows.iter().find(|batch| batch.num_rows() > 0).and_then(|batch| {
            let texts = batch.column(0).as_string_view_opt()?;
            (!texts.is_null(0)).then(|| texts.value(0).to_owned())
        });
        if let Some(text) = &text {
            crate::catalog::array_from_texts(column, &[Some(text.clone())])?;
        }
        Ok(text)
    }

    async fn alter_column(&self, work: &mut Work<'_>, name: &Ident, operation: &AlterColumnOperation) -> Result<()> {
        let mut column = work.column(name)?;
        match operation {
            AlterColumnOperation::SetDataType { data_type, using, .. } => {
                refuse(using.is_some(), "USING; use CREATE TABLE … AS SELECT with a CAST")?;
                return work.widen(name, &typed(name, data_type)?);
            }
            AlterColumnOperation::SetDefault { value } => {
                let (text, is_expression) = default_text(value);
                if let (Some(text), false) = (&text, is_expression) {
                    crate::catalog::array_from_texts(&column, &[Some(text.clone())]).map_err(|_| {
                        Error::Invalid(format!("'{text}' is no {} (column {})", column.type_name, column.name))
                    })?;
                }
                column.default_value = text;
                column.default_is_expression = is_expression;
            }
            AlterColumnOperation::DropDefault => {
                column.default_value = None;
                column.default_is_expression = false;
            }
            AlterColumnOperation::DropNotNull => column.nullable = true,
            AlterColumnOperation::SetNotNull => {
                self.refuse_nulls(work.name, &column).await?;
                column.nullable = false;
            }
            AlterColumnOperation::AddGenerated { .. } => {
                return Err(Error::NotImplemented("GENERATED columns".to_owned()));
            }
        }
        work.change_column(column);
        Ok(())
    }

    async fn refuse_nulls(&self, table: &TableName, column: &Column) -> Result<()> {
        let sql = format!(
            "SELECT 1 FROM {} WHERE {} IS NULL LIMIT 1",
            table.to_sql(),
            quote(&column.name)
        );
        let parsed = crate::sql::parse(&Sql::new(sql))?;
        let reading = self.warehouse.reading(&[]).await?;
        let state = reading.session();
        let plan = crate::query::plan(&reading, &state, parsed.statement).await?;
        let rows = crate::engine::collect(&state, &plan, self.deadline).await?;
        if rows.iter().any(|batch| batch.num_rows() > 0) {
            return Err(Error::Constraint(format!(
                "The column {} holds NULLs: update them first",
                column.name
            )));
        }
        Ok(())
    }
}

/// The table as it will be, while its operations are gathered.
struct Work<'a> {
    lake: &'a Lake,
    table: &'a LakeTable,
    columns: Vec<Column>,
    name: &'a TableName,
    change: &'a mut Change,
}

impl Work<'_> {
    fn column(&self, name: &Ident) -> Result<Column> {
        find(&self.columns, &written(name)).cloned()
    }

    fn change_column(&mut self, column: Column) {
        if let Some(old) = self.columns.iter_mut().find(|old| old.id == column.id) {
            *old = column.clone();
        }
        self.change.alter_column(self.table.id, column);
    }

    fn drop_column(&mut self, name: &Ident, if_exists: bool) -> Result<()> {
        let column = match self.column(name) {
            Err(_) if if_exists => return Ok(()),
            found => found?,
        };
        if self.columns.len() == 1 {
            return Err(Error::Invalid(format!("{} is the table's only column", column.name)));
        }
        self.columns.retain(|other| other.id != column.id);
        self.change.drop_column(self.table.id, column.id);
        Ok(())
    }

    fn rename_column(&mut self, old: &Ident, new: &Ident) -> Result<()> {
        let mut column = self.column(old)?;
        let new = written(new);
        check_name(&new)?;
        if self
            .columns
            .iter()
            .any(|other| other.id != column.id && other.name.eq_ignore_ascii_case(&new))
        {
            return Err(Error::AlreadyExists {
                what: "The column",
                name: new,
            });
        }
        column.name = new;
        self.change_column(column);
        Ok(())
    }

    fn rename_table(&mut self, parts: &[String]) -> Result<()> {
        let new = match parts {
            [table] => TableName::new(&self.name.schema, table),
            several => TableName::from_parts(several).map_err(|reason| Error::InvalidName {
                name: several.join("."),
                reason,
            })?,
        };
        refuse(
            new.schema != self.name.schema,
            "moving a table to another schema; use CREATE TABLE … AS SELECT",
        )?;
        check_new_name(&new)?;
        if self.lake.table(&new.schema, &new.table).is_some() || self.lake.view(&new.schema, &new.table).is_some() {
            return Err(already_exists(self.lake, &new));
        }
        self.change.rename_table(self.table.id, new.table);
        Ok(())
    }

    fn widen(&mut self, name: &Ident, wider: &Column) -> Result<()> {
        let mut column = self.column(name)?;
        if column.type_name == wider.type_name {
            return Ok(());
        }
        if !may_widen(&column, wider) {
            return Err(Error::NotImplemented(format!(
                "changing {} from {} to {}: types can only become wider; use CREATE TABLE … AS SELECT with a CAST",
                column.name, column.type_name, wider.type_name
            )));
        }
        column.type_name.clone_from(&wider.type_name);
        column.data_type = wider.data_type.clone();
        self.change_column(column);
        Ok(())
    }
}

fn may_widen(column: &Column, wider: &Column) -> bool {
    if let (DataType::Decimal128(digits, scale), DataType::Decimal128(more, same)) =
        (&column.data_type, &wider.data_type)
    {
        return more >= digits && same == scale;
    }
    WIDER
        .iter()
        .any(|(narrow, wide)| *narrow == column.type_name && wide.contains(&wider.type_name.as_str()))
}

/// The top-level column of a table.
pub(super) fn column_named<'a>(table: &'a LakeTable, name: &str) -> Result<&'a Column> {
    find(&table.columns, name)
}

fn find<'a>(columns: &'a [Column], name: &str) -> Result<&'a Column> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        let known: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        Error::ColumnNotFound {
            column_name: name.to_owned(),
            near: near_names(name, &known),
        }
    })
}

/// An expression for the default of a column that a row leaves out.
pub(super) fn default_expression(column: &Column) -> Result<Option<Expr>> {
    match &column.default_value {
        Some(text) if column.default_is_expression => crate::sql::parse_expression(&Sql::new(text)).map(Some),
        Some(_) | None => Ok(None),
    }
}
