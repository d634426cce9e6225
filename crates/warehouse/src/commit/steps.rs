//! What each step of a change writes into the catalog.

use uuid::Uuid;

use crate::catalog::inlined;
use crate::catalog::sql::{Value, fetch};
use crate::catalog::{COMMENT_TAG, CRS_TAG, ChangeMade, SOURCE_CRS_TAG, of_column};
use crate::error::{Error, Result};
use crate::table::Column;

use super::publish::{Made, Publishing, new_uuid};
use super::tags::tag;
use super::{NewFile, NewTable, Reason, Replacement, SchemaRef, Step, TableRef, folder_of, number_columns};

const COLUMN_FIELDS: [&str; 12] = [
    "column_id",
    "begin_snapshot",
    "table_id",
    "column_order",
    "column_name",
    "column_type",
    "initial_default",
    "default_value",
    "nulls_allowed",
    "parent_column",
    "default_value_type",
    "default_value_dialect",
];
const TABLE_FIELDS: [&str; 7] = [
    "table_id",
    "table_uuid",
    "begin_snapshot",
    "schema_id",
    "table_name",
    "path",
    "path_is_relative",
];

pub(super) async fn apply(publishing: &mut Publishing<'_>, step: &Step) -> Result<()> {
    match step {
        Step::CreateSchema { name } => create_schema(publishing, name).await,
        Step::DropSchema { id } => drop_schema(publishing, *id).await,
        Step::CreateTable(table) => create_table(publishing, table).await,
        Step::DropTable { id } => drop_table(publishing, *id).await,
        Step::RenameTable { id, name } => rename_table(publishing, *id, name).await,
        Step::AddColumn { table, column } => add_column(publishing, *table, column).await,
        Step::AlterColumn { table, column } => alter_column(publishing, *table, column).await,
        Step::DropColumn { table, column } => drop_column(publishing, *table, *column).await,
        Step::CreateView {
            schema,
            name,
            sql,
            column_aliases,
        } => create_view(publishing, *schema, name, sql, column_aliases).await,
        Step::DropView { id } => drop_view(publishing, *id).await,
        Step::Tag { on, key, value } => tag(publishing, *on, key, value.as_deref()).await,
        Step::Append { table, files } => append(publishing, *table, files).await,
        Step::Replace {
            table,
            reason,
            replacement,
        } => replace(publishing, *table, *reason, replacement).await,
    }
}

async fn create_schema(publishing: &mut Publishing<'_>, name: &str) -> Result<()> {
    publishing.check_schema_is_free(name).await?;
    let id = publishing.catalog_id();
    let uuid = Uuid::now_v7();
    let path = folder_of(name, uuid);
    let row = vec![
        id.into(),
        Value::Uuid(uuid),
        publishing.snapshot.into(),
        name.into(),
        path.clone().into(),
        true.into(),
    ];
    publishing
        .insert(
            "ducklake_schema",
            &[
                "schema_id",
                "schema_uuid",
                "begin_snapshot",
                "schema_name",
                "path",
                "path_is_relative",
            ],
            vec![row],
        )
        .await?;
    publishing.schemas.push(Made {
        id,
        name: name.to_owned(),
        path,
    });
    publishing.schema_changed(ChangeMade::CreatedSchema(name.to_owned()));
    Ok(())
}

async fn drop_schema(publishing: &mut Publishing<'_>, id: i64) -> Result<()> {
    let (name, _) = publishing.current_schema(id).await?;
    let prefix = publishing.prefix;
    let inside: Vec<(i64,)> = fetch(
        publishing.tx,
        format!(
            "SELECT (SELECT count(*) FROM {prefix}ducklake_table WHERE schema_id = {id} AND end_snapshot IS NULL) + \
             (SELECT count(*) FROM {prefix}ducklake_view WHERE schema_id = {id} AND end_snapshot IS NULL)"
        ),
        &[],
    )
    .await?;
    if inside.first().is_some_and(|(count,)| *count > 0) {
        return Err(Error::Constraint(format!(
            "The schema {name} is not empty: drop its tables and views first, or use DROP SCHEMA … CASCADE"
        )));
    }
    publishing.end("ducklake_schema", &format!("schema_id = {id}")).await?;
    publishing.schema_changed(ChangeMade::DroppedSchema(id));
    Ok(())
}

/// Id, name and folder of a schema.
async fn resolve_schema(publishing: &mut Publishing<'_>, schema: SchemaRef) -> Result<Made> {
    match schema {
        SchemaRef::Existing(id) => {
            let (name, path) = publishing.current_schema(id).await?;
            Ok(Made { id, name, path })
        }
        SchemaRef::New(index) => publishing
            .schemas
            .get(index)
            .cloned()
            .ok_or_else(|| Error::Internal("a table before its schema".to_owned())),
    }
}

/// Id, name and folder of a table.
pub(super) async fn resolve_table(publishing: &mut Publishing<'_>, table: TableRef) -> Result<Made> {
    match table {
        TableRef::Existing(id) => {
            let current = publishing.current_table(id).await?;
            let path = current.full_path.ok_or_else(|| {
                Error::NotImplemented(format!(
                    "writing to {}, whose files stand at an absolute path",
                    current.name
                ))
            })?;
            Ok(Made {
                id,
                name: current.name,
                path,
            })
        }
        TableRef::New(index) => publishing
            .tables
            .get(index)
            .cloned()
            .ok_or_else(|| Error::Internal("rows before their table".to_owned())),
    }
}

async fn create_table(publishing: &mut Publishing<'_>, table: &NewTable) -> Result<()> {
    let schema = resolve_schema(publishing, table.schema).await?;
    publishing.check_name_is_free(schema.id, &table.name).await?;
    let id = publishing.catalog_id();
    let row = vec![
        id.into(),
        Value::Uuid(table.uuid),
        publishing.snapshot.into(),
        schema.id.into(),
        table.name.as_str().into(),
        table.folder.as_str().into(),
        true.into(),
    ];
    publishing.insert("ducklake_table", &TABLE_FIELDS, vec![row]).await?;
    let mut rows = Vec::new();
    for column in &table.columns {
        column_rows(publishing.snapshot, id, column, column.id, None, &mut rows);
    }
    publishing.insert("ducklake_column", &COLUMN_FIELDS, rows).await?;
    insert_tags_of(publishing, id, &table.columns).await?;
    publishing.tables.push(Made {
        id,
        name: table.name.clone(),
        path: format!("{}{}", schema.path, table.folder),
    });
    publishing.schema_changed(ChangeMade::CreatedTable(schema.name, table.name.clone()));
    publishing.reshape(id);
    Ok(())
}

/// One row for the column and each column inside it. `order` is the place in the table: a new column's id, as DuckDB
/// has it.
fn column_rows(
    snapshot: i64,
    table: i64,
    column: &Column,
    order: i64,
    parent: Option<i64>,
    rows: &mut Vec<Vec<Value>>,
) {
    let default_type = match (column.default_is_expression, column.children.is_empty()) {
        (true, _) => "expression",
        (false, true) => "literal",
        (false, false) => "",
    };
    rows.push(vec![
        column.id.into(),
        snapshot.into(),
        table.into(),
        order.into(),
        column.name.as_str().into(),
        column.type_name.as_str().into(),
        column.initial_default.clone().into(),
        column.default_value.as_deref().unwrap_or("NULL").into(),
        column.nullable.into(),
        parent.into(),
        default_type.into(),
        "duckdb".into(),
    ]);
    for child in &column.children {
        column_rows(snapshot, table, child, child.id, Some(column.id), rows);
    }
}

/// Tags the columns of a new table, or a new column, bring: descriptions, and the CRS of geometries.
async fn insert_tags_of(publishing: &mut Publishing<'_>, table: i64, columns: &[Column]) -> Result<()> {
    let snapshot = publishing.snapshot;
    let descriptions = columns.iter().filter_map(|column| {
        let description = column.description.as_deref()?;
        Some(vec![
            table.into(),
            column.id.into(),
            snapshot.into(),
            COMMENT_TAG.into(),
            description.into(),
        ])
    });
    insert_column_tags(publishing, descriptions.collect()).await?;
    let projections = columns.iter().filter_map(|column| {
        let crs = column.crs.as_deref()?;
        Some(vec![
            table.into(),
            snapshot.into(),
            of_column(CRS_TAG, column.id).into(),
            crs.into(),
        ])
    });
    publishing
        .insert(
            "ducklake_tag",
            &["object_id", "begin_snapshot", "key", "value"],
            projections.collect(),
        )
        .await
}

pub(super) async fn insert_column_tags(publishing: &mut Publishing<'_>, rows: Vec<Vec<Value>>) -> Result<()> {
    publishing
        .insert(
            "ducklake_column_tag",
            &["table_id", "column_id", "begin_snapshot", "key", "value"],
            rows,
        )
        .await
}

async fn drop_table(publishing: &mut Publishing<'_>, id: i64) -> Result<()> {
    publishing.current_table(id).await?;
    for table in [
        "ducklake_table",
        "ducklake_column",
        "ducklake_column_tag",
        "ducklake_data_file",
        "ducklake_delete_file",
    ] {
        publishing.end(table, &format!("table_id = {id}")).await?;
    }
    for table in ["ducklake_partition_info", "ducklake_sort_info"] {
        publishing.end(table, &format!("table_id = {id}")).await?;
    }
    publishing.end("ducklake_tag", &format!("object_id = {id}")).await?;
    end_inlined_rows(publishing, id).await?;
    publishing.schema_changed(ChangeMade::DroppedTable(id));
    Ok(())
}

async fn end_inlined_rows(publishing: &mut Publishing<'_>, table: i64) -> Result<()> {
    let base = publishing.base;
    for inlined in inlined::tables_of(publishing.tx, table).await? {
        publishing
            .end(&inlined.name, &format!("begin_snapshot <= {base}"))
            .await?;
    }
    Ok(())
}

async fn rename_table(publishing: &mut Publishing<'_>, id: i64, name: &str) -> Result<()> {
    let table = publishing.current_table(id).await?;
    let (schema_name, _) = publishing.current_schema(table.schema_id).await?;
    publishing.check_name_is_free(table.schema_id, name).await?;
    publishing.end("ducklake_table", &format!("table_id = {id}")).await?;
    let uuid = Uuid::parse_str(&table.uuid)
        .map_err(|error| Error::Damaged(format!("the catalog's uuid of {}: {error}", table.name)))?;
    let row = vec![
        id.into(),
        Value::Uuid(uuid),
        publishing.snapshot.into(),
        table.schema_id.into(),
        name.into(),
        table.path.into(),
        Value::Bool(table.path_is_relative),
    ];
    publishing.insert("ducklake_table", &TABLE_FIELDS, vec![row]).await?;
    // This is how DuckDB says it.
    publishing.schema_changed(ChangeMade::CreatedTable(schema_name, name.to_owned()));
    publishing.reshape(id);
    Ok(())
}

async fn add_column(publishing: &mut Publishing<'_>, table: i64, column: &Column) -> Result<()> {
    publishing.current_table(table).await?;
    let prefix = publishing.prefix;
    let numbers: Vec<(i64,)> = fetch(
        publishing.tx,
        format!("SELECT coalesce(max(column_id), 0) FROM {prefix}ducklake_column WHERE table_id = {table}"),
        &[],
    )
    .await?;
    let last_id = numbers.first().map_or(0, |row| row.0);
    check_column_name_is_free(publishing, table, &column.name).await?;
    let mut column = column.clone();
    number_columns(std::slice::from_mut(&mut column), last_id + 1);
    let mut rows = Vec::new();
    column_rows(publishing.snapshot, table, &column, column.id, None, &mut rows);
    publishing.insert("ducklake_column", &COLUMN_FIELDS, rows).await?;
    insert_tags_of(publishing, table, std::slice::from_ref(&column)).await?;
    altered(publishing, table);
    Ok(())
}

async fn check_column_name_is_free(publishing: &mut Publishing<'_>, table: i64, name: &str) -> Result<()> {
    let prefix = publishing.prefix;
    let there: Vec<(i64,)> = fetch(
        publishing.tx,
        format!(
            "SELECT count(*) FROM {prefix}ducklake_column WHERE table_id = {table} AND end_snapshot IS NULL \
             AND parent_column IS NULL AND column_name = $1"
        ),
        &[name],
    )
    .await?;
    if there.first().is_some_and(|(count,)| *count > 0) {
        return Err(Error::AlreadyExists {
            what: "The column",
            name: name.to_owned(),
        });
    }
    Ok(())
}

async fn alter_column(publishing: &mut Publishing<'_>, table: i64, column: &Column) -> Result<()> {
    publishing.current_table(table).await?;
    publishing.check_columns(table).await?;
    let (prefix, id) = (publishing.prefix, column.id);
    let now: Vec<(i64, String)> = fetch(
        publishing.tx,
        format!(
            "SELECT column_order, column_name FROM {prefix}ducklake_column \
             WHERE table_id = {table} AND column_id = {id} AND end_snapshot IS NULL AND parent_column IS NULL"
        ),
        &[],
    )
    .await?;
    let Some((order, name)) = now.into_iter().next() else {
        return Err(publishing.conflict());
    };
    if name != column.name {
        check_column_name_is_free(publishing, table, &column.name).await?;
    }
    publishing
        .end("ducklake_column", &format!("table_id = {table} AND column_id = {id}"))
        .await?;
    let mut rows = Vec::new();
    column_rows(publishing.snapshot, table, column, order, None, &mut rows);
    // Inner columns stay as they are.
    rows.truncate(1);
    publishing.insert("ducklake_column", &COLUMN_FIELDS, rows).await?;
    altered(publishing, table);
    Ok(())
}

async fn drop_column(publishing: &mut Publishing<'_>, table: i64, column: i64) -> Result<()> {
    publishing.current_table(table).await?;
    publishing.check_columns(table).await?;
    let prefix = publishing.prefix;
    let all: Vec<(i64, Option<i64>)> = fetch(
        publishing.tx,
        format!("SELECT column_id, parent_column FROM {prefix}ducklake_column WHERE table_id = {table} AND end_snapshot IS NULL"),
        &[],
    )
    .await?;
    let mut gone = vec![column];
    let mut position = 0;
    while let Some(outer) = gone.get(position).copied() {
        gone.extend(
            all.iter()
                .filter(|(_, parent)| *parent == Some(outer))
                .map(|(id, _)| *id),
        );
        position += 1;
    }
    let ids = crate::catalog::sql::list(&gone);
    if publishing
        .end(
            "ducklake_column",
            &format!("table_id = {table} AND column_id IN ({ids})"),
        )
        .await?
        == 0
    {
        return Err(publishing.conflict());
    }
    publishing
        .end(
            "ducklake_column_tag",
            &format!("table_id = {table} AND column_id = {column}"),
        )
        .await?;
    for key in [CRS_TAG, SOURCE_CRS_TAG] {
        let key = of_column(key, column);
        publishing
            .end("ducklake_tag", &format!("object_id = {table} AND \"key\" = '{key}'"))
            .await?;
    }
    altered(publishing, table);
    Ok(())
}

fn altered(publishing: &mut Publishing<'_>, table: i64) {
    publishing.schema_changed(ChangeMade::AlteredTable(table));
    publishing.reshape(table);
}

async fn create_view(
    publishing: &mut Publishing<'_>,
    schema: SchemaRef,
    name: &str,
    sql: &str,
    column_aliases: &str,
) -> Result<()> {
    let schema = resolve_schema(publishing, schema).await?;
    publishing.check_name_is_free(schema.id, name).await?;
    let id = publishing.catalog_id();
    let row = vec![
        id.into(),
        new_uuid(),
        publishing.snapshot.into(),
        schema.id.into(),
        name.into(),
        "duckdb".into(),
        sql.into(),
        column_aliases.into(),
    ];
    publishing
        .insert(
            "ducklake_view",
            &[
                "view_id",
                "view_uuid",
                "begin_snapshot",
                "schema_id",
                "view_name",
                "dialect",
                "sql",
                "column_aliases",
            ],
            vec![row],
        )
        .await?;
    publishing.schema_changed(ChangeMade::CreatedView(schema.name, name.to_owned()));
    Ok(())
}

async fn drop_view(publishing: &mut Publishing<'_>, id: i64) -> Result<()> {
    if publishing.end("ducklake_view", &format!("view_id = {id}")).await? == 0 {
        return Err(publishing.conflict());
    }
    publishing.end("ducklake_tag", &format!("object_id = {id}")).await?;
    publishing.schema_changed(ChangeMade::DroppedView(id));
    Ok(())
}

async fn append(publishing: &mut Publishing<'_>, table: TableRef, files: &[NewFile]) -> Result<()> {
    let made = resolve_table(publishing, table).await?;
    if let TableRef::Existing(id) = table {
        publishing.check_columns(id).await?;
    }
    if files.is_empty() {
        return Ok(());
    }
    super::statistics::add_files(publishing, &made, files, false).await?;
    publishing.made.push(ChangeMade::InsertedInto(made.id));
    Ok(())
}

async fn replace(publishing: &mut Publishing<'_>, table: i64, reason: Reason, replacement: &Replacement) -> Result<()> {
    let made = resolve_table(publishing, TableRef::Existing(table)).await?;
    publishing.check_columns(table).await?;
    publishing.check_replacement(table, replacement).await?;
    for files in replacement.removed_files.chunks(10_000) {
        let ids = crate::catalog::sql::list(files);
        publishing
            .end("ducklake_data_file", &format!("data_file_id IN ({ids})"))
            .await?;
        publishing
            .end("ducklake_delete_file", &format!("data_file_id IN ({ids})"))
            .await?;
    }
    if replacement.removes_inlined {
        end_inlined_rows(publishing, table).await?;
    }
    let is_everything = is_empty_now(publishing, table).await?;
    super::statistics::add_files(publishing, &made, &replacement.added, is_everything).await?;
    match reason {
        Reason::RowsChanged => {
            publishing.made.push(ChangeMade::DeletedFrom(table));
            if !replacement.added.is_empty() {
                publishing.made.push(ChangeMade::InsertedInto(table));
            }
        }
        Reason::SameRows => publishing.made.push(ChangeMade::MergedAdjacent(table)),
    }
    // Makes DuckDB's concurrent inlined deletions from the files that gave way fail: it looks for no other change.
    publishing.made.push(ChangeMade::InlineFlush(table));
    Ok(())
}

/// Whether no file and no inlined row of the table is in force any more.
async fn is_empty_now(publishing: &mut Publishing<'_>, table: i64) -> Result<bool> {
    let prefix = publishing.prefix;
    let files: Vec<(i64,)> = fetch(
        publishing.tx,
        format!("SELECT count(*) FROM {prefix}ducklake_data_file WHERE table_id = {table} AND end_snapshot IS NULL"),
        &[],
    )
    .await?;
    let mut rows = files.first().map_or(0, |row| row.0);
    for inlined in inlined::tables_of(publishing.tx, table).await? {
        let inside: Vec<(i64,)> = fetch(
            publishing.tx,
            format!(
                "SELECT count(*) FROM {prefix}{} WHERE end_snapshot IS NULL",
                inlined.name
            ),
            &[],
        )
        .await?;
        rows += inside.first().map_or(0, |row| row.0);
    }
    Ok(rows == 0)
}
