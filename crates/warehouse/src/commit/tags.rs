//! Tags in the catalog: comments, attributions, coordinate systems.

use crate::catalog::{COMMENT_TAG, ChangeMade, of_column};
use crate::error::Result;

use super::publish::Publishing;
use super::steps::{insert_column_tags, resolve_table};
use super::{TableRef, Tagged};

pub(super) async fn tag(publishing: &mut Publishing<'_>, on: Tagged, key: &str, value: Option<&str>) -> Result<()> {
    match on {
        Tagged::Table(table) => {
            let made = resolve_table(publishing, table).await?;
            tag_object(publishing, made.id, key, value).await?;
            if table == TableRef::Existing(made.id) {
                publishing.schema_changed(ChangeMade::AlteredTable(made.id));
            }
        }
        Tagged::View(id) => {
            tag_object(publishing, id, key, value).await?;
            publishing.schema_changed(ChangeMade::AlteredView(id));
        }
        Tagged::Column(table, column) => {
            let table = resolve_table(publishing, table).await?;
            if key == COMMENT_TAG {
                describe_column(publishing, table.id, column, value).await?;
            } else {
                tag_object(publishing, table.id, &of_column(key, column), value).await?;
            }
            publishing.schema_changed(ChangeMade::AlteredTable(table.id));
        }
    }
    Ok(())
}

async fn describe_column(
    publishing: &mut Publishing<'_>,
    table: i64,
    column: i64,
    description: Option<&str>,
) -> Result<()> {
    let condition = format!("table_id = {table} AND column_id = {column} AND \"key\" = '{COMMENT_TAG}'");
    publishing.end("ducklake_column_tag", &condition).await?;
    let Some(description) = description else { return Ok(()) };
    let row = vec![
        table.into(),
        column.into(),
        publishing.snapshot.into(),
        COMMENT_TAG.into(),
        description.into(),
    ];
    insert_column_tags(publishing, vec![row]).await
}

async fn tag_object(publishing: &mut Publishing<'_>, object: i64, key: &str, value: Option<&str>) -> Result<()> {
    let snapshot = publishing.snapshot;
    let quoted = key.replace('\'', "''");
    publishing
        .end(
            "ducklake_tag",
            &format!("object_id = {object} AND \"key\" = '{quoted}'"),
        )
        .await?;
    let Some(value) = value else { return Ok(()) };
    let row = vec![object.into(), snapshot.into(), key.into(), value.into()];
    publishing
        .insert(
            "ducklake_tag",
            &["object_id", "begin_snapshot", "key", "value"],
            vec![row],
        )
        .await
}
