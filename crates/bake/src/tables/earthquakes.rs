//! One week of earthquakes, from USGS by way of the package vega-datasets.

use std::fs;
use std::path::Path;

use geo::Point;
use serde::Deserialize;

use super::Demo;
use crate::geoparquet::Table;
use crate::{Error, packages};

#[derive(Deserialize)]
struct Feed {
    features: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    properties: Properties,
    geometry: Position,
}

/// Longitude, latitude, depth in kilometres.
#[derive(Deserialize)]
struct Position {
    coordinates: [f64; 3],
}

#[derive(Deserialize)]
struct Properties {
    mag: Option<f64>,
    place: Option<String>,
    time: i64,
    felt: Option<i64>,
    alert: Option<String>,
    status: Option<String>,
    tsunami: Option<i64>,
    sig: Option<i64>,
    net: Option<String>,
    nst: Option<i64>,
    gap: Option<f64>,
    #[serde(rename = "magType")]
    mag_type: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(crate) fn earthquakes(packages: &Path) -> Result<Demo, Error> {
    let path = packages::file(packages, "vega-datasets", "package/data/earthquakes.json");
    let bytes = fs::read(&path).map_err(|e| Error::source(&path, e))?;
    let feed: Feed = serde_json::from_slice(&bytes).map_err(|e| Error::source(&path, e))?;
    let events = feed.features;
    let each = || events.iter().map(|e| &e.properties);
    let table = Table::new(
        events
            .iter()
            .map(|e| Point::new(e.geometry.coordinates[0], e.geometry.coordinates[1]).into())
            .collect(),
    )
    .text("id", events.iter().map(|e| Some(&e.id)))
    .timestamp("time", each().map(|p| Some(p.time)))
    .number("mag", each().map(|p| p.mag))
    .text("mag_type", each().map(|p| p.mag_type.as_deref()))
    .number("depth_km", events.iter().map(|e| Some(e.geometry.coordinates[2])))
    .text("place", each().map(|p| p.place.as_deref()))
    .text("type", each().map(|p| p.kind.as_deref()))
    .text("status", each().map(|p| p.status.as_deref()))
    .text("alert", each().map(|p| p.alert.as_deref()))
    .boolean("tsunami", each().map(|p| p.tsunami.map(|t| t != 0)))
    .integer("felt", each().map(|p| p.felt))
    .integer("significance", each().map(|p| p.sig))
    .text("network", each().map(|p| p.net.as_deref()))
    .integer("stations", each().map(|p| p.nst))
    .number("gap_degrees", each().map(|p| p.gap));
    Ok(Demo {
        name: "earthquakes",
        description: "All earthquakes that the USGS recorded from 31 January to 7 February 2018.",
        attribution: "U.S. Geological Survey",
        licence: "Public domain",
        table,
    })
}
