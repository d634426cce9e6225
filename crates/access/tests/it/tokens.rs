//! API access tokens: shown once, known by their hash, seen by their owner alone.

use access::tokens::{authenticate, create, delete, list, remove_for_asset, set_for_asset};
use access::{Actor, Api, AssetKind, Doorkeeper, Error, Grant, GrantedSource, NewToken, Secret, assets};
use chrono::TimeDelta;
use database::{Database, on};
use testing::on_both_stores;

use super::house::{House, at, stranger};

fn map_viewer() -> NewToken {
    NewToken {
        name: "Map viewer".into(),
        apis: "maps".parse().unwrap(),
        grants: vec![Grant {
            connection: "carto_dw".into(),
            source: GrantedSource::Table("demo.cities".into()),
        }],
        referers: vec!["https://maps.example.com/".parse().unwrap()],
    }
}

async fn make(db: &Database, actor: &Actor, token: NewToken) -> access::Result<(access::ApiToken, Secret)> {
    let mut tx = db.begin().await.unwrap();
    let made = create(&mut tx, actor, token, at("2026-01-02T00:00:00Z")).await?;
    tx.commit().await.unwrap();
    Ok(made)
}

#[tokio::test]
async fn a_token_carries_what_it_was_made_with() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let (made, secret) = make(&db, &house.ada(), map_viewer()).await.unwrap();
        assert!(secret.reveal().starts_with("gro_"));
        assert!(secret.reveal().ends_with(&made.hint) && made.hint.len() == 4);
        let token = authenticate(&db, secret.reveal()).await.unwrap().unwrap();
        assert_eq!(token, made);
        assert_eq!(
            (token.owner, token.organisation),
            (Some(house.ada.id), house.organisation.id)
        );
        assert!(token.may_use(Api::Maps, "carto_dw", &["demo.cities".into()], None));
        assert!(!token.may_use(Api::Sql, "carto_dw", &["demo.cities".into()], None));
        assert!(!token.may_use(Api::Maps, "carto_dw", &["demo.airports".into()], None));
        assert!(token.may_be_used_from(Some("https://maps.example.com"), None));
        assert!(!token.may_be_used_from(Some("https://evil.example"), None));
        assert!(matches!(token.actor(), Actor::Token { id, .. } if id == token.id));
        for wrong in ["", "gro_", &secret.reveal()[1..], &secret.reveal().to_lowercase()] {
            assert!(authenticate(&db, wrong).await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn the_secret_is_not_in_the_database() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let (_, secret) = make(&db, &house.ada(), map_viewer()).await.unwrap();
        let rows: Vec<(String, String, String)> =
            on!(db, c => sqlx::query_as("SELECT name, hint, CAST(grants AS TEXT) FROM api_token").fetch_all(c).await.unwrap());
        let details: Vec<String> = on!(db, c => sqlx::query_scalar("SELECT CAST(details AS TEXT) FROM activity").fetch_all(c).await.unwrap());
        assert!(!format!("{rows:?} {details:?}").contains(&secret.reveal()[4..20]));
    })
    .await;
}

#[tokio::test]
async fn tokens_are_their_makers_alone() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let (token, secret) = make(&db, &house.ada(), map_viewer()).await.unwrap();
        let now = database::now();
        let grace = house.grace(&db).await;
        assert_eq!(list(&db, &house.ada()).await.unwrap(), [token.clone()]);
        assert!(list(&db, &grace).await.unwrap().is_empty());
        assert!(list(&db, &stranger()).await.unwrap().is_empty());
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(
            delete(&mut tx, &grace, token.id, now).await,
            Err(Error::NotFound(_))
        ));
        assert!(matches!(
            delete(&mut tx, &stranger(), token.id, now).await,
            Err(Error::NotFound(_))
        ));
        assert!(matches!(
            delete(&mut tx, &token.actor(), token.id, now).await,
            Err(Error::Forbidden(_))
        ));
        delete(&mut tx, &house.ada(), token.id, now).await.unwrap();
        tx.commit().await.unwrap();
        assert!(authenticate(&db, secret.reveal()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn names_are_unique_to_their_owner() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        make(&db, &house.ada(), map_viewer()).await.unwrap();
        let refusal = make(&db, &house.ada(), map_viewer()).await.unwrap_err();
        assert!(
            matches!(&refusal, Error::TokenNameTaken { name } if name == "Map viewer"),
            "{refusal}"
        );
        let grace = house.grace(&db).await;
        assert!(make(&db, &grace, map_viewer()).await.is_ok());
        let nameless = NewToken {
            name: " ".into(),
            ..map_viewer()
        };
        assert!(matches!(make(&db, &grace, nameless).await, Err(Error::Empty(_))));
    })
    .await;
}

#[tokio::test]
async fn the_operator_makes_tokens_for_the_owner_and_tokens_make_none() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let (token, _) = make(&db, &house.operator(), map_viewer()).await.unwrap();
        assert_eq!(token.owner, Some(house.ada.id));
        assert_eq!(list(&db, &house.operator()).await.unwrap(), [token.clone()]);
        for actor in [token.actor(), Actor::Anonymous] {
            assert!(matches!(
                make(&db, &actor, map_viewer()).await,
                Err(Error::Forbidden(_))
            ));
            assert!(matches!(list(&db, &actor).await, Err(Error::Forbidden(_))));
        }
    })
    .await;
}

#[tokio::test]
async fn a_deleted_token_is_refused_at_once_and_on_other_servers_within_seconds() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let (token, secret) = make(&db, &house.ada(), map_viewer()).await.unwrap();
        let now = at("2026-01-03T00:00:00Z");
        let (here, elsewhere) = (Doorkeeper::new(db.clone()), Doorkeeper::new(db.clone()));
        for doorkeeper in [&here, &elsewhere] {
            assert_eq!(
                doorkeeper.token(secret.reveal(), now).await.unwrap().unwrap().id,
                token.id
            );
        }
        here.delete_token(&house.ada(), token.id, now).await.unwrap();
        assert!(here.token(secret.reveal(), now).await.unwrap().is_none());
        assert!(elsewhere.token(secret.reveal(), now).await.unwrap().is_some());
        assert!(
            elsewhere
                .token(secret.reveal(), now + TimeDelta::seconds(5))
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn a_known_token_costs_no_query() {
    let store = testing::TestDatabase::sqlite().await;
    let house = House::build(store.database()).await;
    let (token, secret) = make(store.database(), &house.ada(), map_viewer()).await.unwrap();
    let doorkeeper = Doorkeeper::new(store.database().clone());
    let now = at("2026-01-03T00:00:00Z");
    doorkeeper.token(secret.reveal(), now).await.unwrap().unwrap();
    store.database().close().await;
    assert_eq!(
        doorkeeper
            .token(secret.reveal(), now + TimeDelta::seconds(4))
            .await
            .unwrap()
            .unwrap()
            .id,
        token.id
    );
    assert!(
        doorkeeper.token("gro_unknown", now).await.is_err(),
        "this one has to ask the closed store"
    );
}

#[tokio::test]
async fn an_asset_has_one_token_that_nobody_lists_and_that_goes_with_it() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let now = database::now();
        let mut tx = db.begin().await.unwrap();
        let map = assets::create(&mut tx, &house.ada(), AssetKind::Map, now)
            .await
            .unwrap();
        let (first, second) = (Secret::from_text("gro_first"), Secret::from_text("gro_second"));
        set_for_asset(&mut tx, &map, &first, map_viewer(), now).await.unwrap();
        set_for_asset(&mut tx, &map, &second, map_viewer(), now).await.unwrap();
        tx.commit().await.unwrap();
        assert!(authenticate(&db, "gro_first").await.unwrap().is_none());
        let token = authenticate(&db, "gro_second").await.unwrap().unwrap();
        assert_eq!((token.asset, token.owner), (Some(map.id), None));
        assert!(list(&db, &house.ada()).await.unwrap().is_empty());

        let mut tx = db.begin().await.unwrap();
        assert!(matches!(
            delete(&mut tx, &house.ada(), token.id, now).await,
            Err(Error::NotFound(_))
        ));
        assert_eq!(remove_for_asset(&mut tx, map.id).await.unwrap(), Some(token.id));
        set_for_asset(&mut tx, &map, &second, map_viewer(), now).await.unwrap();
        assets::delete(&mut tx, &house.ada(), map.id).await.unwrap();
        tx.commit().await.unwrap();
        assert!(authenticate(&db, "gro_second").await.unwrap().is_none());
    })
    .await;
}
