//! `/workspace-api`: tables, bookmarks, maps and imports of the person who is signed in.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn tables_are_found_and_looked_at() {
    let house = House::new().await;
    let browser = house.browser().await;
    let connections = browser.get("/workspace-api/connections").send().await.ok();
    assert_eq!(
        (&connections["items"][0]["name"], &connections["items"][0]["aliases"]),
        (&json!("warehouse"), &json!(["carto_dw"]))
    );
    let schemas = browser
        .get("/workspace-api/connections/carto_dw/schemas")
        .send()
        .await
        .ok();
    assert!(
        schemas["items"]
            .as_array()
            .expect("a list")
            .contains(&json!({"name": "demo", "tables": 2}))
    );
    let found = browser
        .get("/workspace-api/connections/carto_dw/tables?schema=demo&search=CIT")
        .send()
        .await
        .ok();
    let item = &found["items"][0];
    assert_eq!(
        (&item["name"], &item["rows"], &item["geometry_type"]),
        (&json!("demo.cities"), &json!(4), &json!("points"))
    );
    let table = browser
        .get("/workspace-api/connections/carto_dw/tables/demo.cities")
        .send()
        .await
        .ok();
    assert_eq!(table["geometry"]["column"], "geom");
    let columns: Vec<&str> = table["columns"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|c| c["name"].as_str())
        .collect();
    assert_eq!(columns, ["id", "name", "population", "geom"]);
    let statistics = browser
        .get("/workspace-api/connections/carto_dw/tables/demo.cities/columns/population/statistics")
        .send()
        .await
        .ok();
    assert_eq!(
        (&statistics["nulls"], &statistics["attribute"]),
        (&json!(1), &json!("population"))
    );
    browser
        .get("/workspace-api/connections/carto_dw/tables/demo.nothing")
        .send()
        .await
        .refused(404);
    let deleted = browser
        .call(Method::DELETE, "/workspace-api/connections/carto_dw/tables/demo.secret")
        .send()
        .await;
    assert_eq!(deleted.status.as_u16(), 204);
    browser
        .get("/workspace-api/connections/carto_dw/tables/demo.secret")
        .send()
        .await
        .refused(404);
}

#[tokio::test]
async fn a_bookmarked_table_says_so() {
    let house = House::new().await;
    let browser = house.browser().await;
    let path = "/workspace-api/bookmarks/carto_dw/demo.cities";
    assert_eq!(browser.call(Method::PUT, path).send().await.status.as_u16(), 204);
    let found = browser
        .get("/workspace-api/connections/carto_dw/tables?schema=demo&search=cities")
        .send()
        .await
        .ok();
    assert_eq!(found["items"][0]["bookmarked"], true);
    assert_eq!(
        browser.get("/workspace-api/bookmarks").send().await.ok()["items"][0]["table"],
        "demo.cities"
    );
    assert_eq!(browser.call(Method::DELETE, path).send().await.status.as_u16(), 204);
    assert_eq!(
        browser.get("/workspace-api/bookmarks").send().await.ok()["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_map_is_saved_by_version() {
    let house = House::new().await;
    let browser = house.browser().await;
    let map = browser.post("/workspace-api/maps", &json!({})).send().await.ok();
    let path = format!("/workspace-api/maps/{}", map["id"].as_str().expect("an id"));
    let save = |version: i64, title: &str| {
        browser
            .call(Method::PATCH, &path)
            .json(&json!({"version": version, "title": title}))
    };
    assert_eq!(save(1, "First").send().await.ok()["version"], 2);
    let late = save(1, "Late").send().await;
    assert_eq!(
        (late.status.as_u16(), &late.json()["map"]["title"]),
        (409, &json!("First"))
    );
    let listed = browser.get("/workspace-api/maps?search=fir&cursor=").send().await.ok();
    assert_eq!(listed["items"][0]["title"], "First");
    assert_eq!(browser.call(Method::DELETE, &path).send().await.status.as_u16(), 204);
    browser.get(&path).send().await.refused(404);
    let log = browser.get("/workspace-api/activity").send().await.ok();
    assert_eq!(log["items"][0]["kind"], "MapDeleted");
}

#[tokio::test]
async fn an_uploaded_file_becomes_a_table() {
    let house = House::new().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let rooms = house.groma.rooms();
    let (kind, handler) = imports::ImportJob::registered(rooms.warehouse.clone());
    let worker = tokio::spawn(
        jobs::Worker::new(rooms.database.clone())
            .handle(kind, handler)
            .run(stop.clone()),
    );
    let browser = house.browser().await;
    let csv = "name,latitude,longitude\nOsh,40.5,72.8\nBishkek,42.87,74.6\n";
    let uploaded = browser
        .call(Method::POST, "/workspace-api/imports/uploads?filename=towns.csv")
        .body(csv)
        .send()
        .await
        .ok();
    assert_eq!(
        uploaded["preview"]["rows"].as_array().map(Vec::len),
        Some(2),
        "{uploaded}"
    );
    let wanted = json!({"upload": uploaded["upload"], "table": "demo.towns", "overwrite": false, "options": {}});
    let job = browser.post("/workspace-api/imports", &wanted).send().await.ok()["job"]
        .as_str()
        .expect("an id")
        .to_owned();
    let done = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let job = browser.get(&format!("/workspace-api/jobs/{job}")).send().await.ok();
            if job["state"] != "queued" && job["state"] != "running" {
                break job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let done = done.await.expect("it ends");
    assert_eq!(
        (&done["state"], &done["result"]["written"]),
        (&json!("succeeded"), &json!(2)),
        "{done}"
    );
    let rows = browser
        .get("/v3/sql/carto_dw/query?q=SELECT+count(*)+AS+n+FROM+demo.towns")
        .send()
        .await
        .ok();
    assert_eq!(rows["rows"][0]["n"], 2);
    stop.cancel();
    worker.await.expect("the worker ends");
}
