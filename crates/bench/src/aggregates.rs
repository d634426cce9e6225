//! Widgets over ten million rows within a box, beside the same aggregates in PostGIS and DuckDB.

use serde_json::json;

use crate::Result;
use crate::duckdb::DuckDb;
use crate::generator::Data;
use crate::groma::Server;
use crate::lines::Lines;
use crate::points::wait_until_rested;
use crate::postgis::Postgis;

/// A box in degrees and how many rows it may hold, as shares of all.
struct Area {
    name: &'static str,
    sides: [f64; 4],
    least_share: f64,
    most_share: f64,
    repetitions: usize,
}

const AREAS: [Area; 2] = [
    Area {
        name: "a continent's box (5 % of rows or more)",
        sides: [-10.0, 36.0, 30.0, 60.0],
        least_share: 0.05,
        most_share: 1.0,
        repetitions: 5,
    },
    Area {
        name: "a city's box (0.5 % of rows or less)",
        sides: [2.1, 48.7, 2.6, 49.0],
        least_share: 0.00005,
        most_share: 0.005,
        repetitions: 30,
    },
];

/// A widget and the SQL that answers the same.
const WIDGETS: [(&str, &str, &str); 3] = [
    (
        "category",
        r#"{"column":"cat","operation":"count"}"#,
        "SELECT cat, count(*) FROM points WHERE {} GROUP BY cat ORDER BY 2 DESC",
    ),
    (
        "formula",
        r#"{"column":"value","operation":"avg"}"#,
        "SELECT avg(value) FROM points WHERE {}",
    ),
    (
        "histogram",
        r#"{"column":"value","operation":"count","ticks":[5,10,15,20,30,40,50,75,100]}"#,
        "SELECT width_bucket(value, ARRAY[5,10,15,20,30,40,50,75,100]::float8[]), count(*) FROM points WHERE {} GROUP BY 1",
    ),
];

pub(crate) async fn measure(
    server: &mut Server,
    postgis: &mut Postgis,
    duckdb: &mut DuckDb,
    data: &Data,
    lines: &mut Lines,
) -> Result<()> {
    for area in AREAS {
        let [west, south, east, north] = area.sides;
        let polygon = json!({"geom": {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}});
        let box_in_mercator =
            format!("geom && ST_Transform(ST_MakeEnvelope({west}, {south}, {east}, {north}, 4326), 3857)");
        let count = postgis
            .number(&format!("SELECT count(*)::float8 FROM points WHERE {box_in_mercator}"))
            .await?;
        let share = count / data.points as f64;
        if !(area.least_share..=area.most_share).contains(&share) {
            return Err(format!("{} holds {share:.5} of the rows", area.name).into());
        }
        let parameters = |widget: &str| {
            [
                ("type", "table".to_owned()),
                ("source", "bench.points".to_owned()),
                ("params", widget.to_owned()),
                ("spatialFilters", polygon.to_string()),
            ]
        };
        let ours = server.widget("formula", &parameters(r#"{"column":"*","operation":"count"}"#))?["rows"][0]["value"]
            .as_f64();
        if ours.is_none_or(|ours| (ours - count).abs() > 2.0) {
            return Err(format!("{}: {ours:?} rows, PostGIS {count}", area.name).into());
        }
        // What is asked for again and again comes into memory, beside the answers.
        wait_until_rested(server, |server| {
            for (model, widget, _) in WIDGETS {
                server.widget(model, &parameters(widget))?;
            }
            Ok(())
        })?;
        let mut sums = [0.0; 2];
        for (model, widget, sql) in WIDGETS {
            let sql = sql.replace("{}", &box_in_mercator);
            server.widget(model, &parameters(widget))?;
            postgis.rows(&sql).await?;
            let before = [server.cpu_ms()?, postgis.cpu_ms()?];
            for _ in 0..area.repetitions {
                server.widget(model, &parameters(widget))?;
                postgis.rows(&sql).await?;
            }
            let costs = [server.cpu_ms()? - before[0], postgis.cpu_ms()? - before[1]]
                .map(|cost| cost / area.repetitions as f64);
            let section = format!("aggregates in {} of {count} rows (CPU ms)", area.name);
            lines.figure(&section, &format!("{model}, Groma"), costs[0]);
            lines.figure(&section, &format!("{model}, PostGIS"), costs[1]);
            if let Some(cost) = in_duckdb(duckdb, model, area.sides, area.repetitions)? {
                lines.figure(&section, &format!("{model}, DuckDB"), cost);
            }
            sums = [sums[0] + costs[0], sums[1] + costs[1]];
        }
        if area.least_share >= 0.05 {
            lines.at_least(
                &format!("aggregates in {}, times less than PostGIS", area.name),
                sums[1] / sums[0],
                3.0,
            );
        } else {
            lines.at_most(
                &format!("aggregates in {}, no more than PostGIS (sum)", area.name),
                sums[0],
                sums[1],
            );
        }
    }
    Ok(())
}

fn in_duckdb(
    duckdb: &mut DuckDb,
    model: &str,
    [west, south, east, north]: [f64; 4],
    repetitions: usize,
) -> Result<Option<f64>> {
    let meters = |degrees: f64| degrees.to_radians() * 6_378_137.0;
    let northing = |degrees: f64| (std::f64::consts::FRAC_PI_4 + degrees.to_radians() / 2.0).tan().ln() * 6_378_137.0;
    let condition = format!(
        "mx BETWEEN {} AND {} AND my BETWEEN {} AND {}",
        meters(west),
        meters(east),
        northing(south),
        northing(north)
    );
    let sql = match model {
        "category" => format!("SELECT cat, count(*) FROM points WHERE {condition} GROUP BY cat ORDER BY 2 DESC"),
        "formula" => format!("SELECT avg(value) FROM points WHERE {condition}"),
        _ => return Ok(None),
    };
    duckdb.rows(&sql)?;
    let before = duckdb.cpu_ms()?;
    for _ in 0..repetitions {
        duckdb.rows(&sql)?;
    }
    Ok(Some((duckdb.cpu_ms()? - before) / repetitions as f64))
}
