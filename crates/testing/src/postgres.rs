//! A throw-away PostgreSQL server from the system's packages, shared by all test processes that run at the same time.
//!
//! The test runner gives every test a process of its own, and a server takes seconds to make. So the first process that
//! needs one starts it, every process holds a shared lock on `users.lock` while it lives, and a watcher stops the
//! server and removes its files once it gets that lock for itself.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::OnceCell;
use uuid::Uuid;

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// A running server, and our claim on it.
struct Server {
    port: u16,
    /// A shared lock for as long as this process lives.
    _user: File,
}

/// Makes an empty database and returns its address.
pub(crate) async fn create_database() -> String {
    let server = SERVER.get_or_init(|| async { join_server() }).await;
    let name = format!("groma_{}", Uuid::now_v7().simple());
    let mut admin = connect(server.port)
        .await
        .expect("the PostgreSQL server for tests answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut admin)
        .await
        .expect("the server for tests makes databases");
    address(server.port, &name)
}

/// Drops a database made by [`create_database`], with whoever is still connected to it.
pub(crate) async fn drop_database(url: &str) {
    let (Some(server), Some((_, name))) = (SERVER.get(), url.rsplit_once('/')) else {
        return;
    };
    let mut admin = connect(server.port)
        .await
        .expect("the PostgreSQL server for tests answers");
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
        .execute(&mut admin)
        .await
        .expect("the server for tests drops databases");
}

fn address(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}

async fn connect(port: u16) -> sqlx::Result<PgConnection> {
    PgConnection::connect(&address(port, "postgres")).await
}

/// Finds the running server or starts one; either way it stays until this process ends.
fn join_server() -> Server {
    let user_id = fs::metadata("/proc/self").expect("tests run on Linux").uid();
    let folder = std::env::temp_dir().join(format!("groma-test-postgres-{user_id}"));
    fs::create_dir_all(&folder).expect("the temporary folder can be written to");
    let user = lock_file(&folder.join("users.lock"));
    user.lock_shared().expect("the temporary folder takes file locks");
    let starting = lock_file(&folder.join("starting.lock"));
    starting.lock().expect("the temporary folder takes file locks");
    let port_file = folder.join("port");
    let running = fs::read_to_string(&port_file)
        .ok()
        .and_then(|port| port.trim().parse::<u16>().ok());
    let port = match running {
        Some(port) if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() => port,
        Some(_) | None => {
            let port = start_server(&folder, user_id == 0);
            fs::write(&port_file, port.to_string()).expect("the temporary folder can be written to");
            port
        }
    };
    Server { port, _user: user }
}

fn lock_file(path: &Path) -> File {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .expect("the temporary folder can be written to")
}

/// Makes and starts a server in `folder`; as the user `postgres` when we are root, because it refuses to run as root.
fn start_server(folder: &Path, is_root: bool) -> u16 {
    let programs = programs();
    let data = folder.join("data");
    let _ = fs::remove_dir_all(&data);
    fs::create_dir(&data).expect("the temporary folder can be written to");
    let as_owner = |program: &str| {
        let program = programs.join(program);
        if is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        }
    };
    if is_root {
        run(Command::new("chown").arg("postgres").arg(&data));
    }
    run(as_owner("initdb")
        .args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ])
        .arg(&data));
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("the loopback interface has a free port")
        .port();
    // Nothing here has to survive a power cut.
    let settings = format!(
        "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300 \
         -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    );
    run(as_owner("pg_ctl")
        .arg("-D")
        .arg(&data)
        .arg("-w")
        .arg("-l")
        .arg(data.join("server.log"))
        .arg("-o")
        .arg(settings)
        .arg("start"));
    start_watcher(folder, &data, &as_owner("pg_ctl"));
    port
}

/// Leaves a process behind that stops the server once no test process holds the lock.
fn start_watcher(folder: &Path, data: &Path, pg_ctl: &Command) {
    let stop: Vec<String> = std::iter::once(pg_ctl.get_program())
        .chain(pg_ctl.get_args())
        .map(|word| format!("'{}'", word.display()))
        .collect();
    let (lock, port, data) = (folder.join("users.lock"), folder.join("port"), data.display());
    let script = format!(
        "while sleep 15; do flock --exclusive --nonblock '{}' sh -c \"{} -D '{data}' -m immediate stop; rm -rf '{}' '{data}'\" && exit; done",
        lock.display(),
        stop.join(" "),
        port.display(),
    );
    Command::new("setsid")
        .args(["sh", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setsid is part of every Debian");
}

/// The folder of the newest PostgreSQL server programs that are installed.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok())
        .max()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")))
        .expect("the tests run on PostgreSQL too: install it with `apt-get install postgresql`")
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!(
            "{command:?} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => panic!("{command:?} does not start: {error}"),
    }
}
