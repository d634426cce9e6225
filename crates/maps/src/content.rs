//! Content of a map: the configuration that CARTO's Builder calls `keplerMapConfig`, and its datasets.
//!
//! The configuration is kept as it came, so that documents of other tools survive a round trip; only
//! what we act on is checked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// Longest title and description, in characters.
const MAX_TITLE: usize = 255;
const MAX_DESCRIPTION: usize = 20_000;
/// Largest document, in bytes of JSON.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The name of a map that nobody has named yet.
pub const UNTITLED: &str = "Untitled map";

/// What people edit: everything of a map that viewers may see once it is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    pub title: String,
    /// Markdown; empty hides the description.
    #[serde(default)]
    pub description: String,
    /// `{version: "v1", config: {…}}`, replaced as a whole.
    #[serde(rename = "keplerMapConfig")]
    pub configuration: Value,
    /// The sources of the layers, in CARTO's words.
    #[serde(default)]
    pub datasets: Vec<Value>,
}

/// A change to a map's content: only what is there is replaced.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Edit {
    pub title: Option<String>,
    pub description: Option<String>,
    #[serde(rename = "keplerMapConfig")]
    pub configuration: Option<Value>,
    pub datasets: Option<Vec<Value>>,
}

/// What a dataset selects from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatasetSource {
    /// A table's name, as the dataset writes it.
    Table(String),
    /// The exact text of a query.
    Query(String),
}

/// A dataset reduced to what a token has to allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetGrant {
    pub connection: String,
    pub source: DatasetSource,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            title: UNTITLED.to_owned(),
            description: String::new(),
            configuration: empty_configuration(),
            datasets: Vec::new(),
        }
    }
}

impl Content {
    /// The content after an edit; refuses what no client could draw.
    pub fn edited(mut self, edit: Edit) -> Result<Self> {
        if let Some(title) = edit.title {
            self.title = title.trim().to_owned();
        }
        if let Some(description) = edit.description {
            self.description = description;
        }
        if let Some(configuration) = edit.configuration {
            self.configuration = normalised_configuration(configuration)?;
        }
        if let Some(datasets) = edit.datasets {
            self.datasets = datasets.into_iter().map(normalised_dataset).collect::<Result<_>>()?;
        }
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        let characters = self.title.chars().count();
        if characters == 0 || characters > MAX_TITLE {
            return Err(Error::Invalid(format!(
                "A map's title has between 1 and {MAX_TITLE} characters; this one has {characters}."
            )));
        }
        if self.description.chars().count() > MAX_DESCRIPTION {
            return Err(Error::Invalid(format!(
                "A map's description has at most {MAX_DESCRIPTION} characters."
            )));
        }
        let bytes =
            self.configuration.to_string().len() + self.datasets.iter().map(|d| d.to_string().len()).sum::<usize>();
        if bytes > MAX_BYTES {
            return Err(Error::Invalid(format!(
                "A map document has at most {MAX_BYTES} bytes; this one has {bytes}."
            )));
        }
        Ok(())
    }

    /// Whether there is something to share: a title and at least one source.
    pub fn is_shareable(&self) -> bool {
        !self.title.is_empty() && !self.datasets.is_empty()
    }

    /// What a token for this map has to allow: exactly its datasets, each once.
    pub fn grants(&self) -> Vec<DatasetGrant> {
        let mut grants: Vec<DatasetGrant> = Vec::new();
        for grant in self.datasets.iter().filter_map(dataset_grant) {
            if !grants.contains(&grant) {
                grants.push(grant);
            }
        }
        grants
    }
}

/// A map that shows the world and nothing on it.
fn empty_configuration() -> Value {
    json!({
        "version": "v1",
        "config": {
            "mapState": {"latitude": 20.0, "longitude": 0.0, "zoom": 1.5, "pitch": 0.0, "bearing": 0.0},
            "mapStyle": {"styleType": "positron", "visibleLayerGroups": {}},
            "filters": {},
            "visState": {"layers": []},
        }
    })
}

/// Accepts `{version, config}` and a bare config; fills in what fetchMap cannot do without.
fn normalised_configuration(configuration: Value) -> Result<Value> {
    let Value::Object(mut members) = configuration else {
        return Err(Error::Invalid(
            "keplerMapConfig must be an object {version, config}.".to_owned(),
        ));
    };
    if !members.contains_key("config") {
        members = Map::from_iter([("config".to_owned(), Value::Object(members))]);
    }
    members.entry("version").or_insert_with(|| json!("v1"));
    let Some(config) = members.get_mut("config").and_then(Value::as_object_mut) else {
        return Err(Error::Invalid("keplerMapConfig.config must be an object.".to_owned()));
    };
    let empty = empty_configuration();
    for name in ["mapState", "mapStyle"] {
        if !config.get(name).is_some_and(Value::is_object) {
            config.insert(name.to_owned(), empty["config"][name].clone());
        }
    }
    let vis_state = config.entry("visState").or_insert_with(|| json!({}));
    if !vis_state.is_object() {
        *vis_state = json!({});
    }
    let layers = &mut vis_state["layers"];
    if layers.is_null() {
        *layers = json!([]);
    }
    let Some(layers) = layers.as_array() else {
        return Err(Error::Invalid(
            "keplerMapConfig.config.visState.layers must be a list.".to_owned(),
        ));
    };
    if let Some(place) = layers.iter().position(|layer| !layer.is_object()) {
        return Err(Error::Invalid(format!(
            "keplerMapConfig.config.visState.layers[{place}] must be an object."
        )));
    }
    Ok(Value::Object(members))
}

/// Checks a dataset and gives it an id when it has none.
fn normalised_dataset(dataset: Value) -> Result<Value> {
    let Value::Object(mut members) = dataset else {
        return Err(Error::Invalid(
            "Each dataset must be an object {type, source, connectionName}.".to_owned(),
        ));
    };
    let text = |members: &Map<String, Value>, name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let kind = text(&members, "type").unwrap_or_default();
    if !["table", "query", "tileset", "raster"].contains(&kind.as_str()) {
        return Err(Error::Invalid(format!(
            "A dataset's type must be table, query, tileset or raster; it is '{kind}'."
        )));
    }
    if text(&members, "source").is_none() {
        return Err(Error::Invalid(
            "A dataset needs a source: a table's name or a query.".to_owned(),
        ));
    }
    if text(&members, "connectionName").is_none() {
        return Err(Error::Invalid(
            "A dataset needs the connectionName that its source is read through.".to_owned(),
        ));
    }
    if text(&members, "id").is_none() {
        members.insert("id".to_owned(), json!(uuid::Uuid::now_v7().to_string()));
    }
    Ok(Value::Object(members))
}

fn dataset_grant(dataset: &Value) -> Option<DatasetGrant> {
    let source = dataset["source"].as_str()?.to_owned();
    let connection = dataset["connectionName"].as_str()?.to_owned();
    let source = match dataset["type"].as_str()? {
        "query" => DatasetSource::Query(source),
        _ => DatasetSource::Table(source),
    };
    Some(DatasetGrant { connection, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(kind: &str, source: &str) -> Value {
        json!({"id": source, "type": kind, "source": source, "connectionName": "carto_dw"})
    }

    #[test]
    fn an_edit_replaces_what_it_names_and_nothing_else() {
        let content = Content::default()
            .edited(Edit {
                title: Some("  Quakes ".to_owned()),
                datasets: Some(vec![dataset("table", "demo.cities")]),
                ..Edit::default()
            })
            .expect("valid");
        assert_eq!(content.title, "Quakes");
        let again = content
            .clone()
            .edited(Edit {
                description: Some("since 1900".to_owned()),
                ..Edit::default()
            })
            .expect("valid");
        assert_eq!(again.datasets, content.datasets);
        assert_eq!(again.title, "Quakes");
    }

    #[test]
    fn a_configuration_that_fetch_map_would_choke_on_is_completed() {
        let edit = Edit {
            configuration: Some(json!({"version": "v1", "config": {"widgets": [1], "visState": {}}})),
            ..Edit::default()
        };
        let config = &Content::default().edited(edit).expect("valid").configuration["config"];
        assert!(config["visState"]["layers"].is_array());
        assert!(config["mapStyle"]["styleType"].is_string());
        assert_eq!(config["widgets"], json!([1]));
    }

    #[test]
    fn what_cannot_be_a_map_is_refused_with_the_reason() {
        for (edit, word) in [
            (
                Edit {
                    title: Some("   ".to_owned()),
                    ..Edit::default()
                },
                "title",
            ),
            (
                Edit {
                    configuration: Some(json!("x")),
                    ..Edit::default()
                },
                "keplerMapConfig",
            ),
            (
                Edit {
                    datasets: Some(vec![json!({"type": "table", "connectionName": "c"})]),
                    ..Edit::default()
                },
                "source",
            ),
            (
                Edit {
                    datasets: Some(vec![json!({"type": "moon"})]),
                    ..Edit::default()
                },
                "moon",
            ),
        ] {
            let error = Content::default().edited(edit).expect_err("refused").to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn grants_cover_exactly_the_datasets() {
        let edit = Edit {
            datasets: Some(vec![
                dataset("table", "demo.cities"),
                dataset("query", "SELECT 1"),
                dataset("table", "demo.cities"),
            ]),
            ..Edit::default()
        };
        let grants = Content::default().edited(edit).expect("valid").grants();
        let sources: Vec<_> = grants.into_iter().map(|grant| grant.source).collect();
        assert_eq!(
            sources,
            [
                DatasetSource::Table("demo.cities".to_owned()),
                DatasetSource::Query("SELECT 1".to_owned())
            ]
        );
    }
}
