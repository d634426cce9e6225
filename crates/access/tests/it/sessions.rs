//! Signing in and staying signed in.

use access::sessions::{self, IDLE_LIMIT, LONGEST, authenticate, sign_in};
use access::{Actor, Doorkeeper, Error};
use chrono::TimeDelta;
use testing::on_both_stores;

use super::house::{self, House, PASSWORD, at};

#[tokio::test]
async fn a_person_is_known_by_the_secret_until_signing_out() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let now = at("2026-01-02T00:00:00Z");
        let (session, secret) = sign_in(&db, " ADA@example.org", PASSWORD, now).await.unwrap();
        let signed_in = authenticate(&db, secret.reveal(), now).await.unwrap().unwrap();
        assert_eq!(signed_in.person.last_sign_in_at, Some(now));
        assert_eq!(
            signed_in.actor(),
            Actor::Person {
                id: house.ada.id,
                organisation: house.organisation.id,
                session: session.id
            }
        );
        assert!(authenticate(&db, "guessed", now).await.unwrap().is_none());
        let mut tx = db.begin().await.unwrap();
        assert_eq!(
            sessions::sign_out(&mut tx, secret.reveal()).await.unwrap(),
            Some(session.id)
        );
        tx.commit().await.unwrap();
        assert!(authenticate(&db, secret.reveal(), now).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer() {
    on_both_stores(async |db| {
        House::build(&db).await;
        let now = database::now();
        for (email, password) in [
            ("ada@example.org", "wrong"),
            ("eve@example.org", PASSWORD),
            ("nonsense", PASSWORD),
            ("", ""),
        ] {
            let refusal = sign_in(&db, email, password, now).await.unwrap_err();
            assert!(matches!(refusal, Error::WrongCredentials), "{email}: {refusal}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_address_takes_as_long_as_a_wrong_password() {
    let store = testing::TestDatabase::sqlite().await;
    let db = store.database();
    House::build(db).await;
    let (mut known, mut unknown) = (f64::MAX, f64::MAX);
    for _ in 0..5 {
        for (email, fastest) in [("ada@example.org", &mut known), ("eve@example.org", &mut unknown)] {
            let start = std::time::Instant::now();
            sign_in(db, email, "wrong password", database::now()).await.unwrap_err();
            *fastest = fastest.min(start.elapsed().as_secs_f64());
        }
    }
    // Without a password to check it would be some twenty times faster.
    assert!(
        unknown > known / 3.0 && unknown < known * 3.0,
        "known {known} s, unknown {unknown} s"
    );
}

#[tokio::test]
async fn a_session_in_use_goes_on_and_an_idle_one_ends() {
    on_both_stores(async |db| {
        House::build(&db).await;
        let start = at("2026-01-02T00:00:00Z");
        let (_, secret) = house::sign_in(&db, start).await;
        let almost = start + IDLE_LIMIT - TimeDelta::seconds(1);
        assert!(authenticate(&db, secret.reveal(), almost).await.unwrap().is_some());
        let again = almost + IDLE_LIMIT - TimeDelta::seconds(1);
        assert!(authenticate(&db, secret.reveal(), again).await.unwrap().is_some());
        assert!(
            authenticate(&db, secret.reveal(), again + IDLE_LIMIT)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn no_session_lasts_for_ever() {
    on_both_stores(async |db| {
        House::build(&db).await;
        let start = at("2026-01-02T00:00:00Z");
        let (_, secret) = house::sign_in(&db, start).await;
        let mut now = start;
        while authenticate(&db, secret.reveal(), now).await.unwrap().is_some() {
            now += TimeDelta::days(1);
            assert!(now <= start + LONGEST);
        }
        assert_eq!(now, start + LONGEST);
    })
    .await;
}

#[tokio::test]
async fn a_person_sees_and_ends_their_own_sessions_alone() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let now = at("2026-01-02T00:00:00Z");
        let (first, first_secret) = house::sign_in(&db, now).await;
        let (second, _) = house::sign_in(&db, now + TimeDelta::minutes(1)).await;
        let ids: Vec<_> = sessions::list(&db, house.ada.id, now)
            .await
            .unwrap()
            .iter()
            .map(|session| session.id)
            .collect();
        assert_eq!(ids, [second.id, first.id]);
        let grace = house.grace(&db).await;
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(
            sessions::end(&mut tx, &grace, first.id).await,
            Err(Error::NotFound(_))
        ));
        sessions::end(&mut tx, &house.ada(), first.id).await.unwrap();
        tx.commit().await.unwrap();
        assert!(authenticate(&db, first_secret.reveal(), now).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn the_doorkeeper_does_not_know_who_has_signed_out() {
    on_both_stores(async |db| {
        House::build(&db).await;
        let now = at("2026-01-02T00:00:00Z");
        let (_, secret) = house::sign_in(&db, now).await;
        let doorkeeper = Doorkeeper::new(db.clone());
        assert!(doorkeeper.session(secret.reveal(), now).await.unwrap().is_some());
        doorkeeper.sign_out(secret.reveal()).await.unwrap();
        assert!(doorkeeper.session(secret.reveal(), now).await.unwrap().is_none());
        doorkeeper.sign_out(secret.reveal()).await.unwrap();
    })
    .await;
}
