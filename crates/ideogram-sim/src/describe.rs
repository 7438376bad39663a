//! What the describing routes say of a picture: its size and its colour, so that one can tell that it
//! was looked at.

use serde_json::{Value, json};

use crate::catalogue::{Route, Shape};
use crate::picture::Source;
use crate::schema::Asked;

/// A sentence, or a structured prompt as JSON text where the route gives one.
pub(crate) fn describe(route: &Route, asked: &Asked, image: &Source) -> String {
    let (width, height) = image.size;
    let colour = format!("#{}", hex::encode_upper(image.mean));
    let text = format!("A picture of {width}x{height} pixels whose colours come to {colour}.");
    if route.shape != Shape::Structured {
        return text;
    }
    let says = |flag: &str, usual: bool| asked.flag(flag).unwrap_or(usual);
    let mut element = json!({ "type": "obj", "desc": "what the picture shows" });
    if says("include_bbox", true) {
        element["bbox"] = json!([0, 0, 1_000, 1_000]);
    }
    let mut prompt = json!({
        "high_level_description": text,
        "compositional_deconstruction": {
            "background": format!("a plain ground of {colour}"),
            "elements": [element],
        },
    });
    if says("include_style_descriptions", false) {
        prompt["style_description"] = json!({ "medium": "unknown", "color_palette": [colour] });
    }
    if says("include_tags", false) {
        prompt["tags"] = Value::from(vec!["simulated"]);
    }
    prompt.to_string()
}
