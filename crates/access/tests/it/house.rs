//! An organisation to test in: its owner Ada, and Grace, who works there too.

use access::organisations::create_with_owner;
use access::{Actor, NewOrganisation, NewOwner, Organisation, Person, passwords, sessions};
use chrono::{DateTime, Utc};
use database::{Database, Id, on};

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct House {
    pub(crate) organisation: Organisation,
    pub(crate) ada: Person,
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) async fn new_owner() -> NewOwner {
    NewOwner {
        name: "Ada Lovelace".into(),
        email: "Ada@example.org".parse().unwrap(),
        password: passwords::hash(PASSWORD).await.unwrap(),
    }
}

impl House {
    pub(crate) async fn build(db: &Database) -> House {
        let owner = new_owner().await;
        let mut tx = db.begin().await.unwrap();
        let new = NewOrganisation {
            name: "Analytical Engines".into(),
        };
        let (organisation, ada) = create_with_owner(&mut tx, new, owner, at("2026-01-01T00:00:00Z"))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        House { organisation, ada }
    }

    pub(crate) fn ada(&self) -> Actor {
        self.colleague(self.ada.id)
    }

    pub(crate) fn operator(&self) -> Actor {
        Actor::Operator {
            organisation: self.organisation.id,
        }
    }

    /// Someone else in the organisation.
    pub(crate) async fn grace(&self, db: &Database) -> Actor {
        let id = Id::<Person>::new();
        let mut tx = db.begin().await.unwrap();
        on!(tx, c => sqlx::query("INSERT INTO person (id, organisation_id, email, name, created_at) VALUES ($1, $2, 'grace@example.org', 'Grace Hopper', $3)")
            .bind(id).bind(self.organisation.id).bind(database::now()).execute(c).await.unwrap().rows_affected());
        tx.commit().await.unwrap();
        self.colleague(id)
    }

    fn colleague(&self, id: Id<Person>) -> Actor {
        Actor::Person {
            id,
            organisation: self.organisation.id,
            session: Id::new(),
        }
    }
}

/// Someone of another organisation.
pub(crate) fn stranger() -> Actor {
    Actor::Person {
        id: Id::new(),
        organisation: Id::new(),
        session: Id::new(),
    }
}

pub(crate) async fn sign_in(db: &Database, now: DateTime<Utc>) -> (access::Session, access::Secret) {
    sessions::sign_in(db, "ada@example.org", PASSWORD, now).await.unwrap()
}
