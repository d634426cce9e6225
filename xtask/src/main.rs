//! The project's tasks: `cargo xtask run|dev|build|test|lint|tidy|generate|bench|doctor|release`.

mod build;
mod dev;
mod doctor;
mod geos;
mod process;
mod test;
mod tidy;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  run        install or name what is missing, build, load the demo data, start (make run)
  dev        rebuild and restart on every change, web with hot reload          (make dev)
  build      leave target/release/groma with the web UI inside                 (make build)
  test       every test: Rust, SQL, web, real clients, browser                 (make test)
  lint       formatters, clippy, web lint, licences                            (make lint)
  tidy       the rules of the house: rooms, file length, names, first lines
  generate   write the files that are generated and checked in
  bench      the benchmark against the peers                                   (make bench)
  doctor     what this machine has and lacks; --install installs with apt-get
  release    the binary for users: thin LTO, stripped
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", &arguments[..]),
    };
    let outcome = match task {
        "run" => build::run(rest),
        "dev" => dev::dev(rest),
        "build" => build::build(),
        "test" => test::test(rest),
        "lint" => test::lint(),
        "tidy" => tidy::tidy(),
        "generate" => build::generate(),
        "bench" => build::bench(rest),
        "doctor" => doctor::doctor(rest),
        "release" => build::release(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {task}: {message}");
            ExitCode::FAILURE
        }
    }
}
