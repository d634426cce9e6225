//! The engine: one session template with every function, memory and disk limits; a session per statement.

mod client_functions;
mod errors;
mod functions;
mod projections;
mod range_bucket;
mod room;
mod run;
mod shared_crs;
mod type_names;
mod yielding;

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::CatalogProviderList;
use datafusion::common::DFSchema;
use datafusion::execution::TaskContext;
use datafusion::execution::context::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, ExprWithAlias};
use object_store::ObjectStore;
use sedona::context::SedonaContext;
use sedona_common::SedonaOptions;

use crate::WarehouseOptions;
use crate::error::Result;
use crate::name::{CATALOG_NAME, DEFAULT_SCHEMA};

pub(crate) use errors::{error_from_engine, near_names};
pub(crate) use projections::projjson_of;
pub use projections::{ToLonLat, check_crs, is_lonlat};
pub(crate) use room::with_room;
pub(crate) use run::{Deadline, collect, stream};
pub(crate) use type_names::field_of_sql_type;

/// Parquet footers and page indexes kept in memory, in bytes.
const FOOTER_CACHE_BYTES: usize = 128 * 1024 * 1024;
/// Memory consumers named in a message about the limit.
const CONSUMERS_NAMED: usize = 3;
/// Rasters, which can name files and addresses of the machine, are not for SQL.
const FORBIDDEN_PREFIX: &str = "rs_";
/// Functions in FROM that only compute.
const TABLE_FUNCTIONS: &[&str] = &["generate_series", "range"];

/// Everything that statements share.
pub(crate) struct Engine {
    template: SessionState,
    /// What plans run in: the same for all, and dear to make.
    context: Arc<TaskContext>,
    runtime: Arc<RuntimeEnv>,
}

impl Engine {
    pub(crate) async fn start(
        options: &WarehouseOptions,
        store_url: &ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
    ) -> Result<Self> {
        projections::load_projections();
        let runtime = runtime(options.memory_limit_bytes, &options.spill_directory)?;
        runtime.register_object_store(store_url.as_ref(), store);
        let sedona = SedonaContext::new_local_interactive_with_runtime_env(runtime.clone())
            .await
            .map_err(error_from_engine)?;
        let template = template(sedona.ctx.state(), options)?;
        Ok(Engine {
            context: template.task_ctx(),
            template,
            runtime,
        })
    }

    /// A session whose only tables are those of `tables`.
    pub(crate) fn session(&self, tables: Arc<dyn CatalogProviderList>) -> SessionState {
        let mut state = self.template.clone();
        state.register_catalog_list(tables);
        state.mark_start_execution();
        state
    }

    /// The session that has functions but no tables.
    pub(crate) fn template(&self) -> &SessionState {
        &self.template
    }

    /// What plans run in.
    pub(crate) fn context(&self) -> Arc<TaskContext> {
        self.context.clone()
    }

    /// The physical form of an expression over columns; `now()` and other constants are worked out.
    pub(crate) fn physical(&self, expression: SqlExpr, columns: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        let mut state = self.template.clone();
        state.mark_start_execution();
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(columns.clone()))
            .with_config_options(state.config_options().clone())
            .with_query_execution_start_time(state.execution_props().query_execution_start_time)
            .build();
        let simplifier = ExprSimplifier::new(context);
        state
            .create_logical_expr_from_sql_expr(
                ExprWithAlias {
                    expr: expression,
                    alias: None,
                },
                columns,
            )
            .and_then(|expression| simplifier.coerce(expression, columns))
            .and_then(|expression| simplifier.simplify(expression))
            .and_then(|expression| state.create_physical_expr(expression, columns))
            .map_err(error_from_engine)
    }

    pub(crate) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }
}

fn runtime(memory_limit_bytes: usize, spill_directory: &Path) -> Result<Arc<RuntimeEnv>> {
    std::fs::create_dir_all(spill_directory)?;
    let pool: Arc<dyn MemoryPool> = Arc::new(TrackConsumersPool::new(
        FairSpillPool::new(memory_limit_bytes),
        std::num::NonZeroUsize::new(CONSUMERS_NAMED).expect("three is not zero"),
    ));
    RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill_directory.to_path_buf()])),
        )
        .with_metadata_cache_limit(FOOTER_CACHE_BYTES)
        .build_arc()
        .map_err(error_from_engine)
}

/// Sedona's session with our names, types and functions, and without what reaches outside the warehouse.
fn template(sedona: SessionState, options: &WarehouseOptions) -> Result<SessionState> {
    let mut config = sedona.config().clone();
    if let Some(spatial) = config.options_mut().extensions.get_mut::<SedonaOptions>() {
        spatial.runtime = spatial.runtime.with_crs_engine(Arc::new(projections::Projections));
    }
    {
        let settings = config.options_mut();
        settings.catalog.create_default_catalog_and_schema = false;
        settings.catalog.default_catalog = CATALOG_NAME.to_owned();
        settings.catalog.default_schema = DEFAULT_SCHEMA.to_owned();
        settings.catalog.information_schema = true;
        settings.execution.time_zone = Some("UTC".to_owned());
        settings.execution.target_partitions = std::thread::available_parallelism().map(usize::from).unwrap_or(1);
        settings.execution.parquet.pushdown_filters = true;
        settings.execution.parquet.reorder_filters = true;
        settings.execution.collect_statistics = false;
        // Sorts must be able to start inside small limits.
        settings.execution.sort_spill_reservation_bytes = settings
            .execution
            .sort_spill_reservation_bytes
            .min(options.memory_limit_bytes / 16);
        settings.sql_parser.recursion_limit = 512;
        settings.explain.physical_plan_only = false;
    }
    let context = SessionContext::new_with_state(
        SessionStateBuilder::new_from_existing(sedona)
            .with_config(config)
            .with_type_planner(Arc::new(type_names::TypeNames))
            .with_physical_optimizer_rule(Arc::new(yielding::Yielding))
            .build(),
    );
    let state = context.state();
    for name in state
        .scalar_functions()
        .keys()
        .filter(|name| name.starts_with(FORBIDDEN_PREFIX))
    {
        context.deregister_udf(name);
    }
    for name in state
        .aggregate_functions()
        .keys()
        .filter(|name| name.starts_with(FORBIDDEN_PREFIX))
    {
        context.deregister_udaf(name);
    }
    for name in state
        .table_functions()
        .keys()
        .filter(|name| !TABLE_FUNCTIONS.contains(&name.as_str()))
    {
        context.deregister_udtf(name);
    }
    shared_crs::share_crs(&context);
    functions::register(&context);
    range_bucket::register(&context);
    client_functions::register(&context);
    Ok(context.state())
}
