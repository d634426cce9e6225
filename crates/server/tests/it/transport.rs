//! What every address does, whatever is behind it.

use hyper::Method;

use crate::house::House;

#[tokio::test]
async fn any_page_may_ask_any_path_with_any_header() {
    let house = House::new().await;
    for path in [
        "/v3/maps/carto_dw/table",
        "/v3/sql/carto_dw/query",
        "/nowhere",
        "/healthz",
        "/basemaps/world.json",
    ] {
        let answer = house
            .call(Method::OPTIONS, path)
            .header("origin", "https://other.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, x-anything")
            .send()
            .await;
        assert!(answer.status.is_success(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("authorization, x-anything"),
            "{path}"
        );
        assert!(
            answer
                .header("access-control-allow-methods")
                .is_some_and(|methods| methods.contains("DELETE"))
        );
        assert!(answer.header("access-control-max-age").is_some());
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn errors_of_the_framework_are_json_that_other_pages_can_read() {
    let house = House::new().await;
    let broken = || {
        house
            .call(Method::POST, "/v3/sql/carto_dw/query")
            .header("content-type", "application/json")
    };
    let token = house.token(&["sql"], &["*"]).await;
    for (answer, status) in [
        (house.get("/v3/nothing/here").send().await, 404),
        (house.get("/workspace-api/nothing").send().await, 404),
        (house.call(Method::DELETE, "/v3/sql/carto_dw/query").send().await, 405),
        (broken().token(&token).body("{\"q\": ").send().await, 400),
        (broken().token(&token).body("[1]").send().await, 400),
        (broken().token(&token).body(" ".repeat(11 << 20)).send().await, 413),
        (house.get("/v3/sql/carto_dw/query?q=1").send().await, 401),
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{status}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{status}");
        assert!(answer.header("x-request-id").is_some());
        assert!(!answer.refused(status).is_empty());
    }
}

#[tokio::test]
async fn doubled_slashes_mean_one() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    let answer = house
        .get("//v3//sql/carto_dw//query?q=SELECT+1+AS+one")
        .token(&token)
        .send()
        .await;
    assert_eq!(answer.ok()["rows"][0]["one"], 1);
}

#[tokio::test]
async fn health_is_told_without_a_token() {
    let house = House::new().await;
    assert_eq!(house.get("/healthz").send().await.ok()["status"], "ok");
    assert_eq!(house.get("/readyz").send().await.ok()["status"], "ready");
}

#[tokio::test]
async fn json_travels_compressed_to_who_takes_it() {
    let house = House::new().await;
    let token = house.token(&["sql"], &["*"]).await;
    let path = "/v3/sql/carto_dw/query?q=SELECT+repeat('abc',+1000)+AS+text";
    let answer = house
        .get(path)
        .token(&token)
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 500, "{}", answer.body.len());
    let plain = house.get(path).token(&token).send().await;
    assert_eq!(plain.header("content-encoding"), None);
    let tag = plain.header("etag").expect("a tag").to_owned();
    let again = house.get(path).token(&token).header("if-none-match", &tag).send().await;
    assert_eq!(again.status.as_u16(), 304);
}
