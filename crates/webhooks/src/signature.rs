use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;

use crate::{Error, Secret};

/// Names the message; the same on every attempt, so that receivers can tell a repetition.
pub const HEADER_ID: &str = "webhook-id";
/// Unix seconds of this attempt.
pub const HEADER_TIMESTAMP: &str = "webhook-timestamp";
/// One or more signatures, separated by spaces.
pub const HEADER_SIGNATURE: &str = "webhook-signature";

const VERSION: &str = "v1";
const MAX_ID_BYTES: usize = 256;
/// How many signatures of one header are tried; a sender in rotation has two.
const MAX_SIGNATURES: usize = 16;

/// Signs one attempt: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
///
/// `timestamp` is in unix seconds and belongs to the attempt, not to the event. `body` must be
/// exactly the bytes that are sent.
///
/// # Errors
///
/// [`Error::Id`]: a `.` would let two messages have the same signed content.
pub fn sign(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> Result<String, Error> {
    check_id(id)?;
    let tag = mac(secret, id, &timestamp.to_string(), body);

    Ok(format!("{VERSION},{}", STANDARD.encode(tag)))
}

/// The three headers of one attempt, signed with every secret.
///
/// With two secrets a receiver can go from the old one to the new one at any time during a rotation.
/// Put the newest first.
///
/// # Errors
///
/// [`Error::NoSecret`] for an empty list, [`Error::Id`] as in [`sign`].
pub fn headers(
    secrets: &[Secret],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<[(&'static str, String); 3], Error> {
    if secrets.is_empty() {
        return Err(Error::NoSecret);
    }
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| sign(secret, id, timestamp, body))
        .collect::<Result<_, _>>()?;

    Ok([
        (HEADER_ID, id.to_owned()),
        (HEADER_TIMESTAMP, timestamp.to_string()),
        (HEADER_SIGNATURE, signatures.join(" ")),
    ])
}

/// Accepts the message if one of `secrets` made one of the `v1` signatures in `signature`.
///
/// The attempt must also be at most `tolerance` away from `now` (unix seconds). Signatures of other
/// versions are passed over. The comparison takes the same time wherever the signatures differ.
///
/// # Errors
///
/// Every failure says which of the three headers is at fault; [`Error::Signature`] says no more.
pub fn verify(
    secrets: &[Secret],
    id: &str,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: i64,
    tolerance: Duration,
) -> Result<(), Error> {
    if secrets.is_empty() {
        return Err(Error::NoSecret);
    }
    check_id(id)?;
    check_time(timestamp, now, tolerance)?;

    let content = [id.as_bytes(), timestamp.as_bytes(), body].join(&b'.');
    let tags: Vec<Vec<u8>> = signature
        .split(' ')
        .take(MAX_SIGNATURES)
        .filter_map(tag)
        .collect();
    let genuine = secrets.iter().any(|secret| {
        let key = secret.key();
        tags.iter()
            .any(|tag| hmac::verify(&key, &content, tag).is_ok())
    });

    if genuine {
        Ok(())
    } else {
        Err(Error::Signature)
    }
}

fn mac(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&secret.key());
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    context.sign()
}

fn tag(signature: &str) -> Option<Vec<u8>> {
    let (version, encoded) = signature.split_once(',')?;
    if version != VERSION {
        return None;
    }
    STANDARD.decode(encoded).ok()
}

fn check_id(id: &str) -> Result<(), Error> {
    let visible = id
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'.');
    if !visible || id.is_empty() || id.len() > MAX_ID_BYTES {
        return Err(Error::Id);
    }
    Ok(())
}

fn check_time(timestamp: &str, now: i64, tolerance: Duration) -> Result<(), Error> {
    // `parse` alone would take `+1`, whose signed content is another than that of `1`.
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::Timestamp);
    }
    let sent: i64 = timestamp.parse().map_err(|_| Error::Timestamp)?;
    let tolerance = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    if sent < now.saturating_sub(tolerance) {
        return Err(Error::TooOld);
    }
    if sent > now.saturating_add(tolerance) {
        return Err(Error::TooNew);
    }
    Ok(())
}
