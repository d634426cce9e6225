//! CREATE SCHEMA, TABLE and VIEW.

use std::collections::HashSet;
use std::ops::ControlFlow;

use access::activity::ActivityKind;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::sqlparser::ast::{
    CommentDef, CreateTable, CreateTableLikeKind, CreateTableOptions, CreateView, ObjectName, ObjectNamePart, Query,
    SchemaName, Statement, VisitMut, VisitorMut,
};
use serde_json::json;

use super::publish::Line;
use super::{Statements, columns, refuse, table_name};
use crate::catalog::{COMMENT_TAG, Lake};
use crate::commit::{Change, NewTable, SchemaRef, TableRef, Tagged};
use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::name::{TableName, quote};
use crate::provider::LAKE_IN_VIEWS;
use crate::query::plan;
use crate::sql::{AsOf, identifier, parts};
use crate::writer::Target;

impl Statements<'_> {
    pub(super) async fn create_schema(&self, name: &SchemaName, if_not_exists: bool) -> Result<u64> {
        let SchemaName::Simple(name) = name else {
            return Err(Error::NotImplemented("CREATE SCHEMA … AUTHORIZATION".to_owned()));
        };
        let name = schema_name(name)?;
        let lake = self.warehouse.newest_lake().await?;
        if lake
            .schemas
            .iter()
            .any(|schema| schema.name.eq_ignore_ascii_case(&name))
        {
            return if if_not_exists {
                Ok(0)
            } else {
                Err(Error::AlreadyExists {
                    what: "The schema",
                    name,
                })
            };
        }
        let mut change = Change::on(lake.snapshot);
        change.create_schema(&name);
        let line = Line::schema(ActivityKind::SchemaCreated, &name);
        self.publish(&change, &TableName::new(&name, ""), line).await?;
        Ok(0)
    }

    pub(super) async fn create_table(&self, mut create: CreateTable, moments: &[AsOf]) -> Result<u64> {
        check_clauses(&create)?;
        let name = table_name(&create.name)?;
        let lake = self.warehouse.newest_lake().await?;
        let mut change = Change::on(lake.snapshot);
        let schema = self.room_for(&lake, &name, &mut change, create.or_replace)?;
        let Some(schema) = schema else {
            return if create.if_not_exists {
                Ok(0)
            } else {
                Err(already_exists(&lake, &name))
            };
        };
        let comment = create.comment.take().map(|comment| match comment {
            CommentDef::WithEq(text) | CommentDef::WithoutEq(text) => text,
        });
        if let Some(query) = create.query.take() {
            refuse(
                !create.columns.is_empty(),
                "column definitions in CREATE TABLE … AS; cast in the query",
            )?;
            return self
                .create_from_query(name, schema, change, *query, comment, moments)
                .await;
        }
        let columns = match &create.like {
            Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) => {
                let model = table_name(&like.name)?;
                let table = lake
                    .table(&model.schema, &model.table)
                    .ok_or_else(|| crate::provider::not_found(&lake, &model))?;
                table.columns.clone()
            }
            None => columns::defined(&create.columns)?,
        };
        let made = change.create_table(NewTable::new(schema.place, &name.table, columns));
        describe(&mut change, made, comment);
        self.publish(&change, &name, created(&name, 0)).await?;
        Ok(0)
    }

    async fn create_from_query(
        &self,
        name: TableName,
        schema: Room,
        mut change: Change,
        query: Query,
        comment: Option<String>,
        moments: &[AsOf],
    ) -> Result<u64> {
        let rows = self
            .deadline
            .within(async {
                let reading = self.warehouse.reading(moments).await?;
                let state = reading.session();
                let plan = plan(&reading, &state, Statement::Query(Box::new(query))).await?;
                let physical = state.create_physical_plan(&plan).await.map_err(error_from_engine)?;
                execute_stream(physical, state.task_ctx()).map_err(error_from_engine)
            })
            .await?;
        let table = NewTable::new(schema.place, &name.table, columns::of_rows(&rows.schema())?);
        let target = Target {
            folder: format!("{}{}", schema.path, table.folder),
            columns: table.columns.clone(),
        };
        let written = self
            .deadline
            .within(Box::pin(Box::pin(self.warehouse.writer().write(target, rows, None))))
            .await?;
        let made = change.create_table(table);
        describe(&mut change, made, comment);
        if !written.files.is_empty() {
            change.append(made, written.files.clone());
        }
        self.publish(&change, &name, created(&name, written.rows)).await?;
        Ok(written.rows)
    }

    /// The schema that a new table or view goes into; none when the name is taken and may not be replaced.
    fn room_for(&self, lake: &Lake, name: &TableName, change: &mut Change, replaces: bool) -> Result<Option<Room>> {
        check_new_name(name)?;
        let Some(schema) = lake.schema(&name.schema) else {
            return Err(Error::SchemaNotFound {
                schema: name.schema.clone(),
                near: crate::engine::near_names(
                    &name.schema,
                    &lake
                        .schemas
                        .iter()
                        .map(|schema| schema.name.clone())
                        .collect::<Vec<_>>(),
                ),
            });
        };
        if let Some(table) = lake.table(&name.schema, &name.table) {
            if !replaces {
                return Ok(None);
            }
            change.drop_table(table.id);
        } else if let Some(view) = lake.view(&name.schema, &name.table) {
            if !replaces {
                return Ok(None);
            }
            change.drop_view(view.id);
        }
        Ok(Some(Room {
            place: SchemaRef::Existing(schema.id),
            path: schema.path.clone(),
        }))
    }

    pub(super) async fn create_view(&self, create: CreateView, moments: &[AsOf]) -> Result<u64> {
        refuse(create.materialized, "MATERIALIZED views; use CREATE TABLE … AS")?;
        refuse(create.or_alter, "CREATE OR ALTER; use CREATE OR REPLACE")?;
        refuse(create.temporary, "TEMPORARY views; use WITH")?;
        refuse(
            create.secure || create.with_no_schema_binding || create.copy_grants,
            "options of views",
        )?;
        refuse(!matches!(create.options, CreateTableOptions::None), "options of views")?;
        refuse(
            !create.cluster_by.is_empty() || create.to.is_some() || create.params.is_some(),
            "options of views",
        )?;
        refuse(!moments.is_empty(), "views of past versions")?;
        let name = table_name(&create.name)?;
        let lake = self.warehouse.newest_lake().await?;
        let mut change = Change::on(lake.snapshot);
        if lake.table(&name.schema, &name.table).is_some() {
            return Err(already_exists(&lake, &name));
        }
        let Some(schema) = self.room_for(&lake, &name, &mut change, create.or_replace)? else {
            return if create.if_not_exists {
                Ok(0)
            } else {
                Err(already_exists(&lake, &name))
            };
        };
        let reading = self.warehouse.reading(&[]).await?;
        let state = reading.session();
        let planned = self
            .deadline
            .within(plan(&reading, &state, Statement::Query(create.query.clone())))
            .await?;
        let columns: Vec<String> = planned
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let aliases: Vec<String> = create
            .columns
            .iter()
            .map(|column| crate::sql::written(&column.name))
            .collect();
        if aliases.len() > columns.len() {
            return Err(Error::Invalid(format!(
                "The view names {} columns, its query has {}",
                aliases.len(),
                columns.len()
            )));
        }
        let shown: Vec<&String> = columns
            .iter()
            .enumerate()
            .map(|(at, name)| aliases.get(at).unwrap_or(name))
            .collect();
        let mut seen = HashSet::new();
        if let Some(twice) = shown.iter().find(|name| !seen.insert(name.to_lowercase())) {
            return Err(Error::Invalid(format!(
                "Two columns of the view are called {twice}: name one with AS"
            )));
        }
        let aliases = if aliases.is_empty() {
            String::new()
        } else {
            shown.iter().map(|name| quote(name)).collect::<Vec<_>>().join(",")
        };
        change.create_view(schema.place, &name.table, view_text(*create.query), aliases);
        self.publish(&change, &name, Line::table(ActivityKind::ViewCreated, &name, json!({})))
            .await?;
        Ok(0)
    }
}

/// Where a new table or view goes.
struct Room {
    place: SchemaRef,
    /// The schema's folder, relative to the lake's data path.
    path: String,
}

fn created(name: &TableName, rows: u64) -> Line {
    Line::table(ActivityKind::TableCreated, name, json!({ "rows": rows }))
}

fn describe(change: &mut Change, table: TableRef, comment: Option<String>) {
    if let Some(comment) = comment {
        change.tag(Tagged::Table(table), COMMENT_TAG, Some(comment));
    }
}

pub(super) fn already_exists(lake: &Lake, name: &TableName) -> Error {
    let what = if lake.view(&name.schema, &name.table).is_some() {
        "The view"
    } else {
        "The table"
    };
    Error::AlreadyExists {
        what,
        name: name.to_string(),
    }
}

/// Names that other readers or our own pinned names could not tell apart are refused.
pub(super) fn check_new_name(name: &TableName) -> Result<()> {
    for part in [&name.schema, &name.table] {
        if part.chars().any(char::is_control) || part.contains('.') || part.len() > 200 {
            return Err(Error::InvalidName {
                name: name.to_string(),
                reason: "names have up to 200 characters, without dots and control characters".to_owned(),
            });
        }
    }
    if name.schema == "information_schema" {
        return Err(Error::NotAllowed("information_schema cannot be changed".to_owned()));
    }
    Ok(())
}

fn schema_name(name: &ObjectName) -> Result<String> {
    let parts = parts(name)?;
    let schema = match parts.as_slice() {
        [schema] => schema,
        [catalog, schema] if catalog.eq_ignore_ascii_case(crate::CATALOG_NAME) => schema,
        _ => {
            return Err(Error::InvalidName {
                name: name.to_string(),
                reason: "a schema has one name".to_owned(),
            });
        }
    };
    check_new_name(&TableName::new(schema, "t"))?;
    Ok(schema.clone())
}

pub(super) fn schema_of(name: &ObjectName) -> Result<String> {
    schema_name(name)
}

fn check_clauses(create: &CreateTable) -> Result<()> {
    refuse(
        create.temporary || create.volatile || create.transient,
        "TEMPORARY tables; use WITH",
    )?;
    refuse(
        create.external || create.location.is_some() || create.file_format.is_some(),
        "EXTERNAL tables; import the file",
    )?;
    refuse(create.clone.is_some(), "CLONE; use CREATE TABLE … AS SELECT * FROM …")?;
    refuse(
        create.snapshot || create.dynamic || create.iceberg,
        "this kind of table",
    )?;
    refuse(
        create.version.is_some(),
        "a version of the new table; write it behind the table in the query",
    )?;
    refuse(
        create.partition_by.is_some()
            || create.cluster_by.is_some()
            || create.clustered_by.is_some()
            || create.order_by.is_some(),
        "PARTITION BY, CLUSTER BY and ORDER BY of tables; leave them out: tables are laid out by their geometry",
    )?;
    refuse(
        !create.constraints.is_empty() || create.primary_key.is_some(),
        "PRIMARY KEY, UNIQUE, CHECK and FOREIGN KEY: tables of the lake have no keys",
    )?;
    refuse(
        !matches!(create.table_options, CreateTableOptions::None),
        "options of tables",
    )?;
    refuse(
        create.inherits.is_some() || create.partition_of.is_some(),
        "INHERITS and PARTITION OF",
    )?;
    refuse(
        create.without_rowid || create.strict || create.on_commit.is_some(),
        "options of tables",
    )
}

/// The view's query as every reader of the lake understands it: tables by their full names.
fn view_text(mut query: Query) -> String {
    let mut names = CteNames::default();
    let _ = VisitMut::visit(&mut query, &mut names);
    let _ = VisitMut::visit(&mut query, &mut Qualifier { with: names.0 });
    query.to_string().replace(&quote(LAKE_IN_VIEWS), LAKE_IN_VIEWS)
}

/// Names that WITH gives anywhere in the query.
#[derive(Default)]
struct CteNames(HashSet<String>);

impl VisitorMut for CteNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.0.extend(
                with.cte_tables
                    .iter()
                    .map(|table| crate::sql::written(&table.alias.name)),
            );
        }
        ControlFlow::Continue(())
    }
}

struct Qualifier {
    with: HashSet<String>,
}

impl VisitorMut for Qualifier {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if let Ok(parts) = parts(relation)
            && !(parts.len() == 1 && self.with.contains(&parts[0]))
            && let Ok(name) = TableName::from_parts(&parts)
        {
            *relation = ObjectName(
                [LAKE_IN_VIEWS, &name.schema, &name.table]
                    .into_iter()
                    .map(|part| ObjectNamePart::Identifier(identifier(part)))
                    .collect(),
            );
        }
        ControlFlow::Continue(())
    }
}
