//! The provider's webhooks, signed as the provider signs them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ideogram::webhook::{
    HEADER_GENERATION_ID, HEADER_KEY_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, HEADER_USER_ID, Jwks,
    Unverified,
};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

const AT: i64 = 1_795_255_200;
const ID: &str = "AbCdEfGhIjKlMnOpQrStUv";

fn pair(seed: u8) -> anyhow::Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).map_err(|err| anyhow::anyhow!("{err}"))
}

fn jwk(kid: &str, pair: &Ed25519KeyPair) -> Value {
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x})
}

fn keys(listed: &[Value]) -> Result<Jwks, Unverified> {
    Jwks::parse(json!({ "keys": listed }).to_string().as_bytes())
}

fn body(id_field: &str) -> Vec<u8> {
    json!({
        id_field: ID,
        "created": "2026-11-21T10:00:00Z",
        "data": [
            {"url": "https://ideogram.ai/a.png", "prompt": "p", "resolution": "1024x1024", "seed": 7,
             "is_image_safe": true},
            {"url": null, "prompt": "p", "resolution": "1024x1024", "seed": 8, "is_image_safe": false},
        ],
    })
    .to_string()
    .into_bytes()
}

fn signed(pair: &Ed25519KeyPair, kid: &str, body: &[u8]) -> anyhow::Result<HeaderMap> {
    let hash = hex::encode(digest(&SHA256, body).as_ref());
    let signature = pair.sign(format!("{ID}\nuser-1\n{AT}\n{hash}").as_bytes());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (HEADER_GENERATION_ID, ID),
        (HEADER_USER_ID, "user-1"),
        (HEADER_TIMESTAMP, &AT.to_string()),
        (HEADER_KEY_ID, kid),
        (HEADER_SIGNATURE, &hex::encode(signature.as_ref())),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
    }
    Ok(headers)
}

fn now(offset: i64) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_second(AT + offset)?)
}

#[test]
fn a_genuine_webhook_is_read_under_both_names_of_the_id() -> anyhow::Result<()> {
    let pair = pair(1)?;
    let keys = keys(&[jwk("a", &pair)])?;

    for field in ["generation_id", "request_id"] {
        let body = body(field);
        let notice = keys.verify(&signed(&pair, "a", &body)?, &body, now(0)?)?;

        assert_eq!(notice.provider_id, ID);
        assert_eq!(notice.created, Some("2026-11-21T10:00:00Z".parse()?));
        assert_eq!(notice.images.len(), 2);
        assert_eq!(notice.images.iter().filter(|image| image.safe).count(), 1);
    }
    Ok(())
}

#[test]
fn any_listed_key_will_do_whatever_name_is_given() -> anyhow::Result<()> {
    let (old, new) = (pair(1)?, pair(2)?);
    let rsa = json!({"kty": "RSA", "kid": "new", "n": "AQAB", "e": "AQAB"});
    let keys = keys(&[rsa, jwk("old", &old), jwk("new", &new)])?;
    let body = body("generation_id");

    for (signer, kid) in [
        (&old, "old"),
        (&new, "new"),
        (&new, "old"),
        (&old, "unheard-of"),
    ] {
        keys.verify(&signed(signer, kid, &body)?, &body, now(0)?)?;
    }
    let stranger = signed(&pair(3)?, "new", &body)?;
    assert_eq!(
        keys.verify(&stranger, &body, now(0)?),
        Err(Unverified::Signature)
    );
    Ok(())
}

#[test]
fn nothing_that_is_signed_may_be_changed() -> anyhow::Result<()> {
    let pair = pair(1)?;
    let keys = keys(&[jwk("a", &pair)])?;
    let body = body("generation_id");
    let good = signed(&pair, "a", &body)?;

    for name in [
        HEADER_GENERATION_ID,
        HEADER_USER_ID,
        HEADER_TIMESTAMP,
        HEADER_SIGNATURE,
    ] {
        let mut headers = good.clone();
        headers.insert(name, HeaderValue::from_static("0"));
        assert_eq!(
            keys.verify(&headers, &body, now(0)?),
            Err(Unverified::Signature),
            "{name}"
        );

        headers.remove(name);
        assert_eq!(
            keys.verify(&headers, &body, now(0)?),
            Err(Unverified::Header(name))
        );
    }
    let longer = [body.as_slice(), b" "].concat();
    assert_eq!(
        keys.verify(&good, &longer, now(0)?),
        Err(Unverified::Signature)
    );
    Ok(())
}

#[test]
fn a_recorded_webhook_is_not_believed_later() -> anyhow::Result<()> {
    let pair = pair(1)?;
    let keys = keys(&[jwk("a", &pair)])?;
    let body = body("generation_id");
    let headers = signed(&pair, "a", &body)?;

    for offset in [-300, -1, 300] {
        keys.verify(&headers, &body, now(offset)?)?;
    }
    for offset in [-301, 301, 1_000_000] {
        assert_eq!(
            keys.verify(&headers, &body, now(offset)?),
            Err(Unverified::Stale),
            "{offset}"
        );
    }
    Ok(())
}

#[test]
fn a_signed_body_about_another_generation_or_none_is_refused() -> anyhow::Result<()> {
    let pair = pair(1)?;
    let keys = keys(&[jwk("a", &pair)])?;

    for body in [r#"{"generation_id":"another"}"#, "{}", "<html>", ""] {
        let headers = signed(&pair, "a", body.as_bytes())?;
        assert_eq!(
            keys.verify(&headers, body.as_bytes(), now(0)?),
            Err(Unverified::Body),
            "{body}"
        );
    }
    Ok(())
}

#[test]
fn a_key_set_without_a_usable_key_is_none() {
    for json in [
        "",
        "null",
        "{}",
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"OKP","x":"c2hvcnQ"}]}"#,
    ] {
        assert_eq!(
            Jwks::parse(json.as_bytes()),
            Err(Unverified::NoKeys),
            "{json}"
        );
    }
}
