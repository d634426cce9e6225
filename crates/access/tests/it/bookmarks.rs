//! Bookmarks: each person's own.

use access::bookmarks::{add, list, remove};
use access::{Actor, Error};
use chrono::TimeDelta;
use testing::on_both_stores;
use uuid::Uuid;

use super::house::{House, at};

#[tokio::test]
async fn bookmarks_are_each_persons_own_and_kept_once() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let (ada, grace) = (house.ada(), house.grace(&db).await);
        let (now, connection) = (at("2026-01-02T00:00:00Z"), Uuid::now_v7());
        let mut tx = db.begin().await.unwrap();
        add(&mut tx, &ada, connection, "demo.cities", now).await.unwrap();
        add(&mut tx, &ada, connection, "demo.cities", now).await.unwrap();
        add(&mut tx, &ada, connection, "demo.airports", now + TimeDelta::seconds(1))
            .await
            .unwrap();
        add(&mut tx, &grace, connection, "demo.countries", now).await.unwrap();
        tx.commit().await.unwrap();
        let tables = async |actor: &Actor| -> Vec<String> {
            list(&db, actor).await.unwrap().into_iter().map(|b| b.table).collect()
        };
        assert_eq!(tables(&ada).await, ["demo.airports", "demo.cities"]);
        assert_eq!(tables(&grace).await, ["demo.countries"]);
        let mut tx = db.begin().await.unwrap();
        remove(&mut tx, &ada, connection, "demo.countries", now).await.unwrap();
        remove(&mut tx, &ada, connection, "demo.cities", now).await.unwrap();
        assert!(matches!(
            add(&mut tx, &Actor::Anonymous, connection, "demo.cities", now).await,
            Err(Error::Forbidden(_))
        ));
        tx.commit().await.unwrap();
        assert_eq!(tables(&ada).await, ["demo.airports"]);
        assert_eq!(tables(&grace).await, ["demo.countries"]);
    })
    .await;
}
