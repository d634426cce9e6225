//! `make dev`: the server rebuilt and restarted on change, the web UI with hot reload.

use std::process::Child;
use std::time::{Duration, SystemTime};

use crate::build;
use crate::doctor::{self, Need};
use crate::process::{Outcome, cargo, command, finish, root, say};
use crate::tree::newest;

pub fn dev(arguments: &[String]) -> Outcome {
    doctor::prepare(Need::Run)?;
    build::build()?;
    say("Server on http://127.0.0.1:8080, web UI with hot reload on http://127.0.0.1:5173 (Ctrl-C stops both)");
    let mut web = command("npm", &["--prefix", "web", "run", "dev"])
        .spawn()
        .map_err(|error| format!("cannot start the web server: {error}"))?;
    let mut server = serve(arguments)?;
    let mut built = last_change();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        if let Ok(Some(status)) = web.try_wait() {
            stop(&mut server);
            return Err(format!("the web server ended with {status}"));
        }
        let changed = last_change();
        if changed <= built {
            continue;
        }
        built = changed;
        say("A source changed: building");
        match finish(cargo(&["build", "--release", "--workspace", "--bins", "--quiet"])) {
            Ok(()) => {
                stop(&mut server);
                server = serve(arguments)?;
            }
            Err(message) => eprintln!("{message}\nthe old server goes on"),
        }
    }
}

fn serve(arguments: &[String]) -> Result<Child, String> {
    let binary = crate::process::target_directory().join("release/groma");
    let mut serve = command(&binary.to_string_lossy(), &["serve", "--demo"]);
    if std::env::var_os("GROMA_DATA_DIR").is_none() {
        serve.env("GROMA_DATA_DIR", root().join("data"));
    }
    serve
        .args(arguments)
        .spawn()
        .map_err(|error| format!("cannot start the server: {error}"))
}

fn stop(server: &mut Child) {
    let _ = finish(command("kill", &["-TERM", &server.id().to_string()]));
    let _ = server.wait();
}

fn last_change() -> Option<SystemTime> {
    newest(&[
        root().join("crates"),
        root().join("migrations"),
        root().join("Cargo.toml"),
    ])
}
