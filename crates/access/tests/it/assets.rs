//! Assets: what is hidden does not exist, what is shown may not be changed by everybody.

use access::assets::{Action, AssetKind, Sharing, create, delete, may, open, open_to_change, share, touch};
use access::{Actor, Asset, Error};
use chrono::TimeDelta;
use database::{Database, Id};
use testing::on_both_stores;

use super::house::{House, at, stranger};

async fn map_of(db: &Database, actor: &Actor, sharing: Sharing) -> Asset {
    let now = at("2026-01-02T00:00:00Z");
    let mut tx = db.begin().await.unwrap();
    let map = create(&mut tx, actor, AssetKind::Map, now).await.unwrap();
    let map = share(&mut tx, actor, map.id, sharing, now).await.unwrap();
    tx.commit().await.unwrap();
    map
}

#[tokio::test]
async fn who_may_do_what_by_sharing() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let grace = house.grace(&db).await;
        let all = [
            Action::Read,
            Action::Edit,
            Action::Delete,
            Action::Share,
            Action::Administer,
        ];
        let (everything, reading, nothing): (&[_], &[_], &[_]) = (&all, &[Action::Read], &[]);
        for (sharing, colleague, everybody) in [
            (Sharing::Private, nothing, nothing),
            (Sharing::Organisation, reading, nothing),
            (Sharing::Public, reading, reading),
        ] {
            let map = map_of(&db, &house.ada(), sharing).await;
            for (actor, expected) in [
                (&house.ada(), everything),
                (&house.operator(), everything),
                (&grace, colleague),
                (&stranger(), everybody),
                (
                    &Actor::Operator {
                        organisation: Id::new(),
                    },
                    everybody,
                ),
                (&Actor::Anonymous, everybody),
            ] {
                let allowed: Vec<Action> = all.into_iter().filter(|action| may(actor, *action, &map)).collect();
                assert_eq!(allowed, expected, "{actor:?} and a map that is {sharing:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_one_may_not_know_of_does_not_exist() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let grace = house.grace(&db).await;
        let hidden = map_of(&db, &house.ada(), Sharing::Private).await;
        let shown = map_of(&db, &house.ada(), Sharing::Organisation).await;
        let missing = open(&db, &grace, Id::new(), Action::Read)
            .await
            .unwrap_err()
            .to_string();
        for action in [Action::Read, Action::Edit] {
            let refusal = open(&db, &grace, hidden.id, action).await.unwrap_err();
            assert!(matches!(refusal, Error::NotFound(_)));
            assert_eq!(refusal.to_string(), missing);
        }
        assert_eq!(open(&db, &grace, shown.id, Action::Read).await.unwrap(), shown);
        assert!(matches!(
            open(&db, &grace, shown.id, Action::Edit).await,
            Err(Error::Forbidden(_))
        ));
        assert_eq!(
            open(&db, &house.ada(), hidden.id, Action::Delete).await.unwrap(),
            hidden
        );
    })
    .await;
}

#[tokio::test]
async fn an_owner_shares_touches_and_deletes_and_others_do_not() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let grace = house.grace(&db).await;
        let map = map_of(&db, &house.ada(), Sharing::Public).await;
        let later = map.updated_at + TimeDelta::hours(1);
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(
            share(&mut tx, &grace, map.id, Sharing::Private, later).await,
            Err(Error::Forbidden(_))
        ));
        assert!(matches!(
            delete(&mut tx, &grace, map.id).await,
            Err(Error::Forbidden(_))
        ));
        assert_eq!(
            open_to_change(&mut tx, &house.ada(), map.id, Action::Edit)
                .await
                .unwrap(),
            map
        );
        touch(&mut tx, map.id, later).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(open(&db, &grace, map.id, Action::Read).await.unwrap().updated_at, later);
        let mut tx = db.begin().await.unwrap();
        delete(&mut tx, &house.ada(), map.id).await.unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(
            open(&db, &house.ada(), map.id, Action::Read).await,
            Err(Error::NotFound(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn nobody_makes_nothing_and_the_operator_makes_things_of_the_organisation() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let mut tx = db.begin().await.unwrap();
        let now = database::now();
        assert!(matches!(
            create(&mut tx, &Actor::Anonymous, AssetKind::Map, now).await,
            Err(Error::Forbidden(_))
        ));
        let connection = create(&mut tx, &house.operator(), AssetKind::Connection, now)
            .await
            .unwrap();
        assert_eq!(
            (connection.owner, connection.organisation),
            (None, house.organisation.id)
        );
    })
    .await;
}
