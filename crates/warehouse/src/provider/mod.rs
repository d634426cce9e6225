//! The lake as the planner sees it: one catalog, its schemas, tables and views, as of one snapshot per statement.

mod columns;
mod exact;
mod files;
mod hidden;
mod index;
mod memory;
mod numbered;
mod table;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::ViewTable;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableType, col};
use datafusion::sql::parser::Statement as EngineStatement;
use parking_lot::Mutex;

pub(crate) use files::{FileScan, INLINED};
pub(crate) use hidden::{FILE, RESERVED, Shape, Wanted, key_fields};
pub(crate) use memory::Memory;
pub(crate) use numbered::ROW;
pub(crate) use table::{Files, TableSource};

use crate::Sql;
use crate::catalog::{Catalog, Lake, LakeView};
use crate::column_names::with_short_names;
use crate::engine::{Engine, near_names};
use crate::error::Error;
use crate::name::{CATALOG_NAME, TableName};
use crate::sql::{Kind, parse, split_pinned_schema};

/// What stands for the lake's own name in a view's text.
pub(crate) const LAKE_IN_VIEWS: &str = "{DUCKLAKE_CATALOG}";
/// Views on views on views …
const VIEW_DEPTH: usize = 16;

/// What one statement reads, and what it looked for in vain.
pub(crate) struct Reading {
    catalog: Catalog,
    engine: Arc<Engine>,
    lake: Arc<Lake>,
    /// Lakes at the moments the statement names.
    pinned: Vec<Arc<Lake>>,
    /// For statements that may be answered from memory: tables of the newest lake.
    memory: Option<Memory>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Tables read and their versions.
    tables: BTreeMap<TableName, i64>,
    missing: Vec<TableName>,
    providers: HashMap<(i64, TableName), Arc<dyn TableProvider>>,
}

impl Reading {
    pub(crate) fn new(catalog: Catalog, engine: Arc<Engine>, lake: Arc<Lake>, pinned: Vec<Arc<Lake>>) -> Arc<Self> {
        Arc::new(Reading {
            catalog,
            engine,
            lake,
            pinned,
            memory: None,
            seen: Mutex::new(Seen::default()),
        })
    }

    /// The same, answered from memory where it can be.
    pub(crate) fn from_memory(self: Arc<Self>, memory: Memory) -> Arc<Self> {
        Arc::new(Reading {
            catalog: self.catalog.clone(),
            engine: self.engine.clone(),
            lake: self.lake.clone(),
            pinned: self.pinned.clone(),
            memory: Some(memory),
            seen: Mutex::new(Seen::default()),
        })
    }

    pub(crate) fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// Puts a source of our own in the place of a table of the current lake.
    pub(crate) fn put(&self, name: TableName, source: Arc<dyn TableProvider>) {
        self.seen.lock().providers.insert((self.lake.snapshot, name), source);
    }

    /// Tables read so far, directly and through views, with their versions.
    pub(crate) fn tables_read(&self) -> Vec<(TableName, i64)> {
        self.seen
            .lock()
            .tables
            .iter()
            .map(|(name, version)| (name.clone(), *version))
            .collect()
    }

    /// The error for the first table that was looked for and is not there.
    pub(crate) fn missing(&self) -> Option<Error> {
        let missing = self.seen.lock().missing.first().cloned()?;
        Some(not_found(&self.lake, &missing))
    }

    pub(crate) fn session(self: &Arc<Self>) -> datafusion::execution::context::SessionState {
        self.session_at(self.lake.clone(), 0)
    }

    fn session_at(self: &Arc<Self>, lake: Arc<Lake>, depth: usize) -> datafusion::execution::context::SessionState {
        let catalog = LakeCatalog {
            reading: self.clone(),
            lake,
            depth,
        };
        self.engine.session(Arc::new(Catalogs {
            lake: Arc::new(catalog),
        }))
    }

    async fn provider(
        self: &Arc<Self>,
        lake: &Arc<Lake>,
        name: TableName,
        depth: usize,
    ) -> crate::Result<Option<Arc<dyn TableProvider>>> {
        let key = (lake.snapshot, name);
        if let Some(known) = self.seen.lock().providers.get(&key).cloned() {
            return Ok(Some(known));
        }
        let name = &key.1;
        let provider: Arc<dyn TableProvider> = if let Some(table) = lake.table(&name.schema, &name.table) {
            self.seen.lock().tables.insert(name.clone(), table.version);
            let memory = self.memory.clone().filter(|_| Arc::ptr_eq(lake, &self.lake));
            let source = TableSource::new(self.catalog.clone(), lake.snapshot, table.clone(), Files::All);
            Arc::new(source.with_memory(memory))
        } else if let Some(view) = lake.view(&name.schema, &name.table) {
            let plan = self.view_plan(lake, view, depth).await?;
            Arc::new(ViewTable::new(plan, Some(view.sql.clone())))
        } else {
            self.seen.lock().missing.push(name.clone());
            return Ok(None);
        };
        self.seen.lock().providers.insert(key, provider.clone());
        Ok(Some(provider))
    }

    /// The plan of a view's query, its tables read at the same snapshot.
    async fn view_plan(
        self: &Arc<Self>,
        lake: &Arc<Lake>,
        view: &LakeView,
        depth: usize,
    ) -> crate::Result<LogicalPlan> {
        let name = TableName::new(&view.schema, &view.name);
        if depth >= VIEW_DEPTH {
            return Err(Error::Invalid(format!(
                "The view {name} stands on views {VIEW_DEPTH} deep, or on itself"
            )));
        }
        let broken = |error: Error| Error::Invalid(format!("The view {name} does not work any more: {error}"));
        let text = view.sql.replace(LAKE_IN_VIEWS, CATALOG_NAME);
        let parsed = parse(&Sql::new(text)).map_err(broken)?;
        if parsed.kind != Kind::Query || !parsed.moments.is_empty() {
            return Err(broken(Error::NotAllowed("it is not a plain query".to_owned())));
        }
        let state = self.session_at(lake.clone(), depth + 1);
        let statement = EngineStatement::Statement(Box::new(parsed.statement));
        let plan = Box::pin(state.statement_to_plan(statement)).await.map_err(|error| {
            broken(crate::query::planning_error(
                self,
                crate::engine::error_from_engine(error),
            ))
        })?;
        let plan = with_short_names(plan).and_then(|plan| with_aliases(plan, &view.column_aliases));
        plan.map_err(|error| broken(crate::engine::error_from_engine(error)))
    }
}

/// The error for a name that the lake does not have, with the nearest ones it has.
pub(crate) fn not_found(lake: &Lake, missing: &TableName) -> Error {
    if lake.schema(&missing.schema).is_none() && missing.schema != "information_schema" {
        let schemas: Vec<String> = lake.schemas.iter().map(|schema| schema.name.clone()).collect();
        let elsewhere = same_table_elsewhere(lake, missing);
        if elsewhere.is_empty() {
            return Error::SchemaNotFound {
                schema: missing.schema.clone(),
                near: near_names(&missing.schema, &schemas),
            };
        }
        return Error::TableNotFound {
            name: missing.to_string(),
            near: elsewhere,
        };
    }
    let mut near = same_table_elsewhere(lake, missing);
    if near.is_empty() {
        let names: Vec<String> = lake
            .tables
            .iter()
            .map(|table| TableName::new(&table.schema, &table.name).to_string())
            .chain(
                lake.views
                    .iter()
                    .map(|view| TableName::new(&view.schema, &view.name).to_string()),
            )
            .collect();
        near = near_names(&missing.to_string(), &names);
    }
    Error::TableNotFound {
        name: missing.to_string(),
        near,
    }
}

fn same_table_elsewhere(lake: &Lake, missing: &TableName) -> Vec<String> {
    let tables = lake.tables.iter().map(|table| (&table.schema, &table.name));
    let views = lake.views.iter().map(|view| (&view.schema, &view.name));
    tables
        .chain(views)
        .filter(|(_, name)| name.eq_ignore_ascii_case(&missing.table))
        .map(|(schema, name)| TableName::new(schema, name).to_string())
        .take(3)
        .collect()
}

/// `"a","b"` as the catalog has it, given to the columns in order.
fn with_aliases(plan: LogicalPlan, aliases: &str) -> Result<LogicalPlan> {
    let aliases = quoted_names(aliases);
    if aliases.is_empty() {
        return Ok(plan);
    }
    let columns = plan.schema().columns();
    if aliases.len() > columns.len() {
        return Err(DataFusionError::Plan(format!(
            "it names {} columns but has {}",
            aliases.len(),
            columns.len()
        )));
    }
    let named = columns
        .into_iter()
        .enumerate()
        .map(|(index, column)| match aliases.get(index) {
            Some(alias) => col(column).alias(alias),
            None => col(column),
        });
    LogicalPlanBuilder::from(plan).project(named)?.build()
}

/// The names of a list such as `"a","b ""c"""`.
fn quoted_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '"' {
            continue;
        }
        let mut name = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' if characters.peek() == Some(&'"') => {
                    characters.next();
                    name.push('"');
                }
                '"' => break,
                other => name.push(other),
            }
        }
        names.push(name);
    }
    names
}

/// The only catalog there is.
struct Catalogs {
    lake: Arc<LakeCatalog>,
}

impl fmt::Debug for Catalogs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Catalogs")
    }
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG_NAME.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG_NAME).then(|| self.lake.clone() as Arc<dyn CatalogProvider>)
    }
}

struct LakeCatalog {
    reading: Arc<Reading>,
    lake: Arc<Lake>,
    /// How many views deep.
    depth: usize,
}

impl fmt::Debug for LakeCatalog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the lake at snapshot {}", self.lake.snapshot)
    }
}

impl CatalogProvider for LakeCatalog {
    fn schema_names(&self) -> Vec<String> {
        visible_schemas(&self.lake)
    }

    /// Any name will do: what is not there is found missing table by table, and told with near names.
    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let (schema, moment) = split_pinned_schema(name);
        let lake = match moment {
            Some(position) => self.reading.pinned.get(position)?.clone(),
            None => self.lake.clone(),
        };
        Some(Arc::new(LakeSchemaSource {
            reading: self.reading.clone(),
            lake,
            schema: schema.to_owned(),
            depth: self.depth,
        }))
    }
}

/// DuckLake's `main` is hidden while it is empty.
pub(crate) fn visible_schemas(lake: &Lake) -> Vec<String> {
    let is_empty = |schema: &str| {
        lake.tables.iter().all(|table| table.schema != schema) && lake.views.iter().all(|view| view.schema != schema)
    };
    lake.schemas
        .iter()
        .map(|schema| schema.name.clone())
        .filter(|schema| schema != "main" || !is_empty(schema))
        .collect()
}

struct LakeSchemaSource {
    reading: Arc<Reading>,
    lake: Arc<Lake>,
    schema: String,
    depth: usize,
}

impl fmt::Debug for LakeSchemaSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at snapshot {}", self.schema, self.lake.snapshot)
    }
}

#[async_trait]
impl SchemaProvider for LakeSchemaSource {
    fn table_names(&self) -> Vec<String> {
        let tables = self
            .lake
            .tables
            .iter()
            .filter(|table| table.schema == self.schema)
            .map(|table| table.name.clone());
        let views = self
            .lake
            .views
            .iter()
            .filter(|view| view.schema == self.schema)
            .map(|view| view.name.clone());
        tables.chain(views).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.reading
            .provider(&self.lake, TableName::new(&self.schema, name), self.depth)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(if self.lake.table(&self.schema, name).is_some() {
            Some(TableType::Base)
        } else {
            self.lake.view(&self.schema, name).map(|_| TableType::View)
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        self.lake.table(&self.schema, name).is_some() || self.lake.view(&self.schema, name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_views_are_read() {
        assert_eq!(quoted_names(r#""a","b ""c""""#), ["a", "b \"c\""]);
        assert!(quoted_names("").is_empty());
    }
}
