//! Claiming, signing in and out, and whose cookie counts.

use access::organisations;
use hyper::Method;
use serde_json::json;

use crate::house::{EMAIL, House, PASSWORD};

#[tokio::test]
async fn the_one_time_link_makes_the_owner_and_works_once() {
    let house = House::unclaimed().await;
    assert_eq!(
        house.get("/workspace-api/setup").send().await.ok()["state"],
        "unclaimed"
    );
    let mut tx = house.groma.rooms().database.begin().await.expect("a transaction");
    let link = organisations::issue_claim(&mut tx, database::now())
        .await
        .expect("a link");
    tx.commit().await.expect("committed");
    let claim = |secret: &str| json!({"claim": secret, "organisation": "Engines", "name": "Ada", "email": EMAIL, "password": PASSWORD});
    house
        .post("/workspace-api/setup/claim", &claim("guessed"))
        .send()
        .await
        .refused(403);
    let answer = house
        .post("/workspace-api/setup/claim", &claim(link.reveal()))
        .send()
        .await;
    assert!(
        answer
            .header("set-cookie")
            .is_some_and(|cookie| cookie.contains("HttpOnly"))
    );
    let me = answer.ok();
    assert_eq!(
        (me["person"]["email"].as_str(), me["organisation"]["name"].as_str()),
        (Some(EMAIL), Some("Engines"))
    );
    assert_eq!(house.get("/workspace-api/setup").send().await.ok()["state"], "ready");
    house
        .post("/workspace-api/setup/claim", &claim(link.reveal()))
        .send()
        .await
        .refused(403);
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_guessing_is_slowed_down() {
    let house = House::new().await;
    let wrong = json!({"email": EMAIL, "password": "wrong password"});
    house.post("/workspace-api/sign-in", &wrong).send().await.refused(401);
    let mut last = None;
    for _ in 0..12 {
        last = Some(house.post("/workspace-api/sign-in", &wrong).send().await);
    }
    let last = last.expect("answers");
    assert!(last.header("retry-after").is_some());
    assert!(last.json()["retry_after"].as_u64().is_some_and(|seconds| seconds > 0));
    last.refused(429);
}

#[tokio::test]
async fn who_signs_out_is_nobody_at_once() {
    let house = House::new().await;
    let browser = house.browser().await;
    assert_eq!(
        browser.get("/workspace-api/me").send().await.ok()["person"]["email"],
        EMAIL
    );
    let answer = browser.call(Method::POST, "/workspace-api/sign-out").send().await;
    assert_eq!(answer.status.as_u16(), 204);
    browser.get("/workspace-api/me").send().await.refused(401);
    house.get("/workspace-api/me").send().await.refused(401);
}

#[tokio::test]
async fn no_other_page_acts_with_our_cookie() {
    let house = House::new().await;
    let browser = house.browser().await;
    let map = json!({"title": "Mine"});
    let with_cookie = |method, path| house.call(method, path).header("cookie", browser.cookie());
    let create = || with_cookie(Method::POST, "/workspace-api/maps").json(&map);
    create()
        .header("sec-fetch-site", "cross-site")
        .header("x-groma-csrf", &browser.csrf)
        .send()
        .await
        .refused(403);
    create()
        .header("origin", "https://evil.example")
        .send()
        .await
        .refused(403);
    create()
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .refused(403);
    create().send().await.refused(403);
    create()
        .header("sec-fetch-site", "same-origin")
        .header("x-groma-csrf", &browser.csrf)
        .send()
        .await
        .ok();
    let query = "/v3/sql/carto_dw/query?q=SELECT+1+AS+one";
    with_cookie(Method::GET, query)
        .header("sec-fetch-site", "same-site")
        .send()
        .await
        .refused(403);
    with_cookie(Method::GET, query)
        .header("origin", "https://evil.example")
        .send()
        .await
        .refused(403);
    assert_eq!(
        with_cookie(Method::GET, query)
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .ok()["rows"][0]["one"],
        1
    );
}

#[tokio::test]
async fn a_link_never_changes_data() {
    let house = House::new().await;
    let browser = house.browser().await;
    let drop = "/v3/sql/carto_dw/query?q=DROP+TABLE+demo.secret";
    browser.get(drop).send().await.refused(403);
    let token = house.token(&["sql"], &["*"]).await;
    house
        .get(&format!("{drop}&access_token={token}"))
        .send()
        .await
        .refused(403);
    browser
        .get("/v3/sql/carto_dw/query?q=SELECT+answer+FROM+demo.secret")
        .send()
        .await
        .ok();
    browser
        .post("/v3/sql/carto_dw/query", &json!({"q": "DROP TABLE demo.secret"}))
        .send()
        .await
        .ok();
    browser
        .get("/v3/sql/carto_dw/query?q=SELECT+answer+FROM+demo.secret")
        .send()
        .await
        .refused(404);
}

#[tokio::test]
async fn what_older_clients_send_for_no_token_is_no_token() {
    let house = House::new().await;
    let browser = house.browser().await;
    let path = "/v3/sql/carto_dw/query?q=SELECT+1+AS+one";
    for nothing in ["Bearer undefined", "Bearer null", "Bearer "] {
        let answer = browser.get(path).header("authorization", nothing).send().await;
        assert_eq!(answer.ok()["rows"][0]["one"], 1, "{nothing}");
        house
            .get(path)
            .header("authorization", nothing)
            .send()
            .await
            .refused(401);
    }
    browser
        .get(path)
        .header("authorization", "Bearer gro_made_up")
        .send()
        .await
        .refused(401);
}
