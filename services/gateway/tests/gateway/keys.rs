//! Who may ask.

use reqwest::StatusCode;
use reqwest::header::WWW_AUTHENTICATE;
use serde_json::json;

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
    let request = json!({ "prompt": "a fox", "customId": "fox" });

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

#[tokio::test]
async fn a_key_gives_its_name_and_its_lane_to_its_requests() -> anyhow::Result<()> {
    let keys = format!("{ACME};name=shop;lane=standard");
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", &keys)]).await?;
    let ask = |lane: &str| {
        let request = json!({ "prompt": "a fox", "lane": lane });
        desk.post(&request).bearer_auth(ACME).send()
    };

    let refused = body(ask("interactive").await?, StatusCode::FORBIDDEN).await?;
    assert_eq!(
        (&refused["field"], &refused["code"]),
        (&json!("lane"), &json!("forbidden"))
    );
    assert_eq!(desk.at_the_door().await?, 0);

    let slower = body(ask("background").await?, StatusCode::ACCEPTED).await?;
    assert_eq!(
        (&slower["lane"], &slower["apiKey"]),
        (&json!("background"), &json!("shop"))
    );
    let name = desk.header_at_the_door("Darkroom-Api-Key").await?;
    assert_eq!(name.as_deref(), Some("shop"));
    desk.close().await
}

#[tokio::test]
async fn a_lane_that_is_not_named_is_the_keys() -> anyhow::Result<()> {
    let keys = format!("{ACME};lane=interactive");
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", &keys)]).await?;

    let made = desk.post(&kite()).bearer_auth(ACME).send().await?;
    let made = body(made, StatusCode::ACCEPTED).await?;

    assert_eq!(made["lane"], json!("interactive"));
    let name = made["apiKey"].as_str().unwrap_or_default();
    assert!(name.starts_with("key_") && name.len() == 12, "{name}");
    let path = format!(
        "/v1/generations/{}",
        made["id"].as_str().unwrap_or_default()
    );
    let found = desk.get(&path).bearer_auth(ACME).send().await?;
    let found = body(found, StatusCode::OK).await?;
    assert_eq!(
        (&found["lane"], &found["apiKey"]),
        (&json!("interactive"), &json!(name))
    );
    desk.close().await
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() -> anyhow::Result<()> {
    let admin = "dk_admin0123456789abcdef";
    let keys = format!("{ACME};scopes=read,{OURS},{admin};scopes=admin");
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", &keys)]).await?;
    let pause = |key: &str| {
        let pause = desk.post_to("/v1/account/pause").bearer_auth(key);
        pause.json(&json!({ "reason": "" })).send()
    };

    let write = desk.post(&kite()).bearer_auth(ACME).send().await?;
    let refused = body(write, StatusCode::FORBIDDEN).await?;
    assert_eq!(refused["code"], json!("forbidden"));
    let detail = refused["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("`write`"), "{detail}");
    let read = desk.get("/v1/errors").bearer_auth(ACME).send().await?;
    body(read, StatusCode::OK).await?;

    body(pause(OURS).await?, StatusCode::FORBIDDEN).await?;
    // Allowed, and refused for what it says.
    body(pause(admin).await?, StatusCode::UNPROCESSABLE_ENTITY).await?;
    let read = desk.get("/v1/errors").bearer_auth(admin).send().await?;
    body(read, StatusCode::FORBIDDEN).await?;
    assert_eq!(desk.at_the_door().await?, 0);
    desk.close().await
}
