//! Asking for pictures, and looking at what became of them.

use anyhow::bail;
use runtime::Env;
use serde_json::{Map, Value, json};

use crate::args::{Generate, Get, List};
use crate::door::Door;

/// The longest that one request is held, in seconds.
const WAIT: &str = "wait=60";
const FINAL: [&str; 3] = ["ready", "failed", "unknown"];

pub(crate) async fn run(env: &Env, args: &Generate) -> anyhow::Result<()> {
    let door = Door::gateway(env)?;
    let prefer = if args.no_wait { None } else { Some(WAIT) };
    let mut generation = door.post("/v1/generations", &body(args), prefer).await?;
    while !args.no_wait && !is_final(&generation) {
        let id = generation["id"].as_str().unwrap_or_default().to_owned();
        eprintln!("{id} is {}, waiting", text(&generation, "status"));
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        generation = door.get(&format!("/v1/generations/{id}"), &[]).await?;
    }
    show(&generation, args.json)?;
    if generation["status"] == "failed" {
        bail!(
            "{}",
            generation["error"]["message"]
                .as_str()
                .unwrap_or("it failed")
        );
    }
    Ok(())
}

pub(crate) async fn get(env: &Env, args: &Get) -> anyhow::Result<()> {
    let path = format!("/v1/generations/{}", args.id);
    show(&Door::gateway(env)?.get(&path, &[]).await?, args.json)
}

pub(crate) async fn list(env: &Env, args: &List) -> anyhow::Result<()> {
    let mut query = vec![("limit", args.limit.to_string())];
    let optional = [
        ("q", &args.q),
        ("campaign", &args.campaign),
        ("status", &args.status),
    ];
    for (name, value) in optional {
        query.extend(value.clone().map(|value| (name, value)));
    }
    let page = Door::gateway(env)?.get("/v1/generations", &query).await?;
    for item in page["items"].as_array().into_iter().flatten() {
        let prompt: String = text(item, "prompt").chars().take(60).collect();
        println!(
            "{}  {:<9}  {}  {prompt}",
            text(item, "id"),
            text(item, "status"),
            text(item, "createdAt")
        );
    }
    Ok(())
}

fn body(args: &Generate) -> Value {
    let mut body = Map::new();
    body.insert("prompt".to_owned(), json!(args.prompt));
    let optional = [
        ("model", json!(args.model)),
        ("styleType", json!(args.style_type)),
        ("aspectRatio", json!(args.aspect_ratio)),
        ("numImages", json!(args.num_images)),
        ("seed", json!(args.seed)),
        ("presets", json!(args.presets)),
        ("campaign", json!(args.campaign)),
        ("callbackUrl", json!(args.callback_url)),
        ("customId", json!(args.custom_id)),
    ];
    let given = optional.into_iter().filter(|(_, value)| !value.is_null());
    body.extend(given.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(body)
}

fn is_final(generation: &Value) -> bool {
    FINAL.contains(&generation["status"].as_str().unwrap_or_default())
}

fn show(generation: &Value, whole: bool) -> anyhow::Result<()> {
    if whole {
        println!("{}", serde_json::to_string_pretty(generation)?);
        return Ok(());
    }
    let simulated = if generation["simulated"] == true {
        "  (simulated)"
    } else {
        ""
    };
    println!(
        "{}  {}{simulated}",
        text(generation, "id"),
        text(generation, "status")
    );
    for image in generation["images"].as_array().into_iter().flatten() {
        let state = text(image, "state");
        println!(
            "  original        {:>9}  {}",
            size(image),
            image["url"].as_str().unwrap_or(state)
        );
        for cut in image["derivatives"].as_array().into_iter().flatten() {
            println!(
                "  {:<14}  {:>9}  {}",
                text(cut, "preset"),
                size(cut),
                text(cut, "url")
            );
        }
    }
    Ok(())
}

fn size(image: &Value) -> String {
    format!("{}x{}", image["width"], image["height"])
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("-")
}
