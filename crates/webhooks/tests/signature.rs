//! Signatures, held against the published vectors and an independent implementation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use http::HeaderMap;
use webhooks::{Error, HEADER_SIGNATURE, Secret, headers, sign, verify};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SENT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const TOLERANCE: Duration = Duration::from_secs(300);

fn check(timestamp: &str, signature: &str, now: i64) -> anyhow::Result<Result<(), Error>> {
    let secrets = [Secret::parse(SECRET)?];
    Ok(verify(
        &secrets, ID, timestamp, signature, BODY, now, TOLERANCE,
    ))
}

fn now() -> anyhow::Result<i64> {
    Ok(SystemTime::now()
        .duration_since(UNIX_EPOCH)?
        .as_secs()
        .try_into()?)
}

#[test]
fn the_published_vectors_are_reproduced() -> anyhow::Result<()> {
    assert_eq!(sign(&Secret::parse(SECRET)?, ID, SENT, BODY)?, SIGNATURE);
    assert_eq!(
        sign(
            &Secret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?,
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            br#"{"email":"test@example.com","username":"test_user"}"#,
        )?,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
    );
    Ok(())
}

#[test]
fn the_reference_implementation_accepts_our_headers_during_a_rotation() -> anyhow::Result<()> {
    let (old, new) = (Secret::generate()?, Secret::generate()?);
    let stranger = Secret::generate()?;
    let body = "{\"prompt\":\"ein Fuchs im Schnee ❄\"}".as_bytes();

    let sent = headers(&[new.clone(), old.clone()], "evt_1-completed", now()?, body)?;

    let mut received = HeaderMap::new();
    for (name, value) in sent {
        received.insert(name, value.parse()?);
    }
    for secret in [&old, &new] {
        standardwebhooks::Webhook::new(&secret.reveal())?.verify(body, &received)?;
    }
    assert!(
        standardwebhooks::Webhook::new(&stranger.reveal())?
            .verify(body, &received)
            .is_err()
    );
    Ok(())
}

#[test]
fn we_accept_what_the_reference_implementation_signs() -> anyhow::Result<()> {
    let secrets = [Secret::generate()?, Secret::generate()?];
    let reference = standardwebhooks::Webhook::new(&secrets[1].reveal())?;
    let theirs = reference.sign(ID, SENT, BODY)?;

    let several = format!("v1a,bm90IG91cnM= {SIGNATURE} nonsense v1,? {theirs}");

    verify(
        &secrets,
        ID,
        &SENT.to_string(),
        &several,
        BODY,
        SENT,
        TOLERANCE,
    )?;
    Ok(())
}

#[test]
fn every_flipped_bit_is_refused() -> anyhow::Result<()> {
    let secrets = [Secret::parse(SECRET)?];
    let parts = [ID.as_bytes(), b"1614265330", SIGNATURE.as_bytes(), BODY];
    verify(&secrets, ID, "1614265330", SIGNATURE, BODY, SENT, TOLERANCE)?;

    for part in 0..parts.len() {
        for bit in 0..parts[part].len() * 8 {
            let mut flipped = parts.map(<[u8]>::to_vec);
            flipped[part][bit / 8] ^= 1 << (bit % 8);
            let [id, timestamp, signature, body] = flipped;
            // A header that is not text never gets this far.
            let (Ok(id), Ok(timestamp), Ok(signature)) = (
                String::from_utf8(id),
                String::from_utf8(timestamp),
                String::from_utf8(signature),
            ) else {
                continue;
            };

            // So wide a tolerance leaves only the signature to refuse the message.
            let verdict = verify(
                &secrets,
                &id,
                &timestamp,
                &signature,
                &body,
                SENT,
                Duration::MAX,
            );

            assert!(verdict.is_err(), "part {part}, bit {bit}");
        }
    }
    Ok(())
}

#[test]
fn a_shortened_or_renamed_signature_is_refused() -> anyhow::Result<()> {
    let bare = SIGNATURE.strip_prefix("v1,").context("no version")?;
    for signature in [
        String::new(),
        "v1".to_owned(),
        "v1,".to_owned(),
        bare.to_owned(),
        format!("v1a,{bare}"),
        format!("V1,{bare}"),
        format!("v1,{}", bare.trim_end_matches('=')),
        SIGNATURE.chars().take(12).collect(),
        format!("v1,{bare}{bare}"),
    ] {
        let refused = check("1614265330", &signature, SENT)?;

        assert!(matches!(refused, Err(Error::Signature)), "{signature}");
    }
    Ok(())
}

#[test]
fn the_timestamp_must_be_near_and_plain() -> anyhow::Result<()> {
    assert!(check("1614265330", SIGNATURE, SENT + 300)?.is_ok());
    assert!(check("1614265330", SIGNATURE, SENT - 300)?.is_ok());
    assert!(matches!(
        check("1614265330", SIGNATURE, SENT + 301)?,
        Err(Error::TooOld)
    ));
    assert!(matches!(
        check("1614265330", SIGNATURE, SENT - 301)?,
        Err(Error::TooNew)
    ));
    for timestamp in [
        "",
        "+1614265330",
        "-1",
        "1614265330.0",
        " 1614265330",
        "99999999999999999999",
    ] {
        let refused = check(timestamp, SIGNATURE, SENT)?;

        assert!(matches!(refused, Err(Error::Timestamp)), "{timestamp:?}");
    }
    Ok(())
}

#[test]
fn an_id_that_could_be_read_in_two_ways_is_not_signed() -> anyhow::Result<()> {
    let secret = Secret::parse(SECRET)?;
    for id in [
        "",
        "msg.1",
        "msg 1",
        "msg\r\nx: y",
        "müsli",
        &"m".repeat(257),
    ] {
        assert!(
            matches!(sign(&secret, id, SENT, BODY), Err(Error::Id)),
            "{id:?}"
        );
    }
    assert!(sign(&secret, &"m".repeat(256), SENT, BODY).is_ok());
    Ok(())
}

#[test]
fn nothing_is_signed_or_accepted_without_a_secret() {
    assert!(matches!(headers(&[], ID, SENT, BODY), Err(Error::NoSecret)));
    let accepted = verify(&[], ID, "1614265330", SIGNATURE, BODY, SENT, TOLERANCE);
    assert!(matches!(accepted, Err(Error::NoSecret)));
    assert_eq!(HEADER_SIGNATURE, "webhook-signature");
}
