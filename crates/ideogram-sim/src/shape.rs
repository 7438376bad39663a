//! The shapes of an answer to a submission.

use serde_json::{Value, json};

use crate::catalogue::{Shape, Work};
use crate::job::Job;
use crate::order::Order;
use crate::world::World;

/// The answer to an order that is not done.
pub(crate) fn submitted(world: &World, job: &Job) -> Value {
    let order = &job.order;
    let mut body = json!({ "generation_id": job.id.to_string() });
    if matches!(order.shape, Shape::Id | Shape::Cutout) {
        return body;
    }
    body["seed"] = Value::from(job.seed);
    match order.shape {
        Shape::Kind => {
            let drawn = order.work == Work::Draw;
            body["generation_kind"] = Value::from(if drawn { "sampling" } else { "editing" });
        }
        Shape::Sized | Shape::Measured | Shape::Upscaled => {
            let (width, height) = world.pictures.size(order.size);
            body["width"] = Value::from(width);
            body["height"] = Value::from(height);
        }
        _ => {}
    }
    body
}

/// The answer to an order that is done.
pub(crate) fn finished(world: &World, job: &Job) -> Value {
    let order = &job.order;
    let created = job.created.to_string();
    match order.shape {
        Shape::V1 | Shape::Legacy => {
            let mut items = world.items(job);
            for item in &mut items {
                let style = order.style_type.as_deref().unwrap_or("general");
                item["style_type"] = Value::from(style.to_ascii_uppercase());
            }
            let mut body = json!({ "created": created, "data": items });
            if order.shape == Shape::Legacy {
                body["request_id"] = Value::from(job.id.to_string());
            }
            body
        }
        Shape::LegacyTexts => json!({ "descriptions": [{ "text": order.drawn_prompt }] }),
        Shape::Texts => json!({
            "created": created,
            "description_id": job.id.to_string(),
            "descriptions": [{ "text": order.drawn_prompt }],
        }),
        Shape::Structured => json!({
            "created": created,
            "description_id": job.id.to_string(),
            "json_prompt": serde_json::from_str::<Value>(&order.drawn_prompt).unwrap_or_default(),
        }),
        _ => {
            let mut items = world.items(job);
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                if order.shape == Shape::Cutout {
                    item.retain(|name, _| matches!(name.as_str(), "url" | "is_image_safe"));
                } else if order.shape == Shape::Upscaled {
                    item.remove("prompt");
                }
            }
            let mut body = submitted(world, job);
            body["data"] = Value::from(items);
            body
        }
    }
}

/// The items of a poll, each with the kind it is of; a webhook's have no kind.
pub(crate) fn typed_items(world: &World, job: &Job) -> Vec<Value> {
    let kind = if is_bare(&job.order) {
        "image.without-prompt-or-seed"
    } else {
        "image.generation"
    };
    let mut items = bare_items(world, job);
    for (index, item) in items.iter_mut().enumerate() {
        item["object_type"] = Value::from(kind);
        if !item["url"].is_null() {
            item["asset_id"] = Value::from(job.id.picture(index as u8));
        }
    }
    items
}

/// The items without what their route does not tell.
pub(crate) fn bare_items(world: &World, job: &Job) -> Vec<Value> {
    let mut items = world.items(job);
    if is_bare(&job.order) {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.retain(|name, _| !matches!(name.as_str(), "prompt" | "seed"));
        }
    }
    items
}

/// Whether polls and webhooks say neither prompt nor seed.
fn is_bare(order: &Order) -> bool {
    matches!(order.shape, Shape::Cutout | Shape::Upscaled)
        || (order.shape == Shape::Id && order.prompt.is_empty())
}
