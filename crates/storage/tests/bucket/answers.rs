//! S3 on a bad day: answers that a real server gives seldom, or only when it is the wrong one.

use anyhow::Context;
use axum::http::StatusCode;
use bytes::Bytes;
use storage::{Error, Put};

use crate::{
    key,
    stand_in::{Moods, StandIn},
};

#[tokio::test]
async fn a_conflict_is_not_taken_for_an_object() -> anyhow::Result<()> {
    let server = StandIn::start(Moods {
        conflicts: 2,
        ..Moods::default()
    })
    .await?;
    let store = server.store("s3")?;

    let put = store
        .put_new(&key()?, Bytes::from_static(b"pixels"))
        .await?;

    assert_eq!((put, server.asked().len()), (Put::Created, 3));
    assert_eq!(store.get(&key()?).await?.as_deref(), Some(&b"pixels"[..]));
    Ok(())
}

#[tokio::test]
async fn endless_conflicts_are_left_for_later() -> anyhow::Result<()> {
    let server = StandIn::start(Moods {
        conflicts: usize::MAX,
        ..Moods::default()
    })
    .await?;

    let put = server
        .store("s3")?
        .put_new(&key()?, Bytes::from_static(b"pixels"))
        .await;

    assert!(
        matches!(&put, Err(err @ Error::Contended { .. }) if !err.is_permanent()),
        "{put:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_overwrites_is_found_out_at_start() -> anyhow::Result<()> {
    let server = StandIn::start(Moods {
        unconditional: true,
        ..Moods::default()
    })
    .await?;

    for scheme in ["s3", "gs", "az"] {
        let refused = server.store(scheme)?.check_writable().await;

        assert!(
            matches!(refused, Err(Error::Unconditional { .. })),
            "{scheme}: {refused:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_bucket_without_permission_is_found_out_at_start() -> anyhow::Result<()> {
    let server = StandIn::start(Moods {
        answer: Some((StatusCode::FORBIDDEN, "<Code>AccessDenied</Code>")),
        ..Moods::default()
    })
    .await?;

    let err = server
        .store("s3")?
        .check_writable()
        .await
        .err()
        .context("wrote without permission")?;

    assert!(matches!(err, Error::NotWritable { .. }), "{err:?}");
    assert!(
        err.to_string()
            .starts_with("cannot write to `s3://images/prod`"),
        "{err}"
    );
    Ok(())
}

#[tokio::test]
async fn a_full_bucket_a_forbidden_one_and_one_that_is_ill_are_told_apart() -> anyhow::Result<()> {
    for (status, body, kind) in [
        (507, "<Code>XMinioStorageFull</Code>", "Full"),
        (507, "", "Full"),
        (403, "<Code>QuotaExceeded</Code>", "Full"),
        (403, r#"{"reason": "quotaExceeded"}"#, "Full"),
        (500, "write /data/1.dat: no space left on device", "Full"),
        (403, "<Code>AccessDenied</Code>", "Refused"),
        (401, "", "Refused"),
        (404, "<Code>NoSuchBucket</Code>", "Failed"),
        (503, "<Code>ServiceUnavailable</Code>", "Failed"),
        (429, "<Code>SlowDown</Code>", "Failed"),
    ] {
        let answer = Some((StatusCode::from_u16(status)?, body));
        let server = StandIn::start(Moods {
            answer,
            ..Moods::default()
        })
        .await?;
        let (store, key) = (server.store("s3")?, key()?);

        let (health, put) = tokio::join!(
            store.health(0),
            store.put_new(&key, Bytes::from_static(b"pixels")),
        );

        for err in [health.err(), put.err()] {
            let err = err.context("wrote")?;
            assert_eq!(
                kind,
                match err {
                    Error::Full { .. } => "Full",
                    Error::Refused { .. } => "Refused",
                    Error::Failed { .. } => "Failed",
                    _ => "another",
                },
                "{status} {body}: {err:?}"
            );
            assert!(!err.is_permanent());
        }
    }
    Ok(())
}
