//! Encoded tiles are made once and kept as they are sent.

use std::io::Read as _;

use tiles::{Encoding, Error, Tiler, TilerOptions};
use tokio_util::sync::CancellationToken;

use crate::decode;
use crate::world::{World, request};

#[tokio::test]
async fn every_encoding_unpacks_to_the_same_tile_and_a_hit_is_the_same_memory() {
    let world = World::with_crowd(3_000).await;
    let source = world.source(&[("name", "crowd")]).await;
    let tiler = Tiler::new(TilerOptions::default());
    let get = async |encoding| {
        tiler
            .tile_encoded(&source, &request(0, 0, 0), encoding, CancellationToken::new())
            .await
            .unwrap()
            .unwrap()
    };
    let plain = get(Encoding::Identity).await;
    let gzip = get(Encoding::Gzip).await;
    let brotli = get(Encoding::Brotli).await;
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain.body);
    unpacked.clear();
    brotli::BrotliDecompress(&mut &brotli.body[..], &mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert!(brotli.body.len() < plain.body.len() / 2 && gzip.body.len() < plain.body.len() / 2);
    assert_eq!(
        (gzip.shown, gzip.total, gzip.encoding.name()),
        (3_000, 3_000, Some("gzip"))
    );
    assert_eq!(decode::carto(&plain.body).features.len(), 3_000);
    assert_eq!(get(Encoding::Gzip).await.body.as_ptr(), gzip.body.as_ptr());
}

#[tokio::test]
async fn a_change_of_the_table_is_seen_at_once() {
    let world = World::with_geometries(&[(Some("POINT(1 1)"), "first")]).await;
    let tiler = Tiler::new(TilerOptions::default());
    for expected in 1..4 {
        let source = world.source(&[("name", "shapes")]).await;
        let tile = tiler
            .tile_encoded(&source, &request(0, 0, 0), Encoding::Identity, CancellationToken::new())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(tile.shown, expected);
        world
            .run("INSERT INTO shapes VALUES (9, 'more', ST_SetSRID(ST_Point(2, 2), 4326))")
            .await;
    }
}

#[tokio::test]
async fn requests_at_once_share_one_tile() {
    let world = World::with_crowd(20_000).await;
    let source = world.source(&[("name", "crowd")]).await;
    let tiler = Tiler::new(TilerOptions::default());
    let asking = (0..16).map(|_| {
        let (tiler, source) = (tiler.clone(), source.clone());
        tokio::spawn(async move {
            tiler
                .tile_encoded(&source, &request(0, 0, 0), Encoding::Gzip, CancellationToken::new())
                .await
                .unwrap()
                .unwrap()
        })
    });
    let tiles = futures::future::join_all(asking).await;
    let places: std::collections::HashSet<_> = tiles.into_iter().map(|tile| tile.unwrap().body.as_ptr()).collect();
    assert_eq!(places.len(), 1);
}

#[tokio::test]
async fn a_request_that_is_given_up_says_so_and_spoils_nothing() {
    let world = World::with_crowd(20_000).await;
    let source = world.source(&[("name", "crowd")]).await;
    let tiler = Tiler::new(TilerOptions::default());
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let given_up = tiler
        .tile_encoded(&source, &request(0, 0, 0), Encoding::Gzip, cancelled)
        .await;
    assert!(matches!(given_up, Err(Error::Cancelled)));
    let tile = tiler
        .tile_encoded(&source, &request(0, 0, 0), Encoding::Gzip, CancellationToken::new())
        .await
        .unwrap();
    assert!(tile.is_some());
}
