//! PostGIS, set up to be fast: geometries in Web Mercator already, clustered GiST index, everything in shared buffers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::generator::{Data, VERSION};
use crate::{Result, machine, say};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

pub(crate) struct Postgis {
    folder: PathBuf,
    connection: PgConnection,
    /// The process that answers our queries.
    backend: u32,
}

impl Drop for Postgis {
    fn drop(&mut self) {
        let _ = as_owner("pg_ctl")
            .arg("-D")
            .arg(&self.folder)
            .args(["-m", "fast", "stop"])
            .stdout(Stdio::null())
            .status();
    }
}

/// PostgreSQL refuses to run as root; then it runs as the user its package made.
fn as_owner(program: &str) -> Command {
    let program = format!("{PROGRAMS}/{program}");
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", &program]);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}

impl Postgis {
    /// Starts a server of our own and loads the tables when they are not there.
    pub(crate) async fn start(work: &Path, data: &Data) -> Result<Postgis> {
        let folder = work.join("postgres");
        if !folder.join("PG_VERSION").exists() {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder)?;
            run(Command::new("chown")
                .arg("--reference=/var/lib/postgresql")
                .arg(&folder))?;
            run(as_owner("initdb")
                .args([
                    "--auth=trust",
                    "--username=postgres",
                    "--locale=C",
                    "--encoding=UTF8",
                    "-D",
                ])
                .arg(&folder))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!(
            "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=2GB \
             -c maintenance_work_mem=1GB -c work_mem=64MB -c max_parallel_workers_per_gather=0 -c jit=off \
             -c fsync=off -c max_wal_size=8GB -c random_page_cost=1.1 -c effective_cache_size=8GB"
        );
        let _ = fs::remove_file(folder.join("postmaster.pid"));
        // Not through `run`: the server would keep the pipe of its output open.
        let started = as_owner("pg_ctl")
            .arg("-D")
            .arg(&folder)
            .args(["-w", "-t", "120", "-l", "/dev/null", "-o", &settings, "start"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        if !started.success() {
            return Err("PostgreSQL does not start".into());
        }
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let mut connection = PgConnection::connect(&url).await?;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut connection)
            .await?;
        let mut postgis = Postgis {
            folder,
            connection,
            backend: backend.unsigned_abs(),
        };
        postgis.load(&url, data).await?;
        Ok(postgis)
    }

    pub(crate) fn cpu_ms(&self) -> Result<f64> {
        machine::cpu_ms(self.backend)
    }

    async fn execute(&mut self, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn load(&mut self, url: &str, data: &Data) -> Result<()> {
        let stamp = format!("{VERSION} {}", data.points);
        self.execute("CREATE EXTENSION IF NOT EXISTS postgis; CREATE TABLE IF NOT EXISTS loaded (stamp text)")
            .await?;
        let known: Option<String> = sqlx::query_scalar("SELECT stamp FROM loaded")
            .fetch_optional(&mut self.connection)
            .await?;
        if known.as_deref() != Some(&stamp) {
            let started = Instant::now();
            self.execute(
                "DROP TABLE IF EXISTS points, counties, raw_points, raw_counties; DELETE FROM loaded;
                 CREATE UNLOGGED TABLE raw_points (id bigint, cat text, cc text, value float8, seen timestamp, lon float8, lat float8);
                 CREATE UNLOGGED TABLE raw_counties (geoid text, name text, wkb text)",
            )
            .await?;
            copy(
                url,
                "raw_points",
                &format!(
                    "SELECT id, cat, cc, value, seen, ST_X(geom), ST_Y(geom) FROM read_parquet('{}')",
                    data.large.display()
                ),
            )?;
            copy(
                url,
                "raw_counties",
                &format!(
                    "SELECT geoid, name, hex(ST_AsWKB(geom)) FROM read_parquet('{}')",
                    data.counties.display()
                ),
            )?;
            self.execute(
                "CREATE TABLE points AS SELECT id, cat, cc, value, seen,
                     ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), 3857) AS geom FROM raw_points;
                 CREATE TABLE counties AS SELECT geoid, name,
                     ST_Transform(ST_SetSRID(ST_GeomFromWKB(decode(wkb, 'hex')), 4326), 3857) AS geom FROM raw_counties;
                 DROP TABLE raw_points, raw_counties;
                 CREATE INDEX points_geom ON points USING gist (geom);
                 CREATE INDEX counties_geom ON counties USING gist (geom);
                 CLUSTER points USING points_geom; CLUSTER counties USING counties_geom",
            )
            .await?;
            self.execute("VACUUM (FREEZE, ANALYZE) points").await?;
            self.execute("VACUUM (FREEZE, ANALYZE) counties").await?;
            sqlx::query("INSERT INTO loaded VALUES ($1)")
                .bind(stamp)
                .execute(&mut self.connection)
                .await?;
            say(&format!(
                "PostGIS: loaded, indexed and clustered in {:.0} s",
                started.elapsed().as_secs_f64()
            ));
        }
        self.execute(
            "CREATE EXTENSION IF NOT EXISTS pg_prewarm; SELECT pg_prewarm('points'), pg_prewarm('points_geom')",
        )
        .await
    }

    /// A tile of points with the four attributes, and nothing that its edge only touches.
    pub(crate) async fn points_tile(&mut self, [z, x, y]: [u32; 3]) -> Result<Vec<u8>> {
        self.tile("points", "id, cat, value, cc", [z, x, y]).await
    }

    pub(crate) async fn counties_tile(&mut self, tile: [u32; 3]) -> Result<Vec<u8>> {
        self.tile("counties", "geoid, name", tile).await
    }

    async fn tile(&mut self, table: &str, columns: &str, [z, x, y]: [u32; 3]) -> Result<Vec<u8>> {
        let sql = format!(
            "SELECT ST_AsMVT(t, 'default', 4096, 'geom') FROM (
                 SELECT ST_AsMVTGeom(geom, ST_TileEnvelope($1, $2, $3), 4096, 0, true) AS geom, {columns}
                 FROM {table} WHERE geom && ST_TileEnvelope($1, $2, $3)) AS t"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(z as i32)
            .bind(x as i32)
            .bind(y as i32)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(row.try_get(0)?)
    }

    /// Rows of a query, counted.
    pub(crate) async fn rows(&mut self, sql: &str) -> Result<usize> {
        Ok(sqlx::query(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut self.connection)
            .await?
            .len())
    }

    /// One number of a query.
    pub(crate) async fn number(&mut self, sql: &str) -> Result<f64> {
        Ok(sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.connection)
            .await?)
    }

    /// Coordinates of evenly spread rows in file order, `[lon, lat]`.
    pub(crate) async fn sample(&mut self, every: u64) -> Result<Vec<[f64; 2]>> {
        let sql = format!(
            "SELECT ST_X(g), ST_Y(g) FROM (
                 SELECT id, ST_Transform(geom, 4326) AS g FROM points WHERE id % {every} = 0) AS s ORDER BY id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| Ok([row.try_get(0)?, row.try_get(1)?])).collect()
    }
}

/// Pours the rows of a query of Parquet files into a table.
fn copy(url: &str, table: &str, query: &str) -> Result<()> {
    let script = crate::duckdb::script();
    let mut reader = Command::new(crate::duckdb::PYTHON)
        .args([script.as_str(), "csv", query])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let rows = reader.stdout.take().ok_or("no pipe")?;
    let copied = Command::new(format!("{PROGRAMS}/psql"))
        .args([url, "-q", "-c", &format!("COPY {table} FROM STDIN WITH (FORMAT csv)")])
        .stdin(rows)
        .status()?;
    if copied.success() && reader.wait()?.success() {
        Ok(())
    } else {
        Err(format!("{table} could not be loaded").into())
    }
}
