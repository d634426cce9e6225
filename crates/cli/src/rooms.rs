//! Rooms: opens, from the settings, everything that a server or a command works with.

use std::sync::Arc;

use access::Doorkeeper;
use connections::Connections;
use database::Database;
use jobs::Worker;
use secrecy::ExposeSecret;
use server::{Groma, Options};
use sources::instantiation::{self, Instantiations};
use tiles::{Tiler, TilerOptions};
use tokio_util::sync::CancellationToken;
use warehouse::{Warehouse, WarehouseOptions};

use crate::configuration::Configuration;
use crate::data_directory::{DataDirectory, Lock};
use crate::failure::Failure;

const MEGABYTE: usize = 1024 * 1024;

/// What is open in this process.
pub(crate) struct Rooms {
    groma: Groma,
}

impl Rooms {
    /// Opens the metadata, the tables and all that stands on them. Only under the lock.
    pub(crate) async fn open(
        configuration: &Configuration,
        directory: &DataDirectory,
        lock: &Lock,
    ) -> Result<Self, Failure> {
        directory.prepare(lock)?;
        let key = directory.secret_key(configuration.secret_key_file.as_deref())?;
        let database = open_database(configuration, directory).await?;
        let storage = match &configuration.storage_url {
            None => directory.warehouse().display().to_string(),
            Some(url) if url.contains("://") => url.clone(),
            Some(folder) => absolute(folder)?,
        };
        let options = WarehouseOptions {
            storage,
            memory_limit_bytes: configuration.memory_limit_mb * MEGABYTE,
            spill_directory: directory.spill(),
            resident_bytes: configuration.resident_tables_mb * MEGABYTE,
        };
        let warehouse = Warehouse::open(database.clone(), options)
            .await
            .map_err(|error| Failure::fault("cannot open the tables", error))?;
        let doorkeeper = Doorkeeper::new(database.clone());
        let rooms = server::Rooms {
            connections: Connections::new(database.clone(), warehouse.clone()),
            instantiations: Instantiations::new(database.clone()),
            tiler: Tiler::new(TilerOptions {
                uses_resident_tables: true,
                cache_bytes: (configuration.tile_cache_mb * MEGABYTE) as u64,
            }),
            maps: maps::Maps::new(database.clone(), doorkeeper.clone(), key),
            doorkeeper,
            warehouse,
            database,
        };
        Ok(Self {
            groma: Groma::new(rooms, server_options(configuration, directory)?),
        })
    }

    pub(crate) fn groma(&self) -> &Groma {
        &self.groma
    }

    /// Starts working through the queue of jobs.
    pub(crate) fn start_worker(&self, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let rooms = self.groma.rooms();
        let mut worker = Worker::new(rooms.database.clone())
            .handle(instantiation::SWEEP_JOB, Arc::new(rooms.instantiations.clone()))
            .schedule(
                instantiation::SWEEP_SCHEDULE,
                instantiation::SWEEP_JOB,
                serde_json::json!({}),
            );
        let (kind, handler) = imports::ImportJob::registered(rooms.warehouse.clone());
        worker = worker.handle(kind, handler);
        for (kind, handler) in rooms.warehouse.job_handlers() {
            worker = worker.handle(kind, handler);
        }
        tokio::spawn(worker.run(stop))
    }

    /// Lets go of everything in order.
    pub(crate) async fn close(self) {
        self.groma.rooms().database.close().await;
    }
}

/// Opens the metadata store in its newest form.
pub(crate) async fn open_database(
    configuration: &Configuration,
    directory: &DataDirectory,
) -> Result<Database, Failure> {
    let url = match &configuration.database_url {
        Some(url) => url.expose_secret().to_owned(),
        None => format!("sqlite://{}", directory.database().display()),
    };
    let database = Database::open(&url)
        .await
        .map_err(|error| Failure::fault("cannot open the metadata store", error))?;
    database
        .migrate()
        .await
        .map_err(|error| Failure::fault("cannot bring the metadata to its newest form", error))?;
    Ok(database)
}

fn absolute(folder: &str) -> Result<String, Failure> {
    let path = std::path::absolute(folder)
        .map_err(|error| Failure::Usage(format!("the setting storage_url: {folder}: {error}")))?;
    Ok(path.display().to_string())
}

fn server_options(configuration: &Configuration, directory: &DataDirectory) -> Result<Options, Failure> {
    let usage =
        |setting: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("the setting {setting}: {error}"));
    let trusted_proxies = configuration
        .trusted_proxies
        .iter()
        .map(|network| network.parse())
        .collect::<Result<_, server::NotANetwork>>()
        .map_err(|error| usage("trusted_proxies", &error))?;
    let url = |setting: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| text.parse::<url::Url>()).transpose();
        parsed.map_err(|error| usage(setting, &error))
    };
    Ok(Options {
        public_url: url("public_url", &configuration.public_url)?,
        trusted_proxies,
        uploads_directory: directory.uploads(),
        upload_limit_bytes: configuration.upload_limit_mb * 1024 * 1024,
        basemaps_directory: Some(directory.basemaps()),
        basemap_style_url: url("basemap_style_url", &configuration.basemap_style_url)?,
    })
}

/// Whether coordinate systems other than longitude and latitude can be read.
pub(crate) async fn projections_work(warehouse: &Warehouse) -> bool {
    let sql = warehouse::Sql::new("SELECT ST_AsText(ST_Transform(ST_Point(0, 0), 'EPSG:4326', 'EPSG:3857'))");
    match warehouse.query(&sql, &warehouse::Limits::default()).await {
        Ok(rows) => rows.collect().await.is_ok(),
        Err(_) => false,
    }
}
