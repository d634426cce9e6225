//! Groma under test: loading the tables once, and starting the server with the settings of a part.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::generator::{Data, VERSION};
use crate::http::{Client, Response, encoded};
use crate::{Result, inserts, machine, say};

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A data folder with the tables `bench.points`, `bench.points_small`, `bench.inserted` and `bench.counties`.
pub(crate) struct Store {
    program: PathBuf,
    folder: PathBuf,
    token: String,
}

/// A running server.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    pub(crate) token: String,
    client: Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Store {
    /// Loads the tables, unless this very program has loaded them before.
    pub(crate) async fn prepare(program: &Path, work: &Path, data: &Data) -> Result<Store> {
        let program = std::path::absolute(program)?;
        let folder = work.join("groma");
        let built =
            fs::metadata(&program).map_err(|error| format!("{}: {error}: run `make build`", program.display()))?;
        let stamp = format!("{VERSION} {} {:?}", data.points, built.modified()?);
        let token_file = folder.join("token");
        let mut store = Store {
            program,
            folder: folder.clone(),
            token: String::new(),
        };
        if fs::read_to_string(folder.join("stamp")).is_ok_and(|known| known == stamp) {
            store.token = fs::read_to_string(token_file)?;
            return Ok(store);
        }
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let server = store.start(&[])?;
        for (file, table) in [
            (&data.large, "bench.points"),
            (&data.small, "bench.points_small"),
            (&data.counties, "bench.counties"),
        ] {
            let started = Instant::now();
            store.command(&["import", &file.display().to_string(), "--table", table])?;
            say(&format!("Groma: {table} in {:.0} s", started.elapsed().as_secs_f64()));
        }
        store.token = store.command(&[
            "token", "create", "--name", "bench", "--apis", "maps,sql", "--grant", "*",
        ])?;
        drop(server);
        inserts::prepare(&folder.join("data"), data.points / 10).await?;
        fs::write(token_file, &store.token)?;
        fs::write(folder.join("stamp"), stamp)?;
        Ok(store)
    }

    fn groma(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("GROMA_DATA_DIR", self.folder.join("data"))
            .env("GROMA_ADMIN_EMAIL", "bench@example.org")
            .env("GROMA_ADMIN_PASSWORD", "correct horse battery")
            .env("GROMA_LOG", "warn")
            .current_dir(&self.folder);
        command
    }

    /// What a command prints on standard output.
    fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = self.groma().args(arguments).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("groma {} ended with {}", arguments.join(" "), output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts a server with these settings beside the defaults, and waits until it answers.
    pub(crate) fn serve(&self, settings: &[(&str, &str)]) -> Result<Server> {
        self.start(settings)
    }

    fn start(&self, settings: &[(&str, &str)]) -> Result<Server> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let log = fs::File::create(self.folder.join("server.log"))?;
        let mut process = self
            .groma()
            .arg("serve")
            .env("GROMA_LISTEN", &address)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let started = Instant::now();
        loop {
            if let Ok(mut client) = Client::connect(&address)
                && client.get("/readyz", &[]).is_ok_and(|response| response.status == 200)
            {
                return Ok(Server {
                    process,
                    address,
                    token: self.token.clone(),
                    client,
                });
            }
            if started.elapsed() > STARTS_WITHIN || process.try_wait()?.is_some() {
                let _ = process.kill();
                let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
                return Err(format!("the server does not start:\n{log}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Server {
    pub(crate) fn cpu_ms(&self) -> Result<f64> {
        machine::cpu_ms(self.process.id())
    }

    pub(crate) fn precise_cpu_ms(&self) -> Result<f64> {
        machine::precise_cpu_ms(self.process.id())
    }

    pub(crate) fn peak_resident_mb(&self) -> Result<f64> {
        machine::peak_resident_mb(self.process.id())
    }

    /// GET with the token and one content encoding.
    pub(crate) fn get(&mut self, path: &str, encoding: &str) -> Result<Response> {
        let bearer = self.bearer();
        self.client
            .get(path, &[("Authorization", &bearer), ("Accept-Encoding", encoding)])
    }

    /// What stands in `Authorization`.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Registers a map source and gives the path of its tiles with `{z}`, `{x}` and `{y}` in it.
    pub(crate) fn tiles_of(&mut self, kind: &str, parameters: &[(&str, &str)], format: &str) -> Result<String> {
        let query: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let path = format!(
            "/v3/maps/carto_dw/{kind}?{}&format=tilejson&formatTiles={format}",
            query.join("&")
        );
        let tilejson = self.get(&path, "identity")?.json()?;
        let url = tilejson["tiles"][0]
            .as_str()
            .ok_or_else(|| format!("no tiles in {tilejson}"))?;
        let path = url.splitn(4, '/').nth(3).ok_or("an odd tile URL")?;
        Ok(format!("/{path}"))
    }

    /// A widget's answer.
    pub(crate) fn widget(&mut self, model: &str, parameters: &[(&str, String)]) -> Result<Value> {
        let query: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        self.get(
            &format!("/v3/sql/carto_dw/model/{model}?{}", query.join("&")),
            "identity",
        )?
        .json()
    }
}

/// The path of one tile.
pub(crate) fn tile_path(template: &str, [z, x, y]: [u32; 3]) -> String {
    template
        .replace("{z}", &z.to_string())
        .replace("{x}", &x.to_string())
        .replace("{y}", &y.to_string())
}
