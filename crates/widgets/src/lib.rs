//! Widgets: the numbers beside a map, exact on the source's rows, as CARTO's clients ask for them.
//!
//! [`model`] answers `/v3/sql/{connection}/model/{model}`, [`stats::column`] answers `/v3/stats`.

mod aggregations;
mod category;
mod error;
mod formula;
mod histogram;
mod measures;
mod pick;
mod quantiles;
mod range;
mod scatterplot;
pub mod stats;
mod table;
mod timeseries;

use serde_json::{Map, Value};
use sources::{Parameters, Selection, Source};
use warehouse::Limits;

pub use error::{Error, Result};

/// The models of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    Aggregations,
    Category,
    Formula,
    Histogram,
    Pick,
    Range,
    Scatterplot,
    Table,
    Timeseries,
}

impl Model {
    const ALL: [(&str, Model); 9] = [
        ("aggregations", Model::Aggregations),
        ("category", Model::Category),
        ("formula", Model::Formula),
        ("histogram", Model::Histogram),
        ("pick", Model::Pick),
        ("range", Model::Range),
        ("scatterplot", Model::Scatterplot),
        ("table", Model::Table),
        ("timeseries", Model::Timeseries),
    ];

    /// The model that a URL names.
    pub fn parse(name: &str) -> Result<Model> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, model)| *model)
            .ok_or_else(|| Error::UnknownModel {
                name: name.to_owned(),
                available: Self::ALL.iter().map(|(name, _)| *name).collect(),
            })
    }
}

/// Computes a widget from a source. `parameters` are those of the request; the widget's own are its `params`.
pub async fn model(model: Model, source: &Source, parameters: &Parameters, limits: &Limits) -> Result<Value> {
    let widget = match parameters.json("params")? {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(sources::Error::invalid("params", "must be an object").into()),
    };
    let widget = Widget::new(source, Parameters::new([], widget), limits)?;
    match model {
        Model::Aggregations => aggregations::answer(&widget).await,
        Model::Category => category::answer(&widget).await,
        Model::Formula => formula::answer(&widget).await,
        Model::Histogram => histogram::answer(&widget).await,
        Model::Pick => pick::answer(&widget).await,
        Model::Range => range::answer(&widget).await,
        Model::Scatterplot => scatterplot::answer(&widget).await,
        Model::Table => table::answer(&widget).await,
        Model::Timeseries => timeseries::answer(&widget).await,
    }
}

/// What every model works with.
struct Widget<'a> {
    source: &'a Source,
    params: Parameters,
    limits: &'a Limits,
    /// Features that the widget is limited to, as a condition.
    features: Option<String>,
}

impl<'a> Widget<'a> {
    fn new(source: &'a Source, params: Parameters, limits: &'a Limits) -> Result<Self> {
        let features = pick::is_feature(source, &params)?;
        Ok(Widget {
            source,
            params,
            limits,
            features,
        })
    }

    /// A selection from the rows that the widget is about.
    fn select(&self, items: impl IntoIterator<Item = impl Into<String>>) -> Selection {
        let selection = Selection::of(items);
        match &self.features {
            Some(condition) => selection.only(condition.clone()),
            None => selection,
        }
    }

    async fn rows(&self, selection: &Selection) -> Result<Vec<Value>> {
        Ok(self.source.objects(selection, self.limits).await?)
    }
}
