//! A generation for people.

use serde_json::Value;

use crate::table::{dollars, plain};

/// One line about a generation that is not at its end.
pub(super) fn waiting(generation: &Value) -> String {
    let why = match generation["error"]["message"].as_str() {
        Some(_) => format!(": {}", plain(&generation["error"]["message"])),
        None => String::new(),
    };
    let (id, status) = (plain(&generation["id"]), plain(&generation["status"]));
    format!("{id} is {status}{why}, waiting")
}

/// Everything that matters, a line for each.
pub(super) fn text(generation: &Value) -> String {
    let mut lines = vec![head(generation)];
    if let Some(money) = money(generation) {
        lines.push(money);
    }
    for (field, meaning) in [
        ("duplicateOf", "asks for the same as"),
        ("retryOf", "tries again"),
    ] {
        if generation[field].is_string() {
            lines.push(format!("  {meaning} {}", plain(&generation[field])));
        }
    }
    if generation["error"].is_object() {
        let error = &generation["error"];
        let (code, message) = (plain(&error["code"]), plain(&error["message"]));
        lines.push(format!("  {code}: {message}"));
    }
    for text in generation["texts"].as_array().into_iter().flatten() {
        lines.push(format!("  {}", plain(text)));
    }
    for image in generation["images"].as_array().into_iter().flatten() {
        lines.extend(picture(image));
    }
    lines.join("\n") + "\n"
}

/// What would be bought, and what the cuts would make of it.
pub(super) fn plan(plan: &Value) -> String {
    let simulated = match plan["simulated"].as_bool() {
        Some(true) => "  (simulated)",
        _ => "",
    };
    let cost = &plan["cost"];
    let price = match cost["reservedUsdMicros"].as_i64() {
        Some(_) => {
            let (most, by) = (&cost["reservedUsdMicros"], plain(&cost["quotedBy"]));
            format!(
                "  {} at most, says the {}",
                dollars(most),
                by.replace('-', " ")
            )
        }
        None => "  nobody can tell the price before the pictures are there".to_owned(),
    };
    let mut lines = vec![format!("nothing bought yet{simulated}"), price, shape(plan)];
    for cut in plan["forecast"].as_array().into_iter().flatten() {
        lines.push(forecast(cut));
    }
    lines.extend(warnings(plan).map(|warning| format!("  {warning}")));
    lines.join("\n") + "\n"
}

/// What may come as a surprise, a line for each.
pub(super) fn warnings(answer: &Value) -> impl Iterator<Item = String> {
    let warnings = answer["warnings"].as_array().into_iter().flatten();
    warnings.map(|warning| format!("warning: {}", plain(warning)))
}

fn shape(plan: &Value) -> String {
    let asked = ["aspectRatio", "resolution", "resolutionTier"];
    let asked = asked.iter().find(|field| plan[**field].is_string());
    let asked = asked.map(|field| format!(", {}", plain(&plan[*field])));
    let chosen = match plan["shapedByPresets"].as_bool() {
        Some(true) => ", chosen for the presets",
        _ => "",
    };
    let (model, asked) = (plain(&plan["model"]), asked.unwrap_or_default());
    format!("  {:<14}  {:>9}{asked}{chosen}", model, size(plan))
}

fn forecast(cut: &Value) -> String {
    let percent = 100.0 * cut["cropLoss"].as_f64().unwrap_or_default();
    let mut line = format!("  {:<14}  {:>9}  ", plain(&cut["preset"]), size(cut));
    line.push_str(&format!(
        "{}, cuts away {percent:.0} %",
        plain(&cut["format"])
    ));
    if cut["upscaled"].as_bool() == Some(true) {
        let scale = cut["scale"].as_f64().unwrap_or_default();
        line.push_str(&format!(", enlarges {scale:.2} times"));
    }
    line
}

fn head(generation: &Value) -> String {
    let simulated = match generation["simulated"].as_bool() {
        Some(true) => "  (simulated)",
        _ => "",
    };
    let (id, status) = (plain(&generation["id"]), plain(&generation["status"]));
    format!("{id}  {status}{simulated}")
}

/// What it cost and what came of that, once that is known.
fn money(generation: &Value) -> Option<String> {
    let cost = &generation["cost"];
    let settled = cost["settledUsdMicros"].as_i64()?;
    let mut parts = vec![dollars(&settled.into())];
    let count = |field: &str| generation[field].as_u64();
    if let (Some(requested), Some(delivered)) = (count("requested"), count("delivered")) {
        parts.push(format!("{delivered} of {requested} delivered"));
    }
    if let Some(withheld) = count("withheld").filter(|withheld| *withheld > 0) {
        parts.push(format!("{withheld} withheld"));
    }
    let saved = &cost["savedUsdMicros"];
    if saved.as_i64().is_some_and(|saved| saved > 0) {
        parts.push(format!("{} saved", dollars(saved)));
    }
    Some(format!("  {}", parts.join(", ")))
}

fn picture(image: &Value) -> Vec<String> {
    let place = match image["url"].as_str() {
        Some(_) => plain(&image["url"]),
        None => plain(&image["state"]),
    };
    let mut lines = vec![format!("  {:<14}  {:>9}  {place}", "original", size(image))];
    for cut in image["derivatives"].as_array().into_iter().flatten() {
        let (preset, url) = (plain(&cut["preset"]), plain(&cut["url"]));
        lines.push(format!("  {preset:<14}  {:>9}  {url}", size(cut)));
    }
    lines
}

fn size(image: &Value) -> String {
    match (image["width"].as_u64(), image["height"].as_u64()) {
        (Some(width), Some(height)) => format!("{width}x{height}"),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_paid_and_delivered_is_told() {
        let generation = json!({ "id": "gen_1", "status": "ready", "simulated": false,
            "requested": 2, "delivered": 1, "withheld": 1, "duplicateOf": "gen_0", "retryOf": null,
            "cost": { "settledUsdMicros": 160_000, "savedUsdMicros": 0 }, "texts": ["a kite"],
            "error": null, "images": [
                { "state": "ready", "url": "http://a.test/0.png", "width": 1024, "height": 512,
                  "derivatives": [
                    { "preset": "og-image", "url": "http://a.test/1.jpg", "width": 1200,
                      "height": 630 } ] },
                { "state": "withheld", "url": null, "width": null, "height": null,
                  "derivatives": [] } ] });

        let expected = "\
gen_1  ready
  $0.16, 1 of 2 delivered, 1 withheld
  asks for the same as gen_0
  a kite
  original         1024x512  http://a.test/0.png
  og-image         1200x630  http://a.test/1.jpg
  original                -  withheld
";
        assert_eq!(text(&generation), expected);
    }

    #[test]
    fn a_plan_says_what_it_costs_and_what_is_lost() {
        let plan = json!({ "model": "V_2", "aspectRatio": "ASPECT_2_1", "resolution": null,
            "simulated": true, "shapedByPresets": true, "width": 1408, "height": 704,
            "cost": { "reservedUsdMicros": 80_000, "quotedBy": "price-list" },
            "forecast": [
                { "preset": "og-image", "width": 1200, "height": 630, "format": "jpeg",
                  "cropLoss": 0.048, "upscaled": false, "scale": 0.9 },
                { "preset": "instagram", "width": 1080, "height": 1080, "format": "jpeg",
                  "cropLoss": 0.5, "upscaled": true, "scale": 1.534 } ],
            "warnings": ["instagram cuts away 50 % of a picture of 1408x704"] });

        let expected = "\
nothing bought yet  (simulated)
  $0.08 at most, says the price list
  V_2              1408x704, ASPECT_2_1, chosen for the presets
  og-image         1200x630  jpeg, cuts away 5 %
  instagram       1080x1080  jpeg, cuts away 50 %, enlarges 1.53 times
  warning: instagram cuts away 50 % of a picture of 1408x704
";
        assert_eq!(super::plan(&plan), expected);
    }

    #[test]
    fn whoever_waits_hears_why() {
        let parked = json!({ "id": "gen_1", "status": "parked",
            "error": { "message": "the account has no credits left" } });

        assert_eq!(
            waiting(&parked),
            "gen_1 is parked: the account has no credits left, waiting"
        );
        assert_eq!(
            waiting(&json!({ "id": "gen_1", "status": "running", "error": null })),
            "gen_1 is running, waiting"
        );
    }
}
