//! Who may ask.

use reqwest::StatusCode;
use reqwest::header::WWW_AUTHENTICATE;

use crate::desk::{Desk, body, kite};

const ACME: &str = "dk_acme0123456789abcdef";
const OURS: &str = "dk_ours0123456789abcdef";

#[tokio::test]
async fn a_key_opens_what_its_tenant_owns_and_nothing_else() -> anyhow::Result<()> {
    let keys = format!("{ACME}@acme,{OURS}");
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", &keys)]).await?;

    let none = desk.post(&kite()).send().await?;
    assert!(none.headers().contains_key(WWW_AUTHENTICATE));
    body(none, StatusCode::UNAUTHORIZED).await?;
    let wrong = desk
        .post(&kite())
        .bearer_auth(format!("{ACME}x"))
        .send()
        .await?;
    body(wrong, StatusCode::UNAUTHORIZED).await?;
    body(
        desk.get("/v1/errors").send().await?,
        StatusCode::UNAUTHORIZED,
    )
    .await?;
    assert_eq!(desk.at_the_door().await?, 0);

    let made = desk.post(&kite()).bearer_auth(ACME).send().await?;
    let made = body(made, StatusCode::ACCEPTED).await?;
    let path = format!(
        "/v1/generations/{}",
        made["id"].as_str().unwrap_or_default()
    );
    body(
        desk.get(&path).header("Api-Key", ACME).send().await?,
        StatusCode::OK,
    )
    .await?;
    body(
        desk.get(&path).header("Api-Key", OURS).send().await?,
        StatusCode::NOT_FOUND,
    )
    .await?;

    assert_eq!(desk.get("/").send().await?.status(), StatusCode::OK);
    let picture = desk
        .get("/assets/generated/gen_x/0-0123456789ab.png")
        .send()
        .await?;
    body(picture, StatusCode::NOT_FOUND).await?;
    desk.close().await
}

#[tokio::test]
async fn two_tenants_may_use_one_name() -> anyhow::Result<()> {
    let keys = format!("{ACME}@acme,{OURS}");
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", &keys)]).await?;
    let request = serde_json::json!({ "prompt": "a fox", "customId": "fox" });

    let acme = body(
        desk.post(&request).bearer_auth(ACME).send().await?,
        StatusCode::ACCEPTED,
    )
    .await?;
    let ours = body(
        desk.post(&request).bearer_auth(OURS).send().await?,
        StatusCode::ACCEPTED,
    )
    .await?;

    assert_ne!(acme["id"], ours["id"]);
    assert_eq!(desk.at_the_door().await?, 2);
    desk.close().await
}
