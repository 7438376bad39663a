//! S3 on a bad day: answers that a real server gives seldom, or only when it is the wrong one.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, Uri},
};
use bytes::Bytes;
use storage::{Error, Key, Put, Store};
use tokio::{net::TcpListener, task::JoinSet};

/// How the server misbehaves.
#[derive(Debug, Default)]
struct Moods {
    /// This many puts are answered 409, and nothing is stored.
    conflicts: usize,
    /// Puts go through whatever `If-None-Match` says.
    unconditional: bool,
    /// Nobody may put.
    forbidden: bool,
}

#[derive(Debug, Default)]
struct Bucket {
    moods: Moods,
    objects: HashMap<String, Bytes>,
    puts: Vec<HeaderMap>,
}

impl Bucket {
    fn put(&mut self, path: &str, headers: HeaderMap, body: Bytes) -> StatusCode {
        let if_absent = headers
            .get("if-none-match")
            .is_some_and(|value| value == "*");
        self.puts.push(headers);
        if self.moods.forbidden {
            return StatusCode::FORBIDDEN;
        }
        if self.puts.len() <= self.moods.conflicts {
            return StatusCode::CONFLICT;
        }
        if if_absent && !self.moods.unconditional && self.objects.contains_key(path) {
            return StatusCode::PRECONDITION_FAILED;
        }
        self.objects.insert(path.to_owned(), body);
        StatusCode::OK
    }
}

type Shared = Arc<Mutex<Bucket>>;

async fn answer(
    State(bucket): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, StatusCode> {
    let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
    let body = if method == Method::PUT {
        match bucket.put(uri.path(), headers, body) {
            StatusCode::OK => Bytes::new(),
            status => return Err(status),
        }
    } else {
        bucket
            .objects
            .get(uri.path())
            .cloned()
            .ok_or(StatusCode::NOT_FOUND)?
    };
    Response::builder()
        .header("etag", "\"1\"")
        .header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        .body(body.into())
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// A store in a bucket of those moods; the server is gone with the last.
async fn store(moods: Moods) -> anyhow::Result<(Store, Shared, JoinSet<()>)> {
    let bucket = Shared::new(Mutex::new(Bucket {
        moods,
        ..Bucket::default()
    }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(answer).with_state(bucket.clone());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });

    let store = Store::open("s3://images/prod", |name| match name {
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        _ => None,
    })?;
    Ok((store, bucket, server))
}

fn key() -> anyhow::Result<Key> {
    Ok(Key::parse("generated/gen_1/0-9f86d081884c.png")?)
}

fn puts(bucket: &Shared) -> Vec<HeaderMap> {
    bucket
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .puts
        .clone()
}

#[tokio::test]
async fn an_object_says_what_it_is_and_that_it_never_changes() -> anyhow::Result<()> {
    let (store, bucket, _server) = store(Moods::default()).await?;

    let first = store
        .put_new(&key()?, Bytes::from_static(b"pixels"))
        .await?;
    let second = store
        .put_new(&key()?, Bytes::from_static(b"pixels"))
        .await?;
    let third = store.put_new(&key()?, Bytes::from_static(b"others")).await;

    assert_eq!((first, second), (Put::Created, Put::AlreadyThere));
    assert!(matches!(third, Err(Error::Different { .. })), "{third:?}");
    for headers in puts(&bucket) {
        for (name, value) in [
            ("if-none-match", "*"),
            ("content-type", "image/png"),
            ("cache-control", "public, max-age=31536000, immutable"),
        ] {
            assert_eq!(headers.get(name).context(name)?, value);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_not_taken_for_an_object() -> anyhow::Result<()> {
    let (store, bucket, _server) = store(Moods {
        conflicts: 2,
        ..Moods::default()
    })
    .await?;

    let put = store
        .put_new(&key()?, Bytes::from_static(b"pixels"))
        .await?;

    assert_eq!((put, puts(&bucket).len()), (Put::Created, 3));
    assert_eq!(store.get(&key()?).await?.as_deref(), Some(&b"pixels"[..]));
    Ok(())
}

#[tokio::test]
async fn endless_conflicts_are_left_for_later() -> anyhow::Result<()> {
    let (store, _, _server) = store(Moods {
        conflicts: usize::MAX,
        ..Moods::default()
    })
    .await?;

    let put = store.put_new(&key()?, Bytes::from_static(b"pixels")).await;

    assert!(
        matches!(&put, Err(err @ Error::Contended { .. }) if !err.is_permanent()),
        "{put:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_overwrites_is_found_out_at_start() -> anyhow::Result<()> {
    let (store, _, _server) = store(Moods {
        unconditional: true,
        ..Moods::default()
    })
    .await?;

    let refused = store.check_writable().await;

    assert!(
        matches!(refused, Err(Error::Unconditional { .. })),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_bucket_without_permission_is_found_out_at_start() -> anyhow::Result<()> {
    let (store, _, _server) = store(Moods {
        forbidden: true,
        ..Moods::default()
    })
    .await?;

    let err = store
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
