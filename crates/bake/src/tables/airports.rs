//! Airports of the world, from the package airportsdata.

use std::fs::File;
use std::path::Path;

use geo::Point;
use serde::Deserialize;

use super::Demo;
use crate::geoparquet::{Table, along_the_curve};
use crate::{Error, packages};

#[derive(Deserialize)]
struct Airport {
    icao: String,
    iata: String,
    name: String,
    city: String,
    subd: String,
    country: String,
    elevation: Option<f64>,
    lat: f64,
    lon: f64,
    tz: String,
}

const ATTRIBUTION: &str = "airportsdata, © Mike Borsetti";
const LICENCE: &str = "MIT";

pub(crate) fn airports(packages: &Path) -> Result<Demo, Error> {
    Ok(Demo {
        name: "airports",
        description: "Airports and airfields of the world with their codes, elevation and time zone.",
        attribution: ATTRIBUTION,
        licence: LICENCE,
        table: table(&read(packages)?),
    })
}

/// The airports that have an IATA code: those with scheduled flights, more or less.
pub(crate) fn world_airports(packages: &Path) -> Result<Demo, Error> {
    let mut airports = read(packages)?;
    airports.retain(|a| !a.iata.is_empty());
    Ok(Demo {
        name: "world_airports",
        description: "Airports of the world that have an IATA code.",
        attribution: ATTRIBUTION,
        licence: LICENCE,
        table: table(&airports),
    })
}

fn table(airports: &[Airport]) -> Table {
    let text = |value: fn(&Airport) -> &String| airports.iter().map(move |a| Some(value(a)).filter(|v| !v.is_empty()));
    Table::new(airports.iter().map(|a| Point::new(a.lon, a.lat).into()).collect())
        .text("icao_code", text(|a| &a.icao))
        .text("iata_code", text(|a| &a.iata))
        .text("name", text(|a| &a.name))
        .text("city", text(|a| &a.city))
        .text("region", text(|a| &a.subd))
        .text("country_code", text(|a| &a.country))
        .number("elevation_feet", airports.iter().map(|a| a.elevation))
        .text("timezone", text(|a| &a.tz))
}

fn read(packages: &Path) -> Result<Vec<Airport>, Error> {
    let path = packages::file(packages, "airportsdata", "airportsdata/airports.csv");
    let file = File::open(&path).map_err(|e| Error::source(&path, e))?;
    let mut airports = csv::Reader::from_reader(file)
        .deserialize()
        .collect::<Result<Vec<Airport>, _>>()
        .map_err(|e| Error::source(&path, e))?;
    airports.sort_by_key(|a| along_the_curve((a.lon, a.lat).into()));
    Ok(airports)
}
