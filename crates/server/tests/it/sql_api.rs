//! `/v3/sql`: queries, their parameters, their limits, and what a token may read.

use hyper::Method;
use serde_json::{Value, json};

use crate::house::{House, query};

const QUERY: &str = "/v3/sql/carto_dw/query";

#[tokio::test]
async fn rows_come_with_their_schema_by_get_and_post_alike() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    let sql = "SELECT id, name, population, geom FROM demo.cities WHERE id = @id";
    let parameters = json!({"id": 3});
    let get = format!(
        "{QUERY}?{}",
        query(&[("q", sql), ("queryParameters", &parameters.to_string()), ("v", "3.4")])
    );
    let by_get = house.get(&get).token(&token).send().await.ok();
    let by_post = house
        .post(QUERY, &json!({"q": sql, "queryParameters": parameters, "v": "3.4"}))
        .token(&token)
        .send()
        .await
        .ok();
    assert_eq!(by_get["rows"], by_post["rows"]);
    let row = &by_get["rows"][0];
    assert_eq!(
        (row["name"].as_str(), row["population"].as_i64()),
        (Some("Quito"), Some(2_700_000))
    );
    assert_eq!(row["geom"], json!({"type": "Point", "coordinates": [-78.52, -0.22]}));
    let names: Vec<&str> = by_get["schema"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(names, ["id", "name", "population", "geom"]);
    assert!(by_get["meta"].is_object());
}

#[tokio::test]
async fn the_own_name_of_the_connection_works_as_well_and_others_are_not_there() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    house
        .get("/v3/sql/warehouse/query?q=SELECT+1")
        .token(&token)
        .send()
        .await
        .ok();
    let said = house
        .get("/v3/sql/nowhere/query?q=SELECT+1")
        .token(&token)
        .send()
        .await
        .refused(404);
    assert!(said.contains("carto_dw"), "{said}");
}

#[tokio::test]
async fn wrong_statements_are_refused_with_what_is_wrong() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    for (sql, status, word) in [
        ("SELEC 1", 400, "line 1"),
        ("SELECT 1; SELECT 2", 400, "one SQL statement"),
        ("SELECT * FROM demo.citis", 404, "demo.citis"),
        ("SELECT nme FROM demo.cities", 400, "nme"),
        ("SELECT * FROM demo.cities WHERE id = @missing", 400, "missing"),
        ("SELECT * FROM read_parquet('/etc/passwd')", 400, "read_parquet"),
        ("SELECT * FROM generate_series(1, 200001)", 400, "200000"),
    ] {
        let answer = house.post(QUERY, &json!({"q": sql})).token(&token).send().await;
        let said = answer.refused(status);
        assert!(said.contains(word), "{sql}: {said}");
    }
    house.post(QUERY, &json!({})).token(&token).send().await.refused(400);
}

#[tokio::test]
async fn a_query_of_a_hundred_kilobytes_is_answered() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    let sql = format!("SELECT length('{}') AS n", "x".repeat(100_000));
    let answer = house.post(QUERY, &json!({"q": sql})).token(&token).send().await.ok();
    assert_eq!(answer["rows"][0]["n"], 100_000);
}

#[tokio::test]
async fn a_large_answer_is_whole() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    let sql = "SELECT value, repeat('x', 200) AS text FROM generate_series(1, 150000) AS t (value)";
    let answer = house.post(QUERY, &json!({"q": sql})).token(&token).send().await.ok();
    let rows = answer["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 150_000);
    let sum: i64 = rows
        .iter()
        .filter_map(|row| {
            row["value"]
                .as_str()
                .map_or(row["value"].as_i64(), |text| text.parse().ok())
        })
        .sum();
    assert_eq!(sum, 150_000 * 150_001 / 2);
}

#[tokio::test]
async fn a_token_reads_what_it_was_granted_and_nothing_else() {
    let house = House::new().await;
    let token = house
        .token(&["sql"], &["demo.cities", "SELECT answer FROM demo.secret"])
        .await;
    let ask = |sql: &'static str| house.post(QUERY, &json!({"q": sql})).token(&token);
    ask("SELECT count(*) AS n FROM demo.cities").send().await.ok();
    ask("SELECT answer FROM demo.secret").send().await.ok();
    for sql in [
        "SELECT * FROM demo.secret",
        "SELECT * FROM demo.cities, demo.secret",
        "SELECT * FROM demo.cities WHERE id IN (SELECT answer FROM demo.secret)",
        "INSERT INTO demo.cities (id) VALUES (5)",
    ] {
        ask(sql).send().await.refused(403);
    }
    let maps_only = house.token(&["maps"], &["*"]).await;
    house
        .get(&format!("{QUERY}?q=SELECT+1"))
        .token(&maps_only)
        .send()
        .await
        .refused(403);
}

#[tokio::test]
async fn a_token_that_may_do_everything_writes() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    let ask = |sql: &'static str| house.post(QUERY, &json!({"q": sql})).token(&token);
    let done = ask("INSERT INTO demo.cities (id, name) VALUES (5, 'Osh')")
        .send()
        .await
        .ok();
    assert_eq!((&done["rows"], &done["schema"]), (&json!([]), &json!([])));
    let counted = ask("SELECT count(*) AS n FROM demo.cities").send().await.ok();
    assert_eq!(counted["rows"][0]["n"], 5);
}

#[tokio::test]
async fn a_deleted_token_opens_nothing_any_more_and_a_foreign_page_cannot_use_one() {
    let house = House::new().await;
    let browser = house.browser().await;
    let wanted = json!({
        "name": "page", "apis": ["sql"], "grants": [{"connection": "carto_dw", "source": "*"}],
        "referers": ["https://maps.example.org/"],
    });
    let made = browser.post("/workspace-api/tokens", &wanted).send().await.ok();
    let secret = made["secret"].as_str().expect("a secret");
    let ask = || house.get(&format!("{QUERY}?q=SELECT+1")).token(secret);
    ask().header("origin", "https://maps.example.org").send().await.ok();
    ask()
        .header("referer", "https://maps.example.org/a/page")
        .send()
        .await
        .ok();
    assert_eq!(
        ask().header("origin", "https://evil.example").send().await.refused(403),
        "Unauthorized referer"
    );
    ask().send().await.refused(403);
    let id = made["id"].as_str().expect("an id");
    let deleted = browser
        .call(Method::DELETE, &format!("/workspace-api/tokens/{id}"))
        .send()
        .await;
    assert_eq!(deleted.status.as_u16(), 204);
    ask()
        .header("origin", "https://maps.example.org")
        .send()
        .await
        .refused(401);
}

#[tokio::test]
async fn widgets_and_statistics_answer_under_the_same_grants() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["demo.cities"]).await;
    let formula = |source: &str| {
        let params = json!({"column": "population", "operation": "sum"}).to_string();
        format!(
            "/v3/sql/carto_dw/model/formula?{}",
            query(&[
                ("type", "table"),
                ("source", source),
                ("params", &params),
                ("queryParameters", ""),
                ("filters", "undefined"),
                ("filtersLogicalOperator", "undefined"),
            ])
        )
    };
    let answer = house.get(&formula("demo.cities")).token(&token).send().await.ok();
    assert_eq!(answer["rows"][0]["value"].as_f64(), Some(6_050_000.0));
    house
        .get(&formula("demo.secret"))
        .token(&token)
        .send()
        .await
        .refused(403);
    let stats = house
        .get("/v3/stats/carto_dw/demo.cities/population")
        .token(&token)
        .send()
        .await
        .ok();
    assert_eq!(
        (stats["min"].as_f64(), stats["max"].as_f64()),
        (Some(1_350_000.0), Some(2_700_000.0))
    );
    let extent = house
        .get("/v3/stats/carto_dw/demo.cities/geom")
        .token(&token)
        .send()
        .await
        .ok();
    assert!((extent["extent"]["xmin"].as_f64().expect("a number") + 78.52).abs() < 1e-6);
    let wrong = house
        .get("/v3/stats/carto_dw/demo.cities/nothing")
        .token(&token)
        .send()
        .await;
    let body: Value = wrong.json();
    assert_eq!(
        (body["error"].as_str(), body["column_name"].as_str()),
        (Some("Column not found"), Some("nothing"))
    );
    house
        .get("/v3/sql/carto_dw/model/nonsense?type=table&source=demo.cities")
        .token(&token)
        .send()
        .await
        .refused(404);
}
