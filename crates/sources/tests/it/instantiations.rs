//! Short URLs survive restarts, are the same on every server, and are forgotten when nobody uses them.

use chrono::{DateTime, TimeDelta, Utc};
use database::{Database, Id};
use sources::instantiation::{Instantiation, Instantiations};
use testing::on_both_stores;

use crate::trees::params;

const URL: [(&str, &str); 4] = [
    ("q", "SELECT * FROM t WHERE a = @a"),
    ("queryParameters", r#"{"a":"é"}"#),
    ("filters", r#"{"b":{"in":{"values":[1.5,null]}}}"#),
    ("tileResolution", "1"),
];

fn instantiation(pairs: &[(&str, &str)]) -> Instantiation {
    Instantiation::of_map("carto_dw", "query", &params(pairs)).unwrap()
}

fn day(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::days(day)
}

#[tokio::test]
async fn what_was_registered_is_there_after_a_restart() {
    on_both_stores(async |db: Database| {
        let organisation = Id::new();
        let hash = Instantiations::new(db.clone())
            .register(organisation, instantiation(&URL), day(0))
            .await
            .unwrap();
        assert!(
            hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{hash}"
        );
        let restarted = Instantiations::new(db);
        assert_eq!(
            *restarted.load(organisation, &hash, day(1)).await.unwrap(),
            instantiation(&URL)
        );
        assert_eq!(
            restarted
                .register(organisation, instantiation(&URL), day(2))
                .await
                .unwrap(),
            hash
        );
        let error = restarted.load(Id::new(), &hash, day(1)).await.unwrap_err().to_string();
        assert!(error.contains("no registered source"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn everything_that_changes_tiles_changes_the_hash() {
    on_both_stores(async |db: Database| {
        let instantiations = Instantiations::new(db);
        let organisation = Id::new();
        let mut hashes = vec![
            instantiations
                .register(organisation, instantiation(&URL), day(0))
                .await
                .unwrap(),
        ];
        for changed in [
            ("q", "SELECT * FROM t WHERE a = @a "),
            ("queryParameters", r#"{"a":"e"}"#),
            ("filters", "{}"),
            ("tileResolution", "2"),
            ("columns", "a"),
            ("featureBbox", "true"),
            ("spatialDataColumn", "place"),
        ] {
            let pairs: Vec<_> = URL
                .iter()
                .filter(|(name, _)| *name != changed.0)
                .copied()
                .chain([changed])
                .collect();
            hashes.push(
                instantiations
                    .register(organisation, instantiation(&pairs), day(0))
                    .await
                    .unwrap(),
            );
        }
        hashes.push(
            instantiations
                .register(Id::new(), instantiation(&URL), day(0))
                .await
                .unwrap(),
        );
        let other_connection = Instantiation {
            connection: "city".to_owned(),
            ..instantiation(&URL)
        };
        hashes.push(
            instantiations
                .register(organisation, other_connection, day(0))
                .await
                .unwrap(),
        );
        let count = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
        // What is not part of the content changes nothing.
        let pairs: Vec<_> = URL.iter().copied().chain([("client", "x"), ("v", "3.4")]).collect();
        assert!(
            hashes.contains(
                &instantiations
                    .register(organisation, instantiation(&pairs), day(0))
                    .await
                    .unwrap()
            )
        );
    })
    .await;
}

#[tokio::test]
async fn what_nobody_used_for_ninety_days_is_forgotten() {
    on_both_stores(async |db: Database| {
        let organisation = Id::new();
        let other = [("q", "SELECT 2 AS two"), ("tileResolution", "1")];
        let [used, unused] = [instantiation(&URL), instantiation(&other)];
        let instantiations = Instantiations::new(db.clone());
        let unused = instantiations.register(organisation, unused, day(0)).await.unwrap();
        let used = instantiations.register(organisation, used, day(0)).await.unwrap();
        // A use on another server, some days later.
        Instantiations::new(db.clone())
            .load(organisation, &used, day(10))
            .await
            .unwrap();
        assert_eq!(instantiations.sweep(day(89)).await.unwrap(), 0);
        assert_eq!(instantiations.sweep(day(91)).await.unwrap(), 1);
        assert!(instantiations.load(organisation, &unused, day(91)).await.is_err());
        assert!(instantiations.load(organisation, &used, day(91)).await.is_ok());
    })
    .await;
}
