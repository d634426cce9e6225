//! What there is: schemas, tables and views, each table with its columns, geometry and files.

use futures::future::BoxFuture;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use spatial::LonLatBox;

use crate::catalog::{Contents, Lake, LakeTable, crs_or_default};
use crate::engine::is_lonlat;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::provider::{not_found, visible_schemas};
use crate::table::{GeometryInfo, GeometryKind, Table, TableKind, TableSummary};
use crate::{Warehouse, types};

impl Warehouse {
    /// Schemas in name order. DuckLake's `main` is hidden while it is empty.
    pub fn schemas<'a>(&'a self) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move { Ok(visible_schemas(&*self.newest_lake().await?)) })
    }

    /// Tables and views of a schema in name order.
    pub fn tables<'a>(&'a self, schema: &'a str) -> BoxFuture<'a, Result<Vec<TableSummary>>> {
        Box::pin(async move {
            let lake = self.newest_lake().await?;
            if lake.schema(schema).is_none() {
                let schemas: Vec<String> = lake.schemas.iter().map(|schema| schema.name.clone()).collect();
                return Err(Error::SchemaNotFound {
                    schema: schema.to_owned(),
                    near: crate::engine::near_names(schema, &schemas),
                });
            }
            let tables = lake
                .tables
                .iter()
                .filter(|table| table.schema == schema)
                .map(|table| TableSummary {
                    name: TableName::new(&table.schema, &table.name),
                    kind: TableKind::Table,
                    rows: Some(table.rows),
                    bytes: Some(table.bytes),
                    geometry: geometry_kind(table),
                    description: table.description.clone(),
                    attribution: table.attribution.clone(),
                    created_at: table.created_at,
                    modified_at: table.modified_at,
                });
            let views = lake
                .views
                .iter()
                .filter(|view| view.schema == schema)
                .map(|view| TableSummary {
                    name: TableName::new(&view.schema, &view.name),
                    kind: TableKind::View,
                    rows: None,
                    bytes: None,
                    geometry: None,
                    description: view.description.clone(),
                    attribution: None,
                    created_at: view.created_at,
                    modified_at: view.created_at,
                });
            let mut all: Vec<TableSummary> = tables.chain(views).collect();
            all.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(all)
        })
    }

    /// A table at the current snapshot. Costs one small catalog query while nothing changes.
    ///
    /// Views are no tables: [`Error::TableNotFound`]; describe `SELECT * FROM view` instead.
    pub fn table<'a>(&'a self, name: &'a TableName) -> BoxFuture<'a, Result<Arc<Table>>> {
        Box::pin(async move {
            let lake = self.newest_lake().await?;
            self.table_in(&lake, name).await
        })
    }

    pub(crate) async fn newest_lake(&self) -> Result<Arc<Lake>> {
        let snapshot = self.catalog().current().await?;
        self.catalog().lake(snapshot).await
    }

    pub(crate) async fn table_in(&self, lake: &Lake, name: &TableName) -> Result<Arc<Table>> {
        let table = lake
            .table(&name.schema, &name.table)
            .ok_or_else(|| not_found(lake, name))?;
        let key = (table.id, table.version, lake.schema_version);
        if let Some(known) = self.known_tables().get(&key) {
            return Ok(known);
        }
        let contents = self.catalog().contents(lake.snapshot, table).await?;
        let described = Arc::new(described(lake, table, &contents));
        self.known_tables().insert(key, described.clone());
        Ok(described)
    }
}

pub(crate) fn geometry_kind(table: &LakeTable) -> Option<GeometryKind> {
    let column = table.geometry_column()?;
    Some(
        table
            .geometry
            .get(&column.id)
            .and_then(|statistics| statistics.kind())
            .unwrap_or(GeometryKind::Mixed),
    )
}

fn described(lake: &Lake, table: &LakeTable, contents: &Contents) -> Table {
    let fields: Vec<Field> = table.columns.iter().map(types::field_of).collect();
    Table {
        id: table.id,
        name: TableName::new(&table.schema, &table.name),
        snapshot: lake.snapshot,
        version: table.version,
        columns: table.columns.clone(),
        arrow_schema: Arc::new(Schema::new(fields)),
        geometry: geometry_info(table),
        rows: table.rows,
        bytes: table.bytes,
        files: contents.files.clone(),
        description: table.description.clone(),
        attribution: table.attribution.clone(),
        created_at: table.created_at,
        modified_at: table.modified_at,
        has_inlined_rows: contents.inlined.is_some(),
        lod_is_global: table.keys.lod_is_global,
    }
}

fn geometry_info(table: &LakeTable) -> Option<GeometryInfo> {
    let column = table.geometry_column()?;
    let crs = crs_or_default(column);
    let from_statistics = || {
        let [west, south, east, north] = table.geometry.get(&column.id)?.bounds?;
        is_lonlat(crs).then_some(LonLatBox {
            west,
            south,
            east,
            north,
        })
    };
    let from_keys = || {
        let [west, south, east, north] = table.keys.bounds.filter(|_| table.keys.is_keyed)?;
        Some(LonLatBox {
            west,
            south,
            east,
            north,
        })
    };
    Some(GeometryInfo {
        column: column.name.clone(),
        kind: geometry_kind(table).unwrap_or(GeometryKind::Mixed),
        crs: crs.to_owned(),
        bounds: from_keys().or_else(from_statistics),
        is_keyed: table.keys.is_keyed,
    })
}
