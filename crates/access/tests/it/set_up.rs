//! The first start: a link that claims the installation once, or an owner from the environment.

use access::organisations::{self, CLAIM_LINK_LASTS, claim, is_claim_valid, is_set_up, issue_claim, set_up_unattended};
use access::{Error, NewOrganisation, people, sessions};
use chrono::TimeDelta;
use testing::on_both_stores;

use super::house::{House, PASSWORD, at, new_owner};

fn engines() -> NewOrganisation {
    NewOrganisation {
        name: " Analytical Engines ".into(),
    }
}

#[tokio::test]
async fn whoever_holds_the_link_becomes_the_owner_and_the_link_is_used_up() {
    on_both_stores(async |db| {
        let now = at("2026-01-01T00:00:00Z");
        assert!(!is_set_up(&db).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        let link = issue_claim(&mut tx, now).await.unwrap();
        tx.commit().await.unwrap();
        assert!(is_claim_valid(&db, link.reveal(), now).await.unwrap());

        let mut tx = db.begin().await.unwrap();
        let (organisation, ada) = claim(&mut tx, link.reveal(), engines(), new_owner().await, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(is_set_up(&db).await.unwrap());
        assert_eq!(organisation.name, "Analytical Engines");
        assert_eq!((ada.email.as_str(), ada.is_owner), ("ada@example.org", true));
        assert_eq!(people::owner(&db, organisation.id).await.unwrap(), ada);
        assert_eq!(organisations::first(&db).await.unwrap(), organisation);
        assert!(sessions::sign_in(&db, "ada@example.org", PASSWORD, now).await.is_ok());

        assert!(!is_claim_valid(&db, link.reveal(), now).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(
            claim(&mut tx, link.reveal(), engines(), new_owner().await, now).await,
            Err(Error::ClaimLink)
        ));
        assert!(matches!(issue_claim(&mut tx, now).await, Err(Error::AlreadySetUp)));
    })
    .await;
}

#[tokio::test]
async fn a_link_ends_with_its_time_and_with_the_next_start() {
    on_both_stores(async |db| {
        let start = at("2026-01-01T00:00:00Z");
        let mut tx = db.begin().await.unwrap();
        let first = issue_claim(&mut tx, start).await.unwrap();
        let second = issue_claim(&mut tx, start + TimeDelta::hours(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!is_claim_valid(&db, first.reveal(), start).await.unwrap());
        assert!(is_claim_valid(&db, second.reveal(), start).await.unwrap());
        let later = start + TimeDelta::hours(1) + CLAIM_LINK_LASTS;
        assert!(!is_claim_valid(&db, second.reveal(), later).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(
            claim(&mut tx, second.reveal(), engines(), new_owner().await, later).await,
            Err(Error::ClaimLink)
        ));
        assert!(matches!(
            claim(&mut tx, "", engines(), new_owner().await, start).await,
            Err(Error::ClaimLink)
        ));
    })
    .await;
}

#[tokio::test]
async fn two_who_hold_the_link_at_once_make_one_organisation() {
    on_both_stores(async |db| {
        let now = at("2026-01-01T00:00:00Z");
        let mut tx = db.begin().await.unwrap();
        let link = issue_claim(&mut tx, now).await.unwrap();
        tx.commit().await.unwrap();
        let mut claims = Vec::new();
        for _ in 0..2 {
            let (db, link, owner) = (db.clone(), link.clone(), new_owner().await);
            claims.push(tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let claimed = claim(&mut tx, link.reveal(), engines(), owner, now).await;
                if claimed.is_ok() {
                    tx.commit().await.unwrap();
                }
                claimed.is_ok()
            }));
        }
        let mut made = 0;
        for claim in claims {
            made += usize::from(claim.await.unwrap());
        }
        assert_eq!(made, 1);
    })
    .await;
}

#[tokio::test]
async fn an_unattended_start_makes_the_owner_once() {
    on_both_stores(async |db| {
        let now = database::now();
        let made = set_up_unattended(&db, "Admin@Example.org", "from the environment", now)
            .await
            .unwrap();
        let organisation = made.unwrap();
        assert_eq!(people::owner(&db, organisation.id).await.unwrap().name, "admin");
        assert!(
            sessions::sign_in(&db, "admin@example.org", "from the environment", now)
                .await
                .is_ok()
        );
        // The environment says something else at the next start: what people changed since then stays.
        assert!(
            set_up_unattended(&db, "other@example.org", "another password", now)
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            sessions::sign_in(&db, "other@example.org", "another password", now)
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn two_servers_that_start_at_once_make_one_organisation() {
    on_both_stores(async |db| {
        let servers: Vec<_> = (0..2)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    set_up_unattended(&db, "admin@example.org", "a password", database::now())
                        .await
                        .unwrap()
                })
            })
            .collect();
        let mut made = 0;
        for server in servers {
            made += usize::from(server.await.unwrap().is_some());
        }
        assert_eq!(made, 1);
    })
    .await;
}

#[tokio::test]
async fn bad_settings_are_explained_and_make_nothing() {
    on_both_stores(async |db| {
        let now = database::now();
        assert!(matches!(set_up_unattended(&db, "admin", "long enough", now).await, Err(Error::Email(text)) if text == "admin"));
        assert!(matches!(set_up_unattended(&db, "admin@example.org", "short", now).await, Err(Error::Password)));
        let mut tx = db.begin().await.unwrap();
        let nameless = NewOrganisation { name: "  ".into() };
        let refusal = organisations::create_with_owner(&mut tx, nameless, new_owner().await, now).await;
        assert!(matches!(refusal, Err(Error::Empty(_))));
        drop(tx);
        assert!(!is_set_up(&db).await.unwrap());
        assert!(matches!(organisations::first(&db).await, Err(Error::NotSetUp)));
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_ends_every_session() {
    on_both_stores(async |db| {
        let house = House::build(&db).await;
        let now = at("2026-01-02T00:00:00Z");
        let (_, secret) = super::house::sign_in(&db, now).await;
        let new = access::passwords::hash("a better password").await.unwrap();
        let mut tx = db.begin().await.unwrap();
        people::change_password(&mut tx, &house.ada(), house.ada.id, &new, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(
            sessions::authenticate(&db, secret.reveal(), now)
                .await
                .unwrap()
                .is_none()
        );
        assert!(sessions::sign_in(&db, "ada@example.org", PASSWORD, now).await.is_err());
        assert!(
            sessions::sign_in(&db, "ada@example.org", "a better password", now)
                .await
                .is_ok()
        );

        let grace = house.grace(&db).await;
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(
            people::change_password(&mut tx, &grace, house.ada.id, &new, now).await,
            Err(Error::Forbidden(_))
        ));
        assert!(
            people::change_password(&mut tx, &house.operator(), house.ada.id, &new, now)
                .await
                .is_ok()
        );
    })
    .await;
}
