//! Sources answer with the rows that plain loops over the fixture find.

use serde_json::{Value, json};
use sources::{FieldType, Selection, Source};
use warehouse::{GeometryKind, Limits};

use crate::trees::{Park, Tree, trees};

async fn ids(source: &Source) -> Vec<i64> {
    let rows = source
        .objects(&Selection::of(["\"id\""]).ordered_by("1"), &Limits::default())
        .await
        .unwrap();
    rows.iter()
        .map(|row| match &row["id"] {
            Value::String(text) => text.parse().unwrap(),
            number => number.as_i64().unwrap(),
        })
        .collect()
}

fn expected(passes: impl Fn(&Tree) -> bool) -> Vec<i64> {
    trees().iter().filter(|tree| passes(tree)).map(|tree| tree.id).collect()
}

async fn check(park: &Park, filters: Value, passes: impl Fn(&Tree) -> bool) {
    let expected = expected(passes);
    assert!(
        !expected.is_empty() && expected.len() < 600,
        "{filters} tells nothing apart"
    );
    let filters = filters.to_string();
    for source in [
        ("name", "park.trees"),
        ("q", "SELECT * FROM park.trees"),
        ("q", "SELECT * FROM park.trees LIMIT 1000"),
    ] {
        let source = park.source(&[source, ("filters", &filters)]).await.unwrap();
        assert_eq!(ids(&source).await, expected, "{filters}");
    }
}

#[tokio::test]
async fn columns_have_the_types_of_the_wire() {
    let park = Park::open().await;
    for source in [
        ("name", "park.trees"),
        ("q", "SELECT * FROM park.trees;"),
        ("q", "SELECT * FROM park.trees ORDER BY id"),
    ] {
        let source = park.source(&[source]).await.unwrap();
        assert_eq!(
            serde_json::to_value(source.schema()).unwrap(),
            json!([
                {"name": "id", "type": "bigint"},
                {"name": "kind", "type": "string"},
                {"name": "height", "type": "number"},
                {"name": "age", "type": "number"},
                {"name": "planted", "type": "timestamp"},
                {"name": "is_old", "type": "boolean"},
                {"name": "geom", "type": "geometry"},
            ])
        );
        assert_eq!(source.geometry().unwrap().column, "geom");
        assert_eq!(
            source.tables_read().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["park.trees"]
        );
    }
    let some = park
        .source(&[("name", "park.trees"), ("columns", "height,kind")])
        .await
        .unwrap();
    let names: Vec<String> = some.schema().into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["kind", "height", "geom"]);
    assert_eq!(some.field("ID").unwrap().field_type, FieldType::Bigint);
}

#[tokio::test]
async fn filters_let_pass_what_their_words_say() {
    let park = Park::open().await;
    check(
        &park,
        json!({"kind": {"in": {"values": ["O'Hara's elm", "oak\\"]}}}),
        |tree| matches!(tree.kind, Some("O'Hara's elm" | "oak\\")),
    )
    .await;
    check(&park, json!({"kind": {"in": {"values": ["pine", null]}}}), |tree| {
        matches!(tree.kind, None | Some("pine"))
    })
    .await;
    check(
        &park,
        json!({"id": {"in": {"values": [3, "9007199254740993"]}}}),
        |tree| matches!(tree.id, 3 | 9_007_199_254_740_993),
    )
    .await;
    check(&park, json!({"is_old": {"in": {"values": [true]}}}), |tree| tree.is_old).await;
    check(
        &park,
        json!({"height": {"between": {"values": [[0, 2.25], [20, null]]}}}),
        |tree| {
            tree.height
                .is_some_and(|height| (0.0..=2.25).contains(&height) || height >= 20.0)
        },
    )
    .await;
    check(&park, json!({"age": {"closed_open": {"values": [[10, 20]]}}}), |tree| {
        (10..20).contains(&tree.age)
    })
    .await;
    check(
        &park,
        json!({"planted": {"time": {"values": [[946_684_800_000_i64, 950_000_000_000_i64]]}}}),
        |tree| (946_684_800_000..=950_000_000_000).contains(&(tree.planted / 1000)),
    )
    .await;
    check(
        &park,
        json!({"planted": {"between": {"values": [["2001-01-01", null]]}}}),
        |tree| tree.planted >= 978_307_200_000_000,
    )
    .await;
    check(
        &park,
        json!({"kind": {"stringSearch": {"values": ["APF", "pin"]}}}),
        |tree| matches!(tree.kind, Some("Äpfel" | "pine")),
    )
    .await;
    check(
        &park,
        json!({"kind": {"stringSearch": {"values": ["oak\\"]}}}),
        |tree| tree.kind == Some("oak\\"),
    )
    .await;
    check(
        &park,
        json!({"kind": {"stringSearch": {"values": ["^o.k$"], "params": {"useRegExp": true, "caseSensitive": true}}}}),
        |tree| tree.kind == Some("oak"),
    )
    .await;
    check(
        &park,
        json!({"kind": {"stringSearch": {"values": ["ine"], "params": {"mustEnd": true}}}}),
        |tree| tree.kind == Some("pine"),
    )
    .await;
    check(
        &park,
        json!({"age": {"between": {"values": [[0, 50]]}}, "kind": {"in": {"values": ["oak"]}}}),
        |tree| tree.age <= 50 && tree.kind == Some("oak"),
    )
    .await;
}

#[tokio::test]
async fn placeholders_of_every_style_are_bound_beside_filters() {
    let park = Park::open().await;
    let expected = expected(|tree| tree.age > 70 && tree.kind == Some("oak"));
    for (sql, parameters) in [
        ("SELECT * FROM park.trees WHERE age > @age", r#"{"age":70}"#),
        ("SELECT * FROM park.trees WHERE age > :age", r#"{"age":70}"#),
        ("SELECT * FROM park.trees WHERE age > $1", "[70]"),
        ("SELECT * FROM park.trees WHERE age > :1", "[70]"),
        ("SELECT * FROM park.trees WHERE age > ? LIMIT 1000", "[70]"),
    ] {
        let filters = r#"{"kind":{"in":{"values":["oak"]}}}"#;
        let source = park
            .source(&[("q", sql), ("queryParameters", parameters), ("filters", filters)])
            .await
            .unwrap();
        assert_eq!(ids(&source).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn areas_hold_the_points_within_them() {
    let park = Park::open().await;
    let check = async |coordinates: Value, is_inside: &dyn Fn(f64, f64) -> bool| {
        let expected = expected(|tree| tree.place.is_some_and(|[lon, lat]| is_inside(lon, lat)));
        let area = json!({"geom": {"type": "Polygon", "coordinates": [coordinates]}}).to_string();
        let source = park
            .source(&[("name", "park.trees"), ("spatialFilters", &area)])
            .await
            .unwrap();
        assert_eq!(ids(&source).await, expected, "{area}");
        assert!(!expected.is_empty());
    };
    let rectangle = |west: f64, south: f64, east: f64, north: f64| {
        json!([
            [west, south],
            [east, south],
            [east, north],
            [west, north],
            [west, south]
        ])
    };
    check(rectangle(71.2, 51.1, 71.6, 51.3), &|lon, lat| {
        (71.2..=71.6).contains(&lon) && (51.1..=51.3).contains(&lat)
    })
    .await;
    check(rectangle(179.5, -20.0, 180.5, -10.0), &|lon, _| {
        lon >= 179.5 || lon <= -179.5
    })
    .await;
    check(rectangle(-540.0, -90.0, 540.0, 90.0), &|_, _| true).await;
    // A triangle over the antimeridian: as far from 180° as from its base.
    check(json!([[179.0, -17.0], [181.0, -17.0], [180.0, -16.0]]), &|lon, lat| {
        let east = if lon < 0.0 { lon + 360.0 } else { lon };
        lat >= -17.0 && (east - 180.0).abs() <= -16.0 - lat
    })
    .await;
}

#[tokio::test]
async fn a_plain_query_is_recognised_as_its_table() {
    let park = Park::open().await;
    let filters = r#"{"kind":{"in":{"values":["oak"]}}}"#;
    let source = park
        .source(&[
            ("q", "SELECT id, geom, kind FROM park.trees t WHERE t.age > @age"),
            ("queryParameters", r#"{"age":70}"#),
            ("filters", filters),
        ])
        .await
        .unwrap();
    let table = source.as_table().expect("it is a table");
    assert_eq!(
        table.condition.as_ref().unwrap().text,
        "(age > 70) AND \"kind\" IN ('oak')"
    );
    assert_eq!(table.table.name.to_string(), "park.trees");
    assert_eq!(source.geometry().unwrap().kind, Some(GeometryKind::Points));
    assert!(
        park.source(&[("q", "SELECT * FROM park.trees LIMIT 5")])
            .await
            .unwrap()
            .as_table()
            .is_none()
    );
    assert!(park.source(&[("name", "park.trees")]).await.unwrap().is_whole_table());
}

#[tokio::test]
async fn the_data_version_changes_with_the_tables_read() {
    let park = Park::open().await;
    park.run("CREATE TABLE park.benches AS SELECT 1 AS id").await;
    let version = async |pair: (&str, &str)| park.source(&[pair]).await.unwrap().data_version();
    let pairs = [
        ("name", "park.trees"),
        ("q", "SELECT * FROM park.trees"),
        ("q", "SELECT t.* FROM park.trees t JOIN park.benches b ON t.id = b.id"),
    ];
    let before = [
        version(pairs[0]).await,
        version(pairs[1]).await,
        version(pairs[2]).await,
    ];
    park.run("INSERT INTO park.benches VALUES (2)").await;
    assert_eq!([version(pairs[0]).await, version(pairs[1]).await], before[..2]);
    assert!(version(pairs[2]).await > before[2]);
    park.run("DELETE FROM park.trees WHERE id = 5").await;
    assert!(version(pairs[0]).await > before[0] && version(pairs[1]).await > before[1]);
}

#[tokio::test]
async fn a_fingerprint_is_of_the_request_alone() {
    let park = Park::open().await;
    let fingerprint = async |pairs: &[(&str, &str)]| park.source(pairs).await.unwrap().fingerprint().to_owned();
    let one = fingerprint(&[("name", "park.trees"), ("client", "a")]).await;
    assert_eq!(one.len(), 32);
    assert_eq!(
        one,
        fingerprint(&[("name", "carto_dw.park.trees"), ("v", "3.4"), ("filters", "{}")]).await
    );
    assert_ne!(one, fingerprint(&[("name", "park.trees"), ("columns", "kind")]).await);
    assert_ne!(one, fingerprint(&[("q", "SELECT * FROM park.trees")]).await);
}

#[tokio::test]
async fn an_extent_is_around_the_rows_that_pass() {
    let park = Park::open().await;
    let filters = r#"{"age":{"between":{"values":[[0,20]]}}}"#;
    for source in [("name", "park.trees"), ("q", "SELECT * FROM park.trees ORDER BY id")] {
        let source = park.source(&[source, ("filters", filters)]).await.unwrap();
        let extent = source.extent(&Limits::default()).await.unwrap().unwrap().to_array();
        let mut expected = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        for [lon, lat] in trees()
            .iter()
            .filter(|tree| tree.age <= 20)
            .filter_map(|tree| tree.place)
        {
            expected = [
                expected[0].min(lon),
                expected[1].min(lat),
                expected[2].max(lon),
                expected[3].max(lat),
            ];
        }
        assert_eq!(extent, expected);
        assert_eq!(
            source.geometry_kind(&Limits::default()).await.unwrap(),
            GeometryKind::Points
        );
    }
    park.run("CREATE TABLE park.nothing AS SELECT * FROM park.trees WHERE false")
        .await;
    let nothing = park.source(&[("name", "park.nothing")]).await.unwrap();
    assert_eq!(nothing.extent(&Limits::default()).await.unwrap(), None);
}

#[tokio::test]
async fn an_aggregation_groups_rows_by_geometry() {
    let park = Park::open().await;
    park.run(
        "CREATE TABLE park.visits AS SELECT geom, age FROM park.trees UNION ALL SELECT geom, age + 1 FROM park.trees",
    )
    .await;
    let filters = r#"{"age":{"between":{"values":[[0,50]]}}}"#;
    let source = park
        .source(&[
            ("name", "park.visits"),
            ("aggregationExp", "count(*) as visits, SUM(age) AS age_sum, 1 as value"),
            ("filters", filters),
        ])
        .await
        .unwrap();
    let names: Vec<String> = source.schema().into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["geom", "visits", "age_sum", "value"]);
    let place = ["ST_X(geom) AS x", "ST_Y(geom) AS y", "visits", "age_sum", "value"];
    let rows = source.objects(&Selection::of(place), &Limits::default()).await.unwrap();
    let mut expected = std::collections::HashMap::<Option<[u64; 2]>, (i64, i64)>::new();
    for tree in trees() {
        for age in [tree.age, tree.age + 1].into_iter().filter(|age| *age <= 50) {
            let group = expected
                .entry(tree.place.map(|place| place.map(f64::to_bits)))
                .or_default();
            *group = (group.0 + 1, group.1 + i64::from(age));
        }
    }
    assert_eq!(rows.len(), expected.len());
    for row in rows {
        let place = row["x"]
            .as_f64()
            .zip(row["y"].as_f64())
            .map(|(x, y)| [x.to_bits(), y.to_bits()]);
        let (visits, sum) = expected[&place];
        assert_eq!(
            (row["visits"].as_i64(), row["age_sum"].as_i64(), row["value"].as_i64()),
            (Some(visits), Some(sum), Some(1))
        );
    }
}

#[tokio::test]
async fn names_of_a_connection_reach_the_same_warehouse() {
    let park = Park::open().await;
    let organisation = database::Id::new();
    for name in ["carto_dw", "warehouse"] {
        let connection = park.connections.resolve(organisation, name).await.unwrap();
        assert_eq!(connection.name, "warehouse");
        assert_eq!(connection.aliases(), ["carto_dw"]);
    }
    let mut tx = park.database.database().begin().await.unwrap();
    connections::Connections::rename(&mut tx, organisation, "city", database::now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        park.connections.resolve(organisation, "carto_dw").await.unwrap().name,
        "city"
    );
    let error = park
        .connections
        .resolve(organisation, "warehouse")
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, "Connection not found: warehouse. There is city, carto_dw");
}
