//! `groma doctor`: checks whether everything that a server needs is in order, and says what is not.

use std::path::Path;

use clap::Args;

use crate::configuration::Configuration;
use crate::data_directory::{DataDirectory, DataDirectoryError};
use crate::failure::Failure;
use crate::output;
use crate::rooms::{self, Rooms};

/// Check whether everything is in order.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

/// What one check found.
struct Finding {
    what: &'static str,
    result: Result<String, String>,
}

impl Doctor {
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), Failure> {
        let mut findings = Vec::new();
        findings.push(Finding {
            what: "web interface",
            result: if server::has_web_interface() {
                Ok("inside this program".to_owned())
            } else {
                Err("missing from this program; build it with 'make build'".to_owned())
            },
        });
        match DataDirectory::open(&configuration.data_dir) {
            Err(error) => findings.push(Finding {
                what: "data folder",
                result: Err(error.to_string()),
            }),
            Ok(directory) => {
                findings.push(Finding {
                    what: "data folder",
                    result: writable(directory.root()),
                });
                findings.push(Finding {
                    what: "secret key",
                    result: directory
                        .secret_key(configuration.secret_key_file.as_deref())
                        .map(|_| "readable, by its owner alone".to_owned())
                        .map_err(|error| error.to_string()),
                });
                match directory.lock() {
                    Err(held @ DataDirectoryError::Held { .. }) => findings.push(Finding {
                        what: "server",
                        result: Ok(format!("{held}; metadata and tables are not opened beside it")),
                    }),
                    Err(error) => findings.push(Finding {
                        what: "lock",
                        result: Err(error.to_string()),
                    }),
                    Ok(lock) => {
                        let what = "metadata and tables";
                        match Rooms::open(configuration, &directory, &lock).await {
                            Ok(rooms) => {
                                findings.push(Finding {
                                    what,
                                    result: Ok("open and close".to_owned()),
                                });
                                findings.push(Finding {
                                    what: "projections",
                                    result: projections(&rooms).await,
                                });
                                rooms.close().await;
                            }
                            Err(failure) => findings.push(Finding {
                                what,
                                result: Err(failure.to_string()),
                            }),
                        }
                    }
                }
            }
        }
        let faults = findings.iter().filter(|finding| finding.result.is_err()).count();
        for finding in &findings {
            let (mark, words) = match &finding.result {
                Ok(words) => ("ok   ", words),
                Err(words) => ("WRONG", words),
            };
            output::data_line(&format!("{mark}  {}: {words}", finding.what));
        }
        if faults == 0 {
            return Ok(());
        }
        Err(Failure::Refused {
            message: format!("{faults} of {} checks failed", findings.len()),
            hint: None,
        })
    }
}

async fn projections(rooms: &Rooms) -> Result<String, String> {
    if rooms::projections_work(&rooms.groma().rooms().warehouse).await {
        return Ok("libproj works".to_owned());
    }
    Err("libproj is missing, so data in other coordinate systems cannot be read; install proj-bin".to_owned())
}

fn writable(folder: &Path) -> Result<String, String> {
    let probe = folder.join(".probe");
    std::fs::write(&probe, b"probe")
        .and_then(|()| std::fs::remove_file(&probe))
        .map(|()| format!("{} is writable", folder.display()))
        .map_err(|error| format!("{} is not writable: {error}", folder.display()))
}
