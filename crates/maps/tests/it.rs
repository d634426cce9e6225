//! What the maps room promises, on both stores.

use access::{Actor, Doorkeeper, Grant, GrantedSource, NewOrganisation, NewOwner, organisations, passwords, sessions};
use database::{Database, PageRequest};
use maps::{Action, DatasetGrant, DatasetSource, Edit, Error, Maps, Privacy};
use serde_json::{Value, json};
use testing::on_both_stores;

const KEY: [u8; 32] = [7; 32];

async fn owner(db: &Database) -> Actor {
    let owner = NewOwner {
        name: "Ada".to_owned(),
        email: "ada@example.org".parse().expect("an address"),
        password: passwords::hash("correct horse").await.expect("hashed"),
    };
    let organisation = NewOrganisation {
        name: "Engines".to_owned(),
    };
    let mut tx = db.begin().await.expect("a transaction");
    organisations::create_with_owner(&mut tx, organisation, owner, database::now())
        .await
        .expect("made");
    tx.commit().await.expect("committed");
    let (_, secret) = sessions::sign_in(db, "ada@example.org", "correct horse", database::now())
        .await
        .expect("signed in");
    let signed_in = sessions::authenticate(db, secret.reveal(), database::now())
        .await
        .expect("looked up");
    signed_in.expect("known").actor()
}

fn maps(db: &Database) -> (Maps, Doorkeeper) {
    let doorkeeper = Doorkeeper::new(db.clone());
    (Maps::new(db.clone(), doorkeeper.clone(), KEY), doorkeeper)
}

fn grants(dataset: &DatasetGrant) -> Grant {
    let source = match &dataset.source {
        DatasetSource::Table(name) => GrantedSource::Table(name.clone()),
        DatasetSource::Query(text) => GrantedSource::Query(text.clone()),
    };
    Grant {
        connection: dataset.connection.clone(),
        source,
    }
}

fn dataset(source: &str) -> Value {
    let kind = if source.contains(' ') { "query" } else { "table" };
    json!({"id": source, "type": kind, "source": source, "connectionName": "carto_dw"})
}

fn titled(title: &str) -> Edit {
    Edit {
        title: Some(title.to_owned()),
        ..Edit::default()
    }
}

fn with_sources(sources: &[&str]) -> Edit {
    Edit {
        datasets: Some(sources.iter().map(|source| dataset(source)).collect()),
        ..Edit::default()
    }
}

#[tokio::test]
async fn a_saved_change_is_there_and_a_stale_one_is_told_what_is_newer() {
    on_both_stores(async |db| {
        let (actor, (maps, _)) = (owner(&db).await, maps(&db));
        let map = maps
            .create(&actor, Edit::default(), database::now())
            .await
            .expect("made");
        assert_eq!(
            (map.version, map.content.title.as_str(), map.privacy),
            (1, "Untitled map", Privacy::Private)
        );
        let saved = maps
            .update(&actor, map.id, 1, titled("Quakes"), database::now())
            .await
            .expect("saved");
        assert_eq!(saved.version, 2);
        match maps.update(&actor, map.id, 1, titled("Lost"), database::now()).await {
            Err(Error::Conflict(newer)) => assert_eq!((newer.version, newer.content.title.as_str()), (2, "Quakes")),
            other => panic!("{other:?}"),
        }
        let opened = maps.open(&actor, map.id, Action::Read).await.expect("there");
        assert_eq!(opened.content.title, "Quakes");
    })
    .await;
}

#[tokio::test]
async fn of_two_who_save_at_once_one_is_told() {
    on_both_stores(async |db| {
        let (actor, (maps, _)) = (owner(&db).await, maps(&db));
        let map = maps
            .create(&actor, Edit::default(), database::now())
            .await
            .expect("made");
        let (one, two) = tokio::join!(
            maps.update(&actor, map.id, 1, titled("One"), database::now()),
            maps.update(&actor, map.id, 1, titled("Two"), database::now()),
        );
        assert_eq!(
            [&one, &two].iter().filter(|outcome| outcome.is_ok()).count(),
            1,
            "{one:?} {two:?}"
        );
        assert!(
            [one, two]
                .iter()
                .any(|outcome| matches!(outcome, Err(Error::Conflict(_))))
        );
    })
    .await;
}

#[tokio::test]
async fn viewers_see_what_was_published_and_strangers_nothing_of_a_private_map() {
    on_both_stores(async |db| {
        let (actor, (maps, _)) = (owner(&db).await, maps(&db));
        let map = maps
            .create(&actor, titled("Draft"), database::now())
            .await
            .expect("made");
        let stranger = Actor::Anonymous;
        assert!(matches!(
            maps.public_document(&stranger, map.id).await,
            Err(Error::NotFound)
        ));
        assert!(matches!(
            maps.set_privacy(&actor, map.id, Privacy::Public, &grants, database::now())
                .await,
            Err(Error::NothingToShare)
        ));
        maps.update(&actor, map.id, 1, with_sources(&["demo.cities"]), database::now())
            .await
            .expect("saved");
        let shared = maps
            .set_privacy(&actor, map.id, Privacy::Public, &grants, database::now())
            .await
            .expect("shared");
        assert!(!shared.has_unpublished_changes && shared.published_at.is_some());

        let edited = maps
            .update(&actor, map.id, 2, titled("Better"), database::now())
            .await
            .expect("saved");
        assert!(edited.has_unpublished_changes);
        let seen = maps.public_document(&stranger, map.id).await.expect("public");
        assert_eq!(seen.title, "Draft");
        let published = maps
            .publish(&actor, map.id, &grants, database::now())
            .await
            .expect("published");
        assert!(!published.has_unpublished_changes);
        assert_eq!(
            maps.public_document(&stranger, map.id).await.expect("public").title,
            "Better"
        );

        maps.set_privacy(&actor, map.id, Privacy::Private, &grants, database::now())
            .await
            .expect("hidden");
        assert!(matches!(
            maps.public_document(&stranger, map.id).await,
            Err(Error::NotFound)
        ));
    })
    .await;
}

#[tokio::test]
async fn the_token_of_a_public_map_reads_its_published_sources_and_ends_with_the_sharing() {
    on_both_stores(async |db| {
        let (actor, (maps, doorkeeper)) = (owner(&db).await, maps(&db));
        let edit = Edit {
            title: Some("Shared".to_owned()),
            ..with_sources(&["demo.cities", "SELECT * FROM demo.roads"])
        };
        let map = maps.create(&actor, edit, database::now()).await.expect("made");
        maps.set_privacy(&actor, map.id, Privacy::Public, &grants, database::now())
            .await
            .expect("shared");
        let secret = maps
            .public_document(&Actor::Anonymous, map.id)
            .await
            .expect("public")
            .token
            .expect("a token");
        let token = doorkeeper
            .token(&secret, database::now())
            .await
            .expect("looked up")
            .expect("known");
        let may = |reads: &[&str], query: Option<&str>| {
            let reads: Vec<String> = reads.iter().map(|table| (*table).to_owned()).collect();
            token.may_use(access::Api::Maps, "carto_dw", &reads, query)
        };
        assert!(may(&["demo.cities"], None));
        assert!(may(&["demo.roads"], Some("SELECT * FROM demo.roads")));
        assert!(!may(&["demo.roads"], None));
        assert!(!may(&["demo.salaries"], None));

        maps.update(&actor, map.id, 1, with_sources(&["demo.salaries"]), database::now())
            .await
            .expect("saved");
        let same = doorkeeper
            .token(&secret, database::now())
            .await
            .expect("looked up")
            .expect("known");
        assert!(
            same.may_use(access::Api::Maps, "carto_dw", &["demo.cities".to_owned()], None),
            "the draft changes nothing"
        );
        maps.publish(&actor, map.id, &grants, database::now())
            .await
            .expect("published");
        let renewed = doorkeeper
            .token(&secret, database::now())
            .await
            .expect("looked up")
            .expect("the secret stays");
        assert!(!renewed.may_use(access::Api::Maps, "carto_dw", &["demo.cities".to_owned()], None));

        maps.set_privacy(&actor, map.id, Privacy::Private, &grants, database::now())
            .await
            .expect("hidden");
        assert!(
            doorkeeper
                .token(&secret, database::now())
                .await
                .expect("looked up")
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn lists_show_the_last_changed_first_page_by_page_and_find_titles() {
    on_both_stores(async |db| {
        let (actor, (maps, _)) = (owner(&db).await, maps(&db));
        let start = database::now();
        for number in 0..5 {
            let now = start + chrono::TimeDelta::seconds(number);
            maps.create(&actor, titled(&format!("Map {number} 100%")), now)
                .await
                .expect("made");
        }
        let first = maps
            .list(&actor, None, &PageRequest::new(Some(3), None))
            .await
            .expect("listed");
        let titles: Vec<&str> = first.items.iter().map(|map| map.title.as_str()).collect();
        assert_eq!(titles, ["Map 4 100%", "Map 3 100%", "Map 2 100%"]);
        let second = maps
            .list(&actor, None, &PageRequest::new(Some(3), first.next))
            .await
            .expect("listed");
        assert_eq!(second.items.len(), 2);
        assert!(second.next.is_none());
        let found = maps
            .list(&actor, Some("map 3 100%"), &PageRequest::default())
            .await
            .expect("listed");
        assert_eq!(found.items.len(), 1);
        let none = maps
            .list(&actor, Some("map_3"), &PageRequest::default())
            .await
            .expect("listed");
        assert!(none.items.is_empty(), "an underscore is an underscore");
        assert!(
            maps.list(&Actor::Anonymous, None, &PageRequest::default())
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_private_and_a_deleted_map_is_gone_and_both_leave_their_line() {
    on_both_stores(async |db| {
        let (actor, (maps, _)) = (owner(&db).await, maps(&db));
        let edit = Edit {
            title: Some("Original".to_owned()),
            ..with_sources(&["demo.cities"])
        };
        let map = maps.create(&actor, edit, database::now()).await.expect("made");
        maps.set_privacy(&actor, map.id, Privacy::Public, &grants, database::now())
            .await
            .expect("shared");
        let copy = maps
            .duplicate(&actor, map.id, None, database::now())
            .await
            .expect("copied");
        assert_eq!(
            (copy.content.title.as_str(), copy.privacy),
            ("Original (copy)", Privacy::Private)
        );
        maps.delete(&actor, map.id, database::now()).await.expect("deleted");
        assert!(maps.open(&actor, map.id, Action::Read).await.is_err());
        assert!(matches!(
            maps.public_document(&Actor::Anonymous, map.id).await,
            Err(Error::NotFound)
        ));

        let organisation = actor.organisation().expect("a person has one");
        let log = access::activity::list(&db, organisation, &PageRequest::default())
            .await
            .expect("listed");
        let kinds: Vec<String> = log.items.iter().map(|line| format!("{:?}", line.kind)).collect();
        for kind in ["MapCreated", "MapPrivacyChanged", "MapDuplicated", "MapDeleted"] {
            assert!(kinds.iter().any(|seen| seen == kind), "{kind} {kinds:?}");
        }
    })
    .await;
}
