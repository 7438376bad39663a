//! What came of a call, if an answer came.

use std::time::Duration;

use domain::{Billed, Usd};
use ideogram::{Action, Answer, Api, Error, RejectKind};
use serde_json::{Value, json};
use url::Url;

use crate::provider::{Provider, Reply};
use crate::{ID, KEY, call, client, image, refused, submit};

#[tokio::test]
async fn a_call_is_sent_once_with_the_key_and_our_name() -> anyhow::Result<()> {
    let provider = Provider::answering(Reply::json(200, &json!({ "generation_id": ID }))).await?;

    let answer = client(&format!("{}/behind/a/path/", provider.url))?
        .submit(&call(Api::Auto)?, &[])
        .await?;

    assert_eq!(
        answer,
        Answer::Accepted {
            provider_id: ID.to_owned(),
            simulated: false
        }
    );
    let seen = provider.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        seen[0].target,
        "POST /behind/a/path/v2/image/generate/ideogram-2"
    );
    assert_eq!(seen[0].headers["api-key"], KEY);
    assert!(
        seen[0].headers["user-agent"]
            .to_str()?
            .starts_with("darkroom/")
    );
    assert!(!seen[0].headers.contains_key("accept-encoding"));
    assert_eq!(seen[0].body["async"], true);
    Ok(())
}

#[tokio::test]
async fn images_in_the_answer_are_read_with_tolerance() -> anyhow::Result<()> {
    let link = "https://ideogram.ai/api/images/ephemeral/x.png?exp=1795341600&sig=00";
    let body = json!({
        "created": "2026-11-21T10:00:00+00:00",
        "request_id": ID,
        "surprise": {"deep": []},
        "data": [
            image(json!(link), true),
            image(Value::Null, false),
            image(json!(""), false),
            {"url": link, "prompt": {"high_level_description": "a kite"}, "resolution": "huge"},
            "not even an object",
        ],
    });

    let answer = submit(
        Reply::json(200, &body).header("x-darkroom-simulator", "1"),
        Api::Legacy,
    )
    .await??;

    let Answer::Done {
        provider_id,
        images,
        cost,
        simulated,
        ..
    } = answer
    else {
        anyhow::bail!("{answer:?}")
    };
    assert_eq!(provider_id.as_deref(), Some(ID));
    assert_eq!((cost, simulated), (None, true));
    assert_eq!(images.len(), 5);
    assert_eq!(images[0].url.as_ref().map(Url::as_str), Some(link));
    assert_eq!(images[0].seed, Some(7));
    assert_eq!(images[0].resolution, Some("1024x1024".parse()?));
    assert_eq!(
        images.iter().map(|image| image.safe).collect::<Vec<_>>(),
        [true, false, false, true, false]
    );
    assert!(images[1].url.is_none() && images[2].url.is_none());
    assert_eq!(images[3].resolution, None);
    assert!(
        images[3]
            .prompt
            .as_ref()
            .is_some_and(|prompt| prompt.contains("high_level_description"))
    );
    Ok(())
}

#[tokio::test]
async fn an_answer_may_be_given_at_once_where_none_was_waited_for() -> anyhow::Result<()> {
    let body = json!({"generation_id": ID, "seed": 7, "usage_cost_usd_micros": 80_000,
        "data": [image(json!("https://ideogram.ai/x.png"), true)]});
    let answer = submit(Reply::json(200, &body), Api::Auto).await??;
    assert!(
        matches!(&answer, Answer::Done { images, cost, .. }
        if images.len() == 1 && *cost == Some(Usd::from_micros(80_000))),
        "{answer:?}"
    );

    let promise = submit(
        Reply::json(200, &json!({"generation_id": ID, "data": []})),
        Api::Auto,
    )
    .await??;
    assert!(matches!(promise, Answer::Accepted { .. }), "{promise:?}");

    let nothing = submit(
        Reply::json(200, &json!({"created": "x", "data": []})),
        Api::Legacy,
    )
    .await??;
    assert!(
        matches!(&nothing, Answer::Done { images, .. } if images.is_empty()),
        "{nothing:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_refusal_says_why_and_that_nothing_was_billed() -> anyhow::Result<()> {
    let a = |error: &str| json!({ "error": error });
    let b = |message: &str| json!({ "message": message });
    let c = json!({"type": "about:blank", "title": "Bad Request", "detail": "not one of", "status": 400});
    let because = |reason: &str| json!({"error": "no", "reject_reason": reason});
    let inflight =
        json!({"error": "no", "reject_reason": "inflight_limit", "max_inflight_requests": 10});
    let wait = Some(Duration::from_secs(7));

    for (reply, kind, message, repeatable) in [
        (
            Reply::json(400, &c),
            RejectKind::BadRequest,
            "not one of",
            false,
        ),
        (
            Reply::json(400, &a("Invalid quality.")),
            RejectKind::BadRequest,
            "Invalid quality.",
            false,
        ),
        (
            Reply::json(401, &b("Access denied.")),
            RejectKind::Unauthorized,
            "Access denied.",
            true,
        ),
        (
            Reply::json(402, &because("insufficient_funds")),
            RejectKind::InsufficientFunds,
            "no",
            true,
        ),
        (
            Reply::json(402, &because("new_reason")),
            RejectKind::InsufficientFunds,
            "no",
            true,
        ),
        (
            Reply::json(402, &because("subscription_required")),
            RejectKind::SubscriptionRequired,
            "no",
            true,
        ),
        (
            Reply::json(403, &b("This account is not authorized.")),
            RejectKind::Forbidden,
            "This account is not authorized.",
            false,
        ),
        (
            Reply::json(403, &because("feature_limit")),
            RejectKind::FeatureLimit,
            "no",
            false,
        ),
        (
            Reply::json(402, &because("feature_limit")),
            RejectKind::FeatureLimit,
            "no",
            false,
        ),
        (
            Reply::json(403, &because("daily_limit")),
            RejectKind::DailyLimit,
            "no",
            true,
        ),
        (
            Reply::text(404, "<html>gone</html>"),
            RejectKind::NotFound,
            "<html>gone</html>",
            false,
        ),
        (
            Reply::text(413, ""),
            RejectKind::TooLarge,
            "Payload Too Large",
            false,
        ),
        (
            Reply::text(422, ""),
            RejectKind::Unsafe,
            "Unprocessable Entity",
            false,
        ),
        (
            Reply::json(422, &a("unsafe")),
            RejectKind::Unsafe,
            "unsafe",
            false,
        ),
        (
            Reply::json(429, &inflight),
            RejectKind::InflightLimit { max: Some(10) },
            "no",
            true,
        ),
        (
            Reply::json(429, &because("inflight_limit")),
            RejectKind::InflightLimit { max: None },
            "no",
            true,
        ),
        (
            Reply::json(429, &because("daily_limit")),
            RejectKind::DailyLimit,
            "no",
            true,
        ),
        (
            Reply::json(429, &a("slow")).header("retry-after", "7"),
            RejectKind::RateLimited { retry_after: wait },
            "slow",
            true,
        ),
        (
            Reply::text(429, "slow"),
            RejectKind::RateLimited { retry_after: None },
            "slow",
            true,
        ),
        (
            Reply::text(415, ""),
            RejectKind::Other,
            "Unsupported Media Type",
            false,
        ),
    ] {
        let err = refused(submit(reply, Api::Auto).await?)?;

        assert_eq!(err.billed(), Billed::No, "{err:?}");
        assert_eq!(err.is_repeatable(), repeatable, "{err:?}");
        let Error::Rejected {
            action,
            kind: got,
            message: said,
            ..
        } = err
        else {
            anyhow::bail!("{err:?}")
        };
        assert_eq!(
            (action, got, said.as_str()),
            (Action::Submit, kind, message)
        );
    }
    Ok(())
}
