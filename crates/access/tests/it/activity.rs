//! The activity log: a line for every change, in the change's own transaction.

use access::activity::{list, record};
use access::{ActivityKind, NewToken, Target, sessions, tokens};
use database::PageRequest;
use serde_json::json;
use testing::on_both_stores;

use super::house::{House, at, sign_in};

#[tokio::test]
async fn setting_up_signing_in_and_making_a_token_are_written_down() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let now = at("2026-01-02T00:00:00Z");
        let (_, secret) = sign_in(&db, now).await;
        let ada = sessions::authenticate(&db, secret.reveal(), now)
            .await
            .unwrap()
            .unwrap()
            .actor();
        sessions::sign_in(&db, "ada@example.org", "wrong", at("2026-01-03T00:00:00Z"))
            .await
            .unwrap_err();
        sessions::sign_in(&db, "her password by mistake", "wrong", at("2026-01-04T00:00:00Z"))
            .await
            .unwrap_err();
        let mut tx = db.begin().await.unwrap();
        let new = NewToken {
            name: "Viewer".into(),
            apis: "maps,sql".parse().unwrap(),
            ..NewToken::default()
        };
        tokens::create(&mut tx, &ada, new, at("2026-01-05T00:00:00Z"))
            .await
            .unwrap();
        tx.commit().await.unwrap();

        let lines = list(&db, house.organisation.id, &PageRequest::default())
            .await
            .unwrap()
            .items;
        let told: Vec<_> = lines
            .iter()
            .rev()
            .map(|line| {
                (
                    line.kind,
                    line.actor_kind.as_str(),
                    line.actor_name.as_deref(),
                    line.target.name.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (ActivityKind::AccountCreated, "operator", None, "Analytical Engines"),
                (ActivityKind::UserCreated, "operator", None, "Ada Lovelace"),
                (ActivityKind::UserLogins, "person", Some("Ada Lovelace"), "Ada Lovelace"),
                (ActivityKind::LoginFailed, "anonymous", None, "Ada Lovelace"),
                (ActivityKind::LoginFailed, "anonymous", None, "an unknown account"),
                (ActivityKind::TokenCreated, "person", Some("Ada Lovelace"), "Viewer"),
            ]
        );
        assert_eq!(lines[0].details["apis"], json!(["sql", "maps"]));
    })
    .await;
}

#[tokio::test]
async fn a_change_that_was_undone_leaves_no_line() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let before = list(&db, house.organisation.id, &PageRequest::default())
            .await
            .unwrap()
            .items
            .len();
        let mut tx = db.begin().await.unwrap();
        record(
            &mut tx,
            &house.ada(),
            ActivityKind::TableCreated,
            Target::table("public.a"),
            json!({}),
            database::now(),
        )
        .await
        .unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(
            list(&db, house.organisation.id, &PageRequest::default())
                .await
                .unwrap()
                .items
                .len(),
            before
        );
    })
    .await;
}

#[tokio::test]
async fn the_log_is_paged_and_is_the_organisations_own() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let now = at("2026-01-02T00:00:00Z");
        let mut tx = db.begin().await.unwrap();
        for n in 0..5 {
            let target = Target::table(format!("public.t{n}"));
            record(
                &mut tx,
                &house.ada(),
                ActivityKind::TableCreated,
                target.clone(),
                json!({}),
                now,
            )
            .await
            .unwrap();
            record(
                &mut tx,
                &super::house::stranger(),
                ActivityKind::TableDropped,
                target,
                json!({}),
                now,
            )
            .await
            .unwrap();
        }
        tx.commit().await.unwrap();
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = list(&db, house.organisation.id, &PageRequest::new(Some(2), after))
                .await
                .unwrap();
            seen.extend(
                page.items
                    .into_iter()
                    .filter(|line| line.kind == ActivityKind::TableCreated)
                    .map(|line| line.target.id),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["public.t4", "public.t3", "public.t2", "public.t1", "public.t0"]);
    })
    .await;
}

#[test]
fn the_names_of_what_was_done_are_those_of_exports() {
    let name = |kind: ActivityKind| serde_json::to_value(kind).unwrap();
    assert_eq!(name(ActivityKind::UserLogins), "UserLogins");
    assert_eq!(name(ActivityKind::MapPrivacyChanged), "MapPrivacyChanged");
}
