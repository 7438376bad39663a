//! Reads the text parts of `multipart/form-data` (RFC 7578) into the object that a JSON body would
//! have been. Only what the generate routes need: arrays are repeated names, objects are JSON text.

use serde_json::{Map, Value};

use crate::answer::Refusal;

const NUMBERS: [&str; 2] = ["num_images", "seed"];
const FLAGS: [&str; 3] = ["async", "private", "enable_copyright_detection"];
const OBJECTS: [&str; 1] = ["color_palette"];
const LISTS: [&str; 1] = ["style_codes"];

/// The boundary of a `multipart/form-data` content type.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let rest = content_type.strip_prefix("multipart/form-data")?;
    let (_, boundary) = rest.split_once("boundary=")?;
    let boundary = boundary
        .split(';')
        .next()
        .unwrap_or(boundary)
        .trim()
        .trim_matches('"');
    (!boundary.is_empty()).then_some(boundary)
}

/// The fields of a multipart body. A file part becomes `true` under its name: present.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Result<Map<String, Value>, Refusal> {
    let delimiter = format!("--{boundary}");
    let mut fields = Map::new();
    let mut rest = after(body, delimiter.as_bytes()).ok_or_else(malformed)?;
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n").ok_or_else(malformed)?;
        let end = find(part, format!("\r\n{delimiter}").as_bytes()).ok_or_else(malformed)?;
        let (head, tail) = part.split_at(end);
        insert(&mut fields, head)?;
        rest = tail.get(2 + delimiter.len()..).ok_or_else(malformed)?;
    }
    Ok(fields)
}

fn insert(fields: &mut Map<String, Value>, part: &[u8]) -> Result<(), Refusal> {
    let split = find(part, b"\r\n\r\n").ok_or_else(malformed)?;
    let headers = String::from_utf8_lossy(&part[..split]);
    let name = parameter(&headers, " name=\"").ok_or_else(malformed)?;
    let value = if parameter(&headers, "filename=\"").is_some() {
        Value::Bool(true)
    } else {
        let text = std::str::from_utf8(&part[split + 4..]).map_err(|_| malformed())?;
        typed(name, text)
    };
    if LISTS.contains(&name) {
        let list = fields
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value);
        }
    } else {
        fields.insert(name.to_owned(), value);
    }
    Ok(())
}

/// The text in the type that the schema gives to the field; as text where it does not fit, so that
/// the schema check refuses it by name.
fn typed(name: &str, text: &str) -> Value {
    let parsed = if NUMBERS.contains(&name) {
        text.parse::<i64>().ok().map(Value::from)
    } else if FLAGS.contains(&name) {
        text.parse::<bool>().ok().map(Value::from)
    } else if OBJECTS.contains(&name) {
        serde_json::from_str(text).ok()
    } else {
        None
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn parameter<'a>(headers: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = headers.split_once(key)?;
    rest.split('"').next()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn after<'a>(haystack: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    haystack.get(find(haystack, needle)? + needle.len()..)
}

fn malformed() -> Refusal {
    Refusal::problem(
        axum::http::StatusCode::BAD_REQUEST,
        "The multipart body is malformed.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_parts_get_the_types_of_the_schema() -> Result<(), Refusal> {
        let body = "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n12\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"num_images\"\r\n\r\n2\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"style_codes\"\r\n\r\n00ff00ff\r\n--b--\r\n";

        let fields = fields(body.as_bytes(), "b")?;

        assert_eq!(
            Value::Object(fields),
            serde_json::json!({"prompt": "12", "num_images": 2, "style_codes": ["00ff00ff"]})
        );
        Ok(())
    }

    #[test]
    fn a_body_that_ends_early_is_refused() {
        for cut in [
            "",
            "--b",
            "--b\r\n",
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
            "--b\r\n\r\n--b--",
        ] {
            assert!(fields(cut.as_bytes(), "b").is_err(), "{cut:?}");
        }
    }
}
