//! nginx serving bytes as a static file, with one worker and connections that stay open.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::http::Client;
use crate::{Result, machine};

const PROGRAM: &str = "/usr/sbin/nginx";

pub(crate) struct Nginx {
    process: Child,
    pub(crate) client: Client,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master is asked to stop, so that it takes its worker along.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

impl Nginx {
    /// Serves the files of `folder` under their names, with this content encoding.
    pub(crate) fn start(folder: &Path, encoding: &str) -> Result<Nginx> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let configuration = folder.join("nginx.conf");
        let shown = folder.display();
        fs::write(
            &configuration,
            format!(
                "daemon off; worker_processes 1; pid {shown}/nginx.pid; error_log {shown}/error.log;
                 {}
                 events {{ worker_connections 64; }}
                 http {{
                   access_log off; sendfile on; tcp_nopush on; keepalive_timeout 300; keepalive_requests 10000000;
                   open_file_cache max=100; default_type application/vnd.mapbox-vector-tile;
                   server {{ listen {address}; root {shown}; add_header Content-Encoding {encoding}; }}
                 }}",
                // The worker must be able to read what we wrote.
                if is_root()? { "user root;" } else { "" }
            ),
        )?;
        let process = Command::new(PROGRAM)
            .arg("-c")
            .arg(&configuration)
            .arg("-e")
            .arg(folder.join("error.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{PROGRAM}: {error}: apt-get install nginx-light"))?;
        for _ in 0..100 {
            if let Ok(client) = Client::connect(&address) {
                return Ok(Nginx { process, client });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!(
            "nginx does not start: {}",
            fs::read_to_string(folder.join("error.log")).unwrap_or_default()
        )
        .into())
    }

    pub(crate) fn cpu_ms(&self) -> Result<f64> {
        let mut sum = machine::precise_cpu_ms(self.process.id())?;
        for worker in machine::children(self.process.id())? {
            sum += machine::precise_cpu_ms(worker)?;
        }
        Ok(sum)
    }
}

fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}
