//! DROP TABLE, VIEW and SCHEMA, and COMMENT.

use access::activity::ActivityKind;
use datafusion::sql::sqlparser::ast::{CommentObject, ObjectName, ObjectType};
use serde_json::json;

use super::create::schema_of;
use super::publish::Line;
use super::{Statements, table_name};
use crate::catalog::{COMMENT_TAG, Lake};
use crate::commit::{Change, TableRef, Tagged};
use crate::engine::near_names;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::provider::not_found;
use crate::sql::parts;

impl Statements<'_> {
    pub(super) async fn drop(
        &self,
        what: ObjectType,
        if_exists: bool,
        names: &[ObjectName],
        cascade: bool,
    ) -> Result<u64> {
        for name in names {
            match what {
                ObjectType::Table => self.drop_table(&table_name(name)?, if_exists).await?,
                ObjectType::View => self.drop_view(&table_name(name)?, if_exists).await?,
                ObjectType::Schema => self.drop_schema(&schema_of(name)?, if_exists, cascade).await?,
                ref other => return Err(Error::NotAllowed(format!("DROP {other} is not available here"))),
            }
        }
        Ok(0)
    }

    pub(crate) async fn drop_table(&self, name: &TableName, if_exists: bool) -> Result<()> {
        let lake = self.warehouse.newest_lake().await?;
        let Some(table) = lake.table(&name.schema, &name.table) else {
            if lake.view(&name.schema, &name.table).is_some() {
                return Err(Error::Invalid(format!("{name} is a view: use DROP VIEW")));
            }
            return if if_exists { Ok(()) } else { Err(not_found(&lake, name)) };
        };
        let mut change = Change::on(lake.snapshot);
        change.drop_table(table.id);
        self.publish(&change, name, Line::table(ActivityKind::TableDropped, name, json!({})))
            .await?;
        Ok(())
    }

    async fn drop_view(&self, name: &TableName, if_exists: bool) -> Result<()> {
        let lake = self.warehouse.newest_lake().await?;
        let Some(view) = lake.view(&name.schema, &name.table) else {
            if lake.table(&name.schema, &name.table).is_some() {
                return Err(Error::Invalid(format!("{name} is a table: use DROP TABLE")));
            }
            return if if_exists { Ok(()) } else { Err(not_found(&lake, name)) };
        };
        let mut change = Change::on(lake.snapshot);
        change.drop_view(view.id);
        self.publish(&change, name, Line::table(ActivityKind::ViewDropped, name, json!({})))
            .await?;
        Ok(())
    }

    async fn drop_schema(&self, name: &str, if_exists: bool, cascade: bool) -> Result<()> {
        let lake = self.warehouse.newest_lake().await?;
        let Some(schema) = lake.schema(name) else {
            let known: Vec<String> = lake.schemas.iter().map(|schema| schema.name.clone()).collect();
            return if if_exists {
                Ok(())
            } else {
                Err(Error::SchemaNotFound {
                    schema: name.to_owned(),
                    near: near_names(name, &known),
                })
            };
        };
        if name == "public" || name == "main" {
            return Err(Error::NotAllowed(format!("The schema {name} is always there")));
        }
        let mut change = Change::on(lake.snapshot);
        let (tables, views) = inside(&lake, name);
        if !cascade && (!tables.is_empty() || !views.is_empty()) {
            return Err(Error::Invalid(format!(
                "The schema {name} holds {} tables and views: drop them first, or use DROP SCHEMA {name} CASCADE",
                tables.len() + views.len()
            )));
        }
        for view in views {
            change.drop_view(view);
        }
        for table in tables {
            change.drop_table(table);
        }
        change.drop_schema(schema.id);
        self.publish(
            &change,
            &TableName::new(name, ""),
            Line::schema(ActivityKind::SchemaDeleted, name),
        )
        .await?;
        Ok(())
    }

    pub(super) async fn comment(
        &self,
        what: CommentObject,
        name: &ObjectName,
        comment: Option<String>,
        if_exists: bool,
    ) -> Result<u64> {
        let lake = self.warehouse.newest_lake().await?;
        let mut change = Change::on(lake.snapshot);
        let (on, table) = match what {
            CommentObject::Table | CommentObject::View => {
                let name = table_name(name)?;
                let on = match (
                    lake.table(&name.schema, &name.table),
                    lake.view(&name.schema, &name.table),
                ) {
                    (Some(table), _) => Tagged::Table(TableRef::Existing(table.id)),
                    (None, Some(view)) => Tagged::View(view.id),
                    (None, None) if if_exists => return Ok(0),
                    (None, None) => return Err(not_found(&lake, &name)),
                };
                (on, name)
            }
            CommentObject::Column => {
                let mut parts = parts(name)?;
                let column = parts.pop().unwrap_or_default();
                let name = TableName::from_parts(&parts).map_err(|reason| Error::InvalidName {
                    name: name.to_string(),
                    reason,
                })?;
                let table = lake
                    .table(&name.schema, &name.table)
                    .ok_or_else(|| not_found(&lake, &name))?;
                let column = super::alter::column_named(table, &column)?;
                (Tagged::Column(TableRef::Existing(table.id), column.id), name)
            }
            other => return Err(Error::NotImplemented(format!("COMMENT ON {other}"))),
        };
        change.tag(on, COMMENT_TAG, comment.filter(|text| !text.is_empty()));
        let line = Line::table(ActivityKind::TableChanged, &table, json!({ "change": "comment" }));
        self.publish(&change, &table, line).await?;
        Ok(0)
    }
}

fn inside(lake: &Lake, schema: &str) -> (Vec<i64>, Vec<i64>) {
    let tables = lake
        .tables
        .iter()
        .filter(|table| table.schema == schema)
        .map(|table| table.id)
        .collect();
    let views = lake
        .views
        .iter()
        .filter(|view| view.schema == schema)
        .map(|view| view.id)
        .collect();
    (tables, views)
}
