//! A server of the test's own, on port 0, and a client that speaks to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use access::{Doorkeeper, NewOrganisation, NewOwner, organisations, passwords};
use connections::Connections;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use server::{Groma, Options, Rooms};
use sources::instantiation::Instantiations;
use tempfile::TempDir;
use tiles::{Tiler, TilerOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Sql, Warehouse, WarehouseOptions};

pub(crate) const EMAIL: &str = "ada@example.org";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running server with an owner and a few small tables.
pub(crate) struct House {
    pub(crate) groma: Groma,
    pub(crate) base: String,
    folder: Arc<TempDir>,
    stop: CancellationToken,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// The answer's JSON, when it is a success.
    pub(crate) fn ok(self) -> Value {
        assert!(
            self.status.is_success(),
            "{} {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        self.json()
    }

    /// The message of an error with this status.
    pub(crate) fn refused(self, status: u16) -> String {
        let said = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.status.as_u16(), status, "{said}");
        let json = self.json();
        assert_eq!(json["status"], status, "{said}");
        json["error"]
            .as_str()
            .unwrap_or_else(|| panic!("an error text in {said}"))
            .to_owned()
    }
}

/// One request in the making.
pub(crate) struct Call<'a> {
    house: &'a House,
    request: hyper::http::request::Builder,
    body: Bytes,
}

impl<'a> Call<'a> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self.header("content-type", "application/json")
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let request: Request<Full<Bytes>> = self.request.body(Full::new(self.body)).expect("a request");
        let response = self.house.client.request(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }
}

/// A signed-in browser on a page of the server.
pub(crate) struct Browser<'a> {
    house: &'a House,
    cookie: String,
    pub(crate) csrf: String,
}

impl Browser<'_> {
    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let call = self
            .house
            .call(method.clone(), path)
            .header("cookie", &self.cookie)
            .header("sec-fetch-site", "same-origin");
        if method == Method::GET {
            call
        } else {
            call.header("x-groma-csrf", &self.csrf)
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }
}

async fn open(folder: &Path) -> Groma {
    let url = format!("sqlite://{}", folder.join("groma.db").display());
    let database = database::Database::open(&url).await.expect("opened");
    database.migrate().await.expect("migrated");
    let options = WarehouseOptions {
        storage: folder.join("warehouse").display().to_string(),
        memory_limit_bytes: 256 << 20,
        spill_directory: folder.join("spill"),
        resident_bytes: 64 << 20,
    };
    for name in ["warehouse", "spill", "uploads"] {
        std::fs::create_dir_all(folder.join(name)).expect("made");
    }
    let warehouse = Warehouse::open(database.clone(), options).await.expect("opened");
    let doorkeeper = Doorkeeper::new(database.clone());
    let rooms = Rooms {
        connections: Connections::new(database.clone(), warehouse.clone()),
        instantiations: Instantiations::new(database.clone()),
        tiler: Tiler::new(TilerOptions {
            uses_resident_tables: true,
            cache_bytes: 8 << 20,
        }),
        maps: maps::Maps::new(database.clone(), doorkeeper.clone(), [7; 32]),
        doorkeeper,
        warehouse,
        database,
    };
    let options = Options {
        public_url: None,
        trusted_proxies: Vec::new(),
        uploads_directory: folder.join("uploads"),
        upload_limit_bytes: 1 << 20,
        basemaps_directory: None,
        basemap_style_url: None,
    };
    Groma::new(rooms, options)
}

impl House {
    /// A server that nobody owns yet.
    pub(crate) async fn unclaimed() -> House {
        let folder = tempfile::tempdir().expect("a folder");
        Self::in_folder(Arc::new(folder)).await
    }

    async fn in_folder(folder: Arc<TempDir>) -> House {
        let groma = open(folder.path()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, groma.clone(), stop.clone()));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(5))
            .build_http();
        House {
            groma,
            base: format!("http://{address}"),
            folder,
            stop,
            client,
        }
    }

    /// A server with an owner and the tables `demo.cities` (4 points) and `demo.secret`.
    pub(crate) async fn new() -> House {
        let house = Self::unclaimed().await;
        let owner = NewOwner {
            name: "Ada".to_owned(),
            email: EMAIL.parse().expect("an address"),
            password: passwords::hash(PASSWORD).await.expect("hashed"),
        };
        let rooms = house.groma.rooms();
        let mut tx = rooms.database.begin().await.expect("a transaction");
        let organisation = NewOrganisation {
            name: "Engines".to_owned(),
        };
        organisations::create_with_owner(&mut tx, organisation, owner, database::now())
            .await
            .expect("made");
        tx.commit().await.expect("committed");
        house
            .execute(
                "CREATE SCHEMA demo;
                 CREATE TABLE demo.cities AS SELECT * FROM (VALUES
                    (1, 'Astana', 1350000, ST_SetSRID(ST_Point(71.43, 51.13), 4326)),
                    (2, 'Almaty', 2000000, ST_SetSRID(ST_Point(76.95, 43.25), 4326)),
                    (3, 'Quito', 2700000, ST_SetSRID(ST_Point(-78.52, -0.22), 4326)),
                    (4, 'Nowhere', NULL, NULL)) AS t (id, name, population, geom);
                 CREATE TABLE demo.secret AS SELECT 42 AS answer, ST_SetSRID(ST_Point(1, 1), 4326) AS geom",
            )
            .await;
        house
    }

    /// The same folder under a new server: what a restart is.
    pub(crate) async fn restarted(self) -> House {
        self.stop.cancel();
        self.groma.rooms().database.close().await;
        Self::in_folder(self.folder.clone()).await
    }

    /// Runs statements as the operator.
    pub(crate) async fn execute(&self, statements: &str) {
        let rooms = self.groma.rooms();
        let organisation = organisations::first(&rooms.database).await.expect("an organisation").id;
        let actor = access::Actor::Operator { organisation };
        for statement in statements.split(';') {
            let done = rooms
                .warehouse
                .execute(&actor, &Sql::new(statement), &Limits::default())
                .await;
            if let warehouse::Outcome::Rows(rows) = done.unwrap_or_else(|error| panic!("{statement}: {error}")) {
                rows.collect().await.expect("rows");
            }
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        Call {
            house: self,
            request: Request::builder().method(method).uri(url),
            body: Bytes::new(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    /// The owner, signed in.
    pub(crate) async fn browser(&self) -> Browser<'_> {
        let credentials = json!({"email": EMAIL, "password": PASSWORD});
        let answer = self.post("/workspace-api/sign-in", &credentials).send().await;
        let cookie = answer
            .header("set-cookie")
            .expect("a cookie")
            .split(';')
            .next()
            .expect("a pair")
            .to_owned();
        let csrf = answer.ok()["csrf"].as_str().expect("a value").to_owned();
        Browser {
            house: self,
            cookie,
            csrf,
        }
    }

    /// A token with these grants on `carto_dw`.
    pub(crate) async fn token(&self, apis: &[&str], sources: &[&str]) -> String {
        let grants: Vec<Value> = sources
            .iter()
            .map(|source| json!({"connection": "carto_dw", "source": source}))
            .collect();
        let name = format!("{apis:?} {sources:?}");
        let wanted = json!({"name": name, "apis": apis, "grants": grants, "referers": []});
        let browser = self.browser().await;
        let made = browser.post("/workspace-api/tokens", &wanted).send().await.ok();
        made["secret"].as_str().expect("a secret").to_owned()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A query string.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
