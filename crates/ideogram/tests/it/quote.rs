//! Questions about prices and keys.

use domain::Usd;
use ideogram::{Action, Api, Error};
use serde_json::{Value, json};

use crate::provider::{Provider, Reply};
use crate::{ID, call, client};

#[tokio::test]
async fn a_quote_is_asked_for_without_ordering() -> anyhow::Result<()> {
    let exact =
        json!({"object": "price_quote", "quantity": 1, "usd_micros": 80_000, "qualifier": "exact"});
    let provider = Provider::answering(Reply::json(200, &exact)).await?;

    let quote = client(&provider.url)?.quote(&call(Api::Auto)?, &[]).await?;

    assert_eq!(
        (quote.usd, quote.upper_bound, quote.exact),
        (
            Usd::from_micros(80_000),
            Some(Usd::from_micros(80_000)),
            true
        )
    );
    assert_eq!(
        provider.seen()[0].target,
        "POST /v2/image/generate/ideogram-2?dry_run=true"
    );

    let legacy = client(&provider.url)?.quote(&call(Api::Legacy)?, &[]).await;
    assert!(
        matches!(legacy, Err(Error::NoQuote("/generate"))),
        "{legacy:?}"
    );
    assert_eq!(provider.seen().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_quote_is_only_a_bound_if_it_says_so() -> anyhow::Result<()> {
    let ask = async |body: Value| -> anyhow::Result<Result<ideogram::Quote, Error>> {
        let provider = Provider::answering(Reply::json(200, &body)).await?;
        Ok(client(&provider.url)?.quote(&call(Api::Auto)?, &[]).await)
    };

    let open = ask(json!({"usd_micros": 1, "qualifier": "estimate"})).await??;
    assert_eq!((open.upper_bound, open.exact), (None, false));
    let bound = json!({"usd_micros": 1, "qualifier": "estimate", "upper_bound_usd_micros": 3});
    assert_eq!(ask(bound).await??.upper_bound, Some(Usd::from_micros(3)));
    let odd = ask(json!({"usd_micros": -1})).await?;
    assert!(
        matches!(
            odd,
            Err(Error::Unavailable {
                action: Action::Quote,
                ..
            })
        ),
        "{odd:?}"
    );
    let ordered = ask(json!({"generation_id": ID})).await?;
    assert!(
        matches!(ordered, Err(Error::Ambiguous { .. })),
        "{ordered:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_webhook_keys_are_fetched_without_showing_ours() -> anyhow::Result<()> {
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
    let provider = Provider::answering(Reply::json(200, &set)).await?;

    client(&provider.url)?.webhook_keys().await?;

    assert_eq!(provider.seen()[0].target, "GET /v1/.well-known/jwks.json");
    assert!(!provider.seen()[0].headers.contains_key("api-key"));
    Ok(())
}
