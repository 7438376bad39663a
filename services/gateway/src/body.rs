//! Reading a body that may be too large or never end.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use bytes::{Bytes, BytesMut};
use domain::Code;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time;

use crate::problem::Problem;

/// What NATS takes by default, too.
const MAX_BYTES: usize = 1 << 20;
/// What is read and thrown away, so that a client that only listens after sending hears the answer.
const MAX_WASTE: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a whole body of at most 1 MiB within 10 seconds.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let hopeless = announced.is_some_and(|length: usize| {
        length > MAX_WASTE || (length > MAX_BYTES && headers.contains_key(EXPECT))
    });
    if hopeless {
        return Err(too_large());
    }
    time::timeout(PATIENCE, collect(body))
        .await
        .unwrap_or_else(|_| {
            Err(Problem::new(
                Code::InvalidBody,
                "the body did not arrive within 10 seconds",
            ))
        })
}

/// Reads a whole body as JSON; one that is empty says nothing.
pub(crate) async fn json<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let bytes = read(headers, body).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    match Json::from_bytes(&bytes) {
        Ok(Json(value)) => Ok(value),
        Err(JsonRejection::JsonDataError(err)) => {
            Err(Problem::new(Code::InvalidField, err.body_text()))
        }
        Err(err) => Err(Problem::new(Code::InvalidBody, err.body_text())),
    }
}

async fn collect(body: Body) -> Result<Bytes, Problem> {
    let mut pieces = body.into_data_stream();
    let mut bytes = BytesMut::new();
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|_| Problem::new(Code::InvalidBody, "the body ended too early"))?;
        length += piece.len();
        if length > MAX_WASTE {
            break;
        }
        if length <= MAX_BYTES {
            bytes.extend_from_slice(&piece);
        }
    }
    if length > MAX_BYTES {
        Err(too_large())
    } else {
        Ok(bytes.freeze())
    }
}

fn too_large() -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        "the body must have at most 1 MiB (1048576 bytes)",
    )
}
