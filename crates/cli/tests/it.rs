//! What the program promises to people and scripts, as the built binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const EMAIL: &str = "ada@example.org";

fn groma(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_groma"));
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GROMA_DATA_DIR", folder.join("data"))
        .env("GROMA_LISTEN", "127.0.0.1:0");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    groma(folder).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The standard output of a command that has to work.
fn told(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A running server; killed when the test is over.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let mut process = groma(folder)
            .arg("serve")
            .env("GROMA_ADMIN_EMAIL", EMAIL)
            .env("GROMA_ADMIN_PASSWORD", "12345678")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let address = line
            .trim()
            .strip_prefix("listening http://")
            .unwrap_or_else(|| panic!("{line:?}"))
            .to_owned();
        Server { process, address }
    }

    fn get(&self, path: &str, token: Option<&str>) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        let authorization = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: groma\r\n{authorization}Connection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("received");
        answer
    }

    fn terminate(&mut self) -> std::process::ExitStatus {
        let id = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().expect("a signal");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.process.try_wait().expect("known") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn commands_work_beside_the_server_and_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut server = Server::start(folder);
    assert!(server.get("/healthz", None).contains("\"ok\""));

    let token = told(
        folder,
        &["token", "create", "--name", "t", "--apis", "maps,sql", "--grant", "*"],
    );
    assert!(
        token.starts_with("gro_") && token.trim().lines().count() == 1,
        "the token alone: {token:?}"
    );
    let answer = server.get("/v3/sql/carto_dw/query?q=SELECT+1+AS+one", Some(token.trim()));
    assert!(answer.contains("\"one\":1"), "{answer}");

    std::fs::write(
        folder.join("towns.csv"),
        "name,latitude,longitude\nOsh,40.5,72.8\nBishkek,42.87,74.6\n",
    )
    .expect("written");
    let report = told(folder, &["import", "towns.csv", "--table", "public.towns"]);
    assert!(report.contains("\"written\":2"), "{report}");
    let sql = "SELECT name FROM public.towns ORDER BY name";
    assert_eq!(told(folder, &["query", sql, "--format", "csv"]), "name\nBishkek\nOsh\n");

    let second = run(folder, &["serve"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(
        text(&second.stderr).contains(&format!("process {}", server.process.id())),
        "{}",
        text(&second.stderr)
    );

    let socket = folder.join("data/groma.sock");
    assert_eq!(
        std::fs::metadata(&socket).expect("there").permissions().mode() & 0o777,
        0o600
    );
    assert!(server.terminate().success());
    assert!(!socket.exists());

    let rows: serde_json::Value =
        serde_json::from_str(&told(folder, &["query", sql, "--format", "json"])).expect("JSON");
    assert_eq!(rows, serde_json::json!([{"name": "Bishkek"}, {"name": "Osh"}]));
    let again = run(folder, &["import", "towns.csv", "--table", "public.towns"]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("public.towns"), "{}", text(&again.stderr));
    told(
        folder,
        &["import", "towns.csv", "--table", "public.towns", "--overwrite"],
    );
}

#[test]
fn a_first_start_without_an_owner_prints_a_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = groma(folder.path())
        .arg("serve")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let said = BufReader::new(process.stderr.take().expect("piped"));
    let link = said
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains("/claim?claim="));
    let _ = process.kill();
    let _ = process.wait();
    assert!(link.is_some_and(|link| link.trim().starts_with("http://127.0.0.1:")));
    let refused = run(folder.path(), &["token", "create", "--name", "t", "--grant", "*"]);
    assert_eq!(refused.status.code(), Some(1), "nobody owns it yet");
}

#[test]
fn settings_that_nobody_knows_and_half_an_owner_stop_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = groma(folder.path())
        .arg("serve")
        .env("GROMA_LISTN", "x")
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("listn"), "{}", text(&output.stderr));
    let output = groma(folder.path())
        .arg("serve")
        .env("GROMA_ADMIN_EMAIL", EMAIL)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("GROMA_ADMIN_PASSWORD"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_reader_who_stops_reading_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let sql = "SELECT value FROM generate_series(1, 200000) AS t (value)";
    let mut process = groma(folder.path())
        .args(["query", sql, "--format", "csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut out = BufReader::new(process.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    drop(out);
    let mut said = String::new();
    process
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut said)
        .expect("read");
    assert!(process.wait().expect("it ends").success(), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn wrong_sql_says_where_and_what() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &["query", "SELEC 1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("line 1"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
}
