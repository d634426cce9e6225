//! Counties and states of the United States, from us-atlas (Census Bureau) and vega-datasets (BLS).

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use geo::GeodesicArea;

use super::Demo;
use crate::geoparquet::Table;
use crate::topojson::Area;
use crate::{Error, packages, topojson};

/// FIPS code of a state or territory and its postal abbreviation.
const POSTAL: [(&str, &str); 56] = [
    ("01", "AL"),
    ("02", "AK"),
    ("04", "AZ"),
    ("05", "AR"),
    ("06", "CA"),
    ("08", "CO"),
    ("09", "CT"),
    ("10", "DE"),
    ("11", "DC"),
    ("12", "FL"),
    ("13", "GA"),
    ("15", "HI"),
    ("16", "ID"),
    ("17", "IL"),
    ("18", "IN"),
    ("19", "IA"),
    ("20", "KS"),
    ("21", "KY"),
    ("22", "LA"),
    ("23", "ME"),
    ("24", "MD"),
    ("25", "MA"),
    ("26", "MI"),
    ("27", "MN"),
    ("28", "MS"),
    ("29", "MO"),
    ("30", "MT"),
    ("31", "NE"),
    ("32", "NV"),
    ("33", "NH"),
    ("34", "NJ"),
    ("35", "NM"),
    ("36", "NY"),
    ("37", "NC"),
    ("38", "ND"),
    ("39", "OH"),
    ("40", "OK"),
    ("41", "OR"),
    ("42", "PA"),
    ("44", "RI"),
    ("45", "SC"),
    ("46", "SD"),
    ("47", "TN"),
    ("48", "TX"),
    ("49", "UT"),
    ("50", "VT"),
    ("51", "VA"),
    ("53", "WA"),
    ("54", "WV"),
    ("55", "WI"),
    ("56", "WY"),
    ("60", "AS"),
    ("66", "GU"),
    ("69", "MP"),
    ("72", "PR"),
    ("78", "VI"),
];

const SHAPES: &str = "U.S. Census Bureau";

pub(crate) fn us_counties(packages: &Path) -> Result<Demo, Error> {
    let topology = topojson::read(&shapes(packages))?;
    let mut counties = topology.areas("counties")?;
    counties.sort_by(|a, b| a.id.cmp(&b.id));
    let states: HashMap<String, String> = topology
        .areas("states")?
        .into_iter()
        .filter_map(|s| Some((s.id?, s.name)))
        .collect();
    let unemployment = unemployment(packages)?;
    let state_of = |county: &Area| county.id.as_deref().and_then(|id| id.get(..2)).map(str::to_owned);
    let table = Table::new(counties.iter().map(|c| c.polygons.clone().into()).collect())
        .text("geoid", counties.iter().map(|c| c.id.as_deref()))
        .text("name", counties.iter().map(|c| Some(&c.name)))
        .text("state", counties.iter().map(|c| states.get(&state_of(c)?)))
        .text("state_code", counties.iter().map(|c| postal(&state_of(c)?)))
        .number("area_km2", counties.iter().map(square_kilometres))
        .number(
            "unemployment_percent_2009",
            counties.iter().map(|c| unemployment.get(c.id.as_deref()?).copied()),
        );
    Ok(Demo {
        name: "us_counties",
        description: "Counties of the United States with their area and the unemployment rate of 2009.",
        attribution: "U.S. Census Bureau; U.S. Bureau of Labor Statistics",
        licence: "Public domain",
        table,
    })
}

pub(crate) fn usa_states_boundaries(packages: &Path) -> Result<Demo, Error> {
    let mut states = topojson::read(&shapes(packages))?.areas("states")?;
    states.sort_by(|a, b| a.id.cmp(&b.id));
    let code = |s: &Area| postal(s.id.as_deref()?);
    let table = Table::new(states.iter().map(|s| s.polygons.clone().into()).collect())
        .text("name", states.iter().map(|s| Some(&s.name)))
        .text("code_hasc", states.iter().map(|s| Some(format!("US.{}", code(s)?))))
        .text("code_postal", states.iter().map(code))
        .text("geoid", states.iter().map(|s| s.id.as_deref()))
        .number("area_km2", states.iter().map(square_kilometres));
    Ok(Demo {
        name: "usa_states_boundaries",
        description: "States and territories of the United States.",
        attribution: SHAPES,
        licence: "Public domain",
        table,
    })
}

fn shapes(packages: &Path) -> std::path::PathBuf {
    packages::file(packages, "us-atlas", "package/counties-10m.json")
}

fn postal(fips: &str) -> Option<&'static str> {
    POSTAL.iter().find(|(code, _)| *code == fips).map(|(_, postal)| *postal)
}

/// The area on the ellipsoid of the generalised outline, to a tenth. An independent city may be too small for an
/// outline at this scale: its area is not known.
fn square_kilometres(area: &Area) -> Option<f64> {
    if area.polygons.0.is_empty() {
        return None;
    }
    // Signed, because the unsigned area of a ring that runs clockwise is the rest of the Earth.
    let square_meters: f64 = area
        .polygons
        .iter()
        .map(|polygon| polygon.geodesic_area_signed().abs())
        .sum();
    Some((square_meters / 1e5).round() / 10.0)
}

/// Percent of the labour force by county.
fn unemployment(packages: &Path) -> Result<HashMap<String, f64>, Error> {
    let path = packages::file(packages, "vega-datasets", "package/data/unemployment.tsv");
    let file = File::open(&path).map_err(|e| Error::source(&path, e))?;
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .from_reader(file)
        .deserialize::<(u32, f64)>()
        .map(|row| row.map(|(id, rate)| (format!("{id:05}"), (rate * 1000.0).round() / 10.0)))
        .collect::<Result<_, _>>()
        .map_err(|e| Error::source(&path, e))
}
