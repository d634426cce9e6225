//! Configuration: flags, then environment (`GROMA_*`), then `groma.toml`, then defaults that work on a laptop.
//!
//! It is read once. A key that nobody knows stops the start by its name, so that a typing error does
//! not pass for a setting. Passwords are no flags: they would stand in the list of processes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use figment::Figment;
use figment::providers::{Data, Format, Serialized, Toml};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Variables of ours that are no settings of the program: the tests' own.
const NOT_SETTINGS: &str = "test_";
/// The settings file that is read when it is there.
const FILE: &str = "groma.toml";

/// The settings as flags, shared by every command.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct Flags {
    /// Settings file (default: groma.toml here, when it exists).
    #[arg(long, global = true, value_name = "FILE", env = "GROMA_CONFIG")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Folder that holds everything: metadata, tables, keys [GROMA_DATA_DIR] [default: data]
    #[arg(long, global = true, value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one [GROMA_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<String>,
    /// Metadata store: sqlite:///… or postgres://… [GROMA_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database_url: Option<String>,
    /// URL under which people reach this server [GROMA_PUBLIC_URL]
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// Where tables are stored: a folder or s3://bucket/prefix [GROMA_STORAGE_URL]
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storage_url: Option<String>,
    /// File with the key that signs and seals [GROMA_SECRET_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_key_file: Option<PathBuf>,
    /// What to log: error, warn, info, debug, or targets such as info,tiles=debug [GROMA_LOG]
    #[arg(long, global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
}

/// Every setting of the program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    /// Folder that holds everything.
    pub(crate) data_dir: PathBuf,
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Metadata store; a SQLite file in the data folder when unset.
    #[serde(default, deserialize_with = "secret")]
    pub(crate) database_url: Option<SecretString>,
    /// URL under which people reach this server; the Host header when unset.
    #[serde(default)]
    pub(crate) public_url: Option<String>,
    /// Where tables are stored; a folder in the data folder when unset.
    #[serde(default)]
    pub(crate) storage_url: Option<String>,
    /// File with the key; made in the data folder when unset.
    #[serde(default)]
    pub(crate) secret_key_file: Option<PathBuf>,
    /// Proxies whose forwarded headers are believed: addresses or networks, separated by commas.
    #[serde(default, deserialize_with = "list")]
    pub(crate) trusted_proxies: Vec<String>,
    /// E-mail of the owner that an unattended first start creates.
    #[serde(default)]
    pub(crate) admin_email: Option<String>,
    /// Their password.
    #[serde(default, deserialize_with = "secret")]
    pub(crate) admin_password: Option<SecretString>,
    /// Memory that queries may use before they spill to disk, in MB.
    #[serde(default = "default_memory_limit")]
    pub(crate) memory_limit_mb: usize,
    /// Memory for hot tables in front of tiles, in MB.
    #[serde(default = "default_resident")]
    pub(crate) resident_tables_mb: usize,
    /// Memory for encoded tiles, in MB.
    #[serde(default = "default_tile_cache")]
    pub(crate) tile_cache_mb: usize,
    /// Longest upload, in MB.
    #[serde(default = "default_upload_limit")]
    pub(crate) upload_limit_mb: u64,
    /// A MapLibre style to use as basemap instead of the built-in ones.
    #[serde(default)]
    pub(crate) basemap_style_url: Option<String>,
    /// What to log.
    #[serde(default = "default_log")]
    pub(crate) log: String,
    /// Log lines as JSON.
    #[serde(default)]
    pub(crate) log_json: bool,
}

fn default_memory_limit() -> usize {
    512
}
fn default_resident() -> usize {
    384
}
fn default_tile_cache() -> usize {
    64
}
fn default_upload_limit() -> u64 {
    5 * 1024
}
fn default_log() -> String {
    "warn".to_owned()
}

/// A text that is never shown, not even in errors.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

/// A list as TOML has it, or as one text with commas.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::List(list) => list,
        Either::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
    #[error("the settings file {0} does not exist")]
    NoFile(PathBuf),
    #[error("the settings are wrong: {0}")]
    Wrong(Box<figment::Error>),
}

impl Configuration {
    /// Reads flags, environment and file.
    pub(crate) fn read(flags: &Flags) -> Result<Self, ConfigurationError> {
        let file = match &flags.config {
            Some(file) if !file.is_file() => return Err(ConfigurationError::NoFile(file.clone())),
            Some(file) => Toml::file_exact(file),
            None if Path::new(FILE).is_file() => Toml::file_exact(FILE),
            None => Toml::string(""),
        };
        Self::merged(flags, file, from_environment(std::env::vars()))
    }

    fn merged(
        flags: &Flags,
        file: Data<Toml>,
        environment: BTreeMap<String, Value>,
    ) -> Result<Self, ConfigurationError> {
        Figment::new()
            .merge(Serialized::default("data_dir", "data"))
            .merge(Serialized::default("listen", "127.0.0.1:8080"))
            .merge(file)
            .merge(Serialized::defaults(environment))
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|error| ConfigurationError::Wrong(Box::new(error)))
    }
}

/// The settings in variables. All are texts but those that are known to be numbers or claims: a password of
/// digits stays a text.
fn from_environment(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Value> {
    variables
        .filter_map(|(name, text)| {
            let key = name.strip_prefix("GROMA_")?.to_lowercase();
            if key == "config" || key.starts_with(NOT_SETTINGS) || text.is_empty() {
                return None;
            }
            let is_text = !(key.ends_with("_mb") || key == "log_json");
            let value = if is_text {
                None
            } else {
                serde_json::from_str(&text).ok()
            };
            Some((key, value.unwrap_or(Value::String(text))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(settings: &[(&str, &str)]) -> BTreeMap<String, Value> {
        from_environment(
            settings
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
        )
    }

    fn read(flags: &Flags, file: &str, settings: &[(&str, &str)]) -> Result<Configuration, String> {
        Configuration::merged(flags, Toml::string(file), variables(settings)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_laptop_needs_no_settings() {
        let configuration = read(&Flags::default(), "", &[]).expect("defaults");
        assert_eq!(configuration.data_dir, PathBuf::from("data"));
        assert_eq!(configuration.listen.port(), 8080);
        assert!(configuration.public_url.is_none());
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let flags = Flags {
            listen: Some("127.0.0.1:3".to_owned()),
            ..Flags::default()
        };
        let configuration = read(
            &flags,
            "listen = '127.0.0.1:1'\nmemory_limit_mb = 7\nlog = 'info'",
            &[
                ("GROMA_LISTEN", "127.0.0.1:2"),
                ("GROMA_LOG", "debug"),
                ("GROMA_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ],
        )
        .expect("settings");
        assert_eq!(configuration.listen.port(), 3);
        assert_eq!(configuration.log, "debug");
        assert_eq!(configuration.memory_limit_mb, 7);
        assert_eq!(configuration.trusted_proxies, ["10.0.0.0/8", "::1"]);
    }

    #[test]
    fn an_unknown_key_stops_the_start_by_its_name() {
        let error = read(&Flags::default(), "", &[("GROMA_LISTN", "127.0.0.1:2")]).expect_err("unknown");
        assert!(error.contains("listn"), "{error}");
        let error = read(&Flags::default(), "datadir = 'x'", &[]).expect_err("unknown");
        assert!(error.contains("datadir"), "{error}");
    }

    #[test]
    fn a_password_of_digits_is_a_password() {
        let read = variables(&[
            ("GROMA_ADMIN_PASSWORD", "0123456789"),
            ("GROMA_TILE_CACHE_MB", "5"),
            ("HOME", "/root"),
        ]);
        assert_eq!(read["admin_password"], "0123456789");
        assert_eq!(read["tile_cache_mb"], 5);
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn a_settings_file_that_was_asked_for_has_to_be_there() {
        let flags = Flags {
            config: Some(PathBuf::from("/nowhere/groma.toml")),
            ..Flags::default()
        };
        assert!(matches!(
            Configuration::read(&flags),
            Err(ConfigurationError::NoFile(_))
        ));
    }
}
