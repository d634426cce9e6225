//! `/v3/maps`: from a table or query to a TileJSON to tiles, and public maps.

use hyper::Method;
use serde_json::{Value, json};

use crate::house::{Answer, House, query};

const TABLE: &str = "/v3/maps/carto_dw/table";

async fn tilejson(house: &House, token: &str, path: &str) -> Value {
    let step_one = house.get(path).token(token).send().await.ok();
    let url = step_one["tilejson"]["url"][0].as_str().expect("a URL").to_owned();
    assert!(url.starts_with(&house.base) && url.contains("cache="), "{url}");
    house.get(&url).token(token).send().await.ok()
}

fn tile_url(tilejson: &Value, z: u8, x: u32, y: u32) -> String {
    let template = tilejson["tiles"][0].as_str().expect("a template");
    template
        .replace("{z}", &z.to_string())
        .replace("{x}", &x.to_string())
        .replace("{y}", &y.to_string())
}

async fn world(house: &House, token: &str, path: &str) -> Answer {
    let tilejson = tilejson(house, token, path).await;
    house.get(&tile_url(&tilejson, 0, 0, 0)).token(token).send().await
}

#[tokio::test]
async fn a_table_becomes_a_tilejson_and_tiles() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["demo.cities"]).await;
    let path = format!(
        "{TABLE}?{}",
        query(&[
            ("name", "demo.cities"),
            ("spatialDataColumn", "geom"),
            ("spatialDataType", "geo"),
            ("tileResolution", "0.5"),
            ("v", "3.4"),
            ("client", "test"),
        ])
    );
    let step_one = house.get(&path).token(&token).send().await.ok();
    let names: Vec<&str> = step_one["schema"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(names, ["id", "name", "population", "geom"]);
    let tilejson = tilejson(&house, &token, &path).await;
    let attributes = tilejson["tilestats"]["layers"][0]["attributes"]
        .as_array()
        .expect("attributes");
    assert!(
        attributes
            .iter()
            .any(|attribute| attribute["attribute"] == "population")
    );
    assert!(
        tilejson["tiles"][0]
            .as_str()
            .is_some_and(|url| url.contains("formatTiles=binary"))
    );
    assert!(tilejson.get("properties_tiles").is_none());

    let tile = house.get(&tile_url(&tilejson, 0, 0, 0)).token(&token).send().await;
    assert_eq!(tile.status.as_u16(), 200, "{}", String::from_utf8_lossy(&tile.body));
    assert_eq!(tile.header("content-type"), Some("application/vnd.carto-vector-tile"));
    assert_eq!(tile.header("groma-fraction-shown"), Some("1"));
    assert_eq!(tile.header("groma-features-shown"), Some("3"));
    assert!(
        tile.header("access-control-expose-headers")
            .is_some_and(|names| names.contains("Groma-Fraction-Shown"))
    );
    let text = String::from_utf8_lossy(&tile.body);
    assert!(text.contains("Astana") && text.contains("Quito"));

    let tag = tile.header("etag").expect("a tag").to_owned();
    let again = house
        .get(&tile_url(&tilejson, 0, 0, 0))
        .token(&token)
        .header("if-none-match", &tag)
        .send()
        .await;
    assert_eq!(again.status.as_u16(), 304);
    let packed = house
        .get(&tile_url(&tilejson, 0, 0, 0))
        .token(&token)
        .header("accept-encoding", "gzip, br")
        .send()
        .await;
    assert_eq!(packed.header("content-encoding"), Some("br"));
    assert_ne!(
        packed.header("etag"),
        Some(tag.as_str()),
        "another encoding is another answer"
    );
    let empty = house.get(&tile_url(&tilejson, 5, 0, 0)).token(&token).send().await;
    assert_eq!((empty.status.as_u16(), empty.body.len()), (204, 0));
    house
        .get(&tile_url(&tilejson, 3, 9, 0))
        .token(&token)
        .send()
        .await
        .refused(400);
}

#[tokio::test]
async fn get_and_post_give_the_same_and_different_sources_give_different_urls() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["*"]).await;
    let url = |answer: Value| answer["tilejson"]["url"][0].as_str().expect("a URL").to_owned();
    let sql = "SELECT * FROM demo.cities WHERE population > @least";
    let filters = json!({"population": {"between": {"values": [[0, 5_000_000]]}}});
    let parameters = json!({"least": 1_500_000});
    let get = format!(
        "/v3/maps/carto_dw/query?{}",
        query(&[
            ("q", sql),
            ("queryParameters", &parameters.to_string()),
            ("filters", &filters.to_string()),
        ])
    );
    let by_get = url(house.get(&get).token(&token).send().await.ok());
    let body = json!({"q": sql, "queryParameters": parameters, "filters": filters});
    let by_post = url(house
        .post("/v3/maps/carto_dw/query", &body)
        .token(&token)
        .send()
        .await
        .ok());
    assert_eq!(by_get, by_post);
    assert!(by_get.len() < 200, "short: {by_get}");
    assert!(
        !by_get.contains("SELECT") && !by_get.contains(&token),
        "no SQL and no token in it"
    );
    let other = json!({"q": sql, "queryParameters": {"least": 1}, "filters": filters});
    assert_ne!(
        by_get,
        url(house
            .post("/v3/maps/carto_dw/query", &other)
            .token(&token)
            .send()
            .await
            .ok())
    );
    let tile = world(&house, &token, &get).await;
    assert_eq!(tile.header("groma-features-shown"), Some("2"), "Almaty and Quito");
}

#[tokio::test]
async fn mvt_is_mvt() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["*"]).await;
    let step_one = house
        .get(&format!("{TABLE}?name=demo.cities"))
        .token(&token)
        .send()
        .await
        .ok();
    let url = format!(
        "{}&formatTiles=mvt",
        step_one["tilejson"]["url"][0].as_str().expect("a URL")
    );
    let tilejson = house.get(&url).token(&token).send().await.ok();
    assert!(
        tilejson["tiles"][0]
            .as_str()
            .is_some_and(|url| url.contains("formatTiles=mvt"))
    );
    let tile = house.get(&tile_url(&tilejson, 0, 0, 0)).token(&token).send().await;
    assert_eq!(tile.header("content-type"), Some("application/vnd.mapbox-vector-tile"));
    assert!(!tile.body.is_empty());
}

#[tokio::test]
async fn every_tile_asks_for_the_grant_again() {
    let house = House::new().await;
    let all = house.token(&["maps"], &["*"]).await;
    let narrow = house.token(&["maps"], &["demo.cities"]).await;
    house
        .get(&format!("{TABLE}?name=demo.secret"))
        .token(&narrow)
        .send()
        .await
        .refused(403);
    let tilejson = tilejson(&house, &all, &format!("{TABLE}?name=demo.secret")).await;
    let url = tile_url(&tilejson, 0, 0, 0);
    assert_eq!(house.get(&url).token(&all).send().await.status.as_u16(), 200);
    house.get(&url).token(&narrow).send().await.refused(403);
    house.get(&url).send().await.refused(401);
    let by_parameter = house.get(&format!("{url}&access_token={all}")).send().await;
    assert_eq!(by_parameter.status.as_u16(), 200, "a token may stand in the URL too");
    let sql_only = house.token(&["sql"], &["*"]).await;
    house.get(&url).token(&sql_only).send().await.refused(403);
}

#[tokio::test]
async fn changed_data_gives_a_new_url_and_new_tiles() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["*"]).await;
    let path = format!("{TABLE}?name=demo.cities");
    let before = tilejson(&house, &token, &path).await;
    assert_eq!(
        world(&house, &token, &path).await.header("groma-features-shown"),
        Some("3")
    );
    house
        .execute("INSERT INTO demo.cities VALUES (5, 'Osh', 320000, ST_SetSRID(ST_Point(72.8, 40.5), 4326))")
        .await;
    let after = tilejson(&house, &token, &path).await;
    assert_ne!(before["tiles"][0], after["tiles"][0]);
    assert_eq!(
        world(&house, &token, &path).await.header("groma-features-shown"),
        Some("4")
    );
}

#[tokio::test]
async fn urls_survive_a_restart() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["*"]).await;
    let tilejson = tilejson(&house, &token, &format!("{TABLE}?name=demo.cities")).await;
    let url = tile_url(&tilejson, 0, 0, 0);
    let path = url.strip_prefix(&house.base).expect("our own").to_owned();
    let house = house.restarted().await;
    let tile = house.get(&path).token(&token).send().await;
    assert_eq!(tile.header("groma-features-shown"), Some("3"));
}

#[tokio::test]
async fn wrong_sources_are_refused_with_what_is_wrong() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["*"]).await;
    for (path, status, word) in [
        ("/v3/maps/carto_dw/table?name=demo.citis", 404, "demo.citis"),
        ("/v3/maps/carto_dw/table", 400, "name"),
        ("/v3/maps/carto_dw/query", 400, "q"),
        ("/v3/maps/nowhere/table?name=demo.cities", 404, "nowhere"),
        (
            "/v3/maps/carto_dw/table?name=demo.cities&spatialDataColumn=name",
            400,
            "geom",
        ),
        (
            "/v3/maps/carto_dw/table?name=demo.cities&filters=%7Bbroken",
            400,
            "filters",
        ),
        (
            "/v3/maps/carto_dw/table?name=demo.cities&columns=nothing",
            400,
            "nothing",
        ),
        ("/v3/maps/carto_dw/raster?name=demo.cities", 501, "raster"),
        (
            "/v3/maps/carto_dw/table?m=00000000000000000000000000000000",
            404,
            "ask for the map again",
        ),
        ("/v3/maps/carto_dw/table/0/0/0?formatTiles=binary", 400, "m"),
    ] {
        let said = house.get(path).token(&token).send().await.refused(status);
        assert!(said.contains(word), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_public_map_gives_everybody_a_token_for_its_data_and_nothing_else() {
    let house = House::new().await;
    let browser = house.browser().await;
    let dataset = json!({"id": "d1", "type": "table", "source": "demo.cities", "connectionName": "carto_dw", "geoColumn": "geom"});
    let content = json!({"title": "Cities", "datasets": [dataset], "keplerMapConfig": {"version": "v1", "config": {
        "mapState": {"latitude": 0, "longitude": 0, "zoom": 1}, "mapStyle": {"styleType": "positron"}, "visState": {"layers": []}}}});
    let map = browser.post("/workspace-api/maps", &content).send().await.ok();
    let id = map["id"].as_str().expect("an id");
    let public = format!("/v3/maps/public/{id}");
    house.get(&public).send().await.refused(404);
    let shared = browser
        .post(
            &format!("/workspace-api/maps/{id}/privacy"),
            &json!({"privacy": "public"}),
        )
        .send()
        .await
        .ok();
    assert_eq!(shared["public_url"], format!("{}/map/{id}", house.base));

    let document = house.get(&public).send().await.ok();
    assert_eq!(
        (
            document["title"].as_str(),
            document["keplerMapConfig"]["version"].as_str()
        ),
        (Some("Cities"), Some("v1"))
    );
    let style = &document["keplerMapConfig"]["config"];
    assert_eq!(style["mapStyle"]["styleType"], "custom:positron");
    assert!(
        style["customBaseMaps"]["customStyle"]["url"]
            .as_str()
            .is_some_and(|url| url.starts_with(&house.base))
    );
    let token = document["token"].as_str().expect("a token");
    assert_eq!(
        world(&house, token, &format!("{TABLE}?name=demo.cities"))
            .await
            .status
            .as_u16(),
        200
    );
    house
        .get("/v3/stats/carto_dw/demo.cities/population")
        .token(token)
        .send()
        .await
        .ok();
    house
        .get(&format!("{TABLE}?name=demo.secret"))
        .token(token)
        .send()
        .await
        .refused(403);
    house
        .post("/v3/sql/carto_dw/query", &json!({"q": "DROP TABLE demo.cities"}))
        .token(token)
        .send()
        .await
        .refused(403);

    browser
        .post(
            &format!("/workspace-api/maps/{id}/privacy"),
            &json!({"privacy": "private"}),
        )
        .send()
        .await
        .ok();
    house.get(&public).send().await.refused(404);
    house
        .get(&format!("{TABLE}?name=demo.cities"))
        .token(token)
        .send()
        .await
        .refused(401);
}

/// Cached tiles are answered before the router; nobody must notice.
#[tokio::test]
async fn a_cached_tile_says_what_the_first_one_said() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["demo.cities"]).await;
    let tilejson = tilejson(&house, &token, &format!("{TABLE}?name=demo.cities")).await;
    for (z, x, y) in [(0, 0, 0), (5, 0, 0)] {
        let url = tile_url(&tilejson, z, x, y);
        let ask = || house.get(&url).token(&token).header("accept-encoding", "gzip").send();
        let (first, cached) = (ask().await, ask().await);
        assert_eq!(first.status, cached.status);
        assert_eq!(first.body, cached.body);
        let names = |answer: &Answer| {
            let mut headers: Vec<(String, Vec<u8>)> = answer
                .headers
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect();
            headers.sort();
            headers
        };
        assert_eq!(names(&first), names(&cached));
        assert_ne!(first.header("x-request-id"), cached.header("x-request-id"));
    }
}

#[tokio::test]
async fn a_cached_tile_is_for_those_who_may_read_it_now() {
    let house = House::new().await;
    let token = house.token(&["maps"], &["demo.cities"]).await;
    let other = house.token(&["maps"], &["demo.other"]).await;
    let tilejson = tilejson(&house, &token, &format!("{TABLE}?name=demo.cities")).await;
    let url = tile_url(&tilejson, 0, 0, 0);
    for _ in 0..2 {
        assert_eq!(house.get(&url).token(&token).send().await.status.as_u16(), 200);
    }
    for _ in 0..2 {
        house.get(&url).token(&other).send().await.refused(403);
        house.get(&url).token("gro_nobody").send().await.refused(401);
        house.get(&url).send().await.refused(401);
    }
    let browser = house.browser().await;
    let listed = browser.get("/workspace-api/tokens").send().await.ok();
    let id = listed["items"]
        .as_array()
        .expect("tokens")
        .iter()
        .find(|listed| token.ends_with(listed["hint"].as_str().expect("a hint")))
        .expect("the token")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/workspace-api/tokens/{id}");
    let ended = browser.call(Method::DELETE, &path).send().await;
    assert!(ended.status.is_success(), "{}", ended.status);
    house.get(&url).token(&token).send().await.refused(401);
}
