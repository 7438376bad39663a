//! The request as a user may write it: JSON in our names or the seed's, or protobuf.

use domain::{Code, Draft, Invalid};
use prost::Message;
use serde_json::{Map, Value};

use crate::{Encoding, v1};

/// The largest body that is read: 1 MiB, which is also what NATS takes by default.
const MAX_BYTES: usize = 1 << 20;

/// Reads a request. Nothing is checked but its form: every field that is there is known and has
/// the right type.
///
/// # Errors
///
/// The media type or the body is none of ours, or a field is unknown or of the wrong type; the
/// error names it.
pub fn parse_request(content_type: Option<&str>, body: &[u8]) -> Result<Draft, Invalid> {
    if body.len() > MAX_BYTES {
        return Err(refused(Code::BodyTooLarge, "must have at most 1 MiB"));
    }
    let request = match Encoding::of_content_type(content_type) {
        Some(Encoding::Json) => json(body),
        Some(Encoding::Protobuf) => protobuf(body),
        None => Err(refused(
            Code::UnsupportedMediaType,
            "send application/json or application/protobuf and say so in Content-Type",
        )),
    }?;
    Ok(draft(request))
}

/// The draft that a request in the schema's form is.
#[must_use]
pub fn draft(request: v1::GenerationRequest) -> Draft {
    Draft {
        prompt: request.prompt,
        negative_prompt: request.negative_prompt,
        model: request.model,
        style_type: request.style_type,
        aspect_ratio: request.aspect_ratio,
        resolution: request.resolution,
        magic_prompt: request.magic_prompt,
        seed: request.seed,
        num_images: request.num_images,
        rendering_speed: request.rendering_speed,
        quality: request.quality,
        color_palette: request.color_palette.map(Into::into),
        style_preset: request.style_preset,
        style_codes: request.style_codes,
        custom_model: request.custom_model,
        image_weight: request.image_weight,
        upscale_factor: request.upscale_factor,
        resolution_tier: request.resolution_tier,
        transparent: request.transparent,
        operation: request.operation,
        source_images: request.source_images,
        mask: request.mask,
        style_references: request.style_references,
        character_reference: request.character_reference,
        character_mask: request.character_mask,
        callback_url: request.callback_url,
        presets: request.presets.map(Into::into),
        campaign: request.campaign,
        tags: request.tags,
        metadata: request.metadata,
        lane: request.lane,
        on_duplicate: request.on_duplicate,
        on_withheld: request.on_withheld,
        on_unknown: request.on_unknown,
        deadline: request.deadline,
        custom_id: request.custom_id,
        retry_of: request.retry_of,
    }
}

fn json(body: &[u8]) -> Result<v1::GenerationRequest, Invalid> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|err| refused(Code::InvalidBody, &format!("is not JSON: {err}")))?;
    let Value::Object(object) = value else {
        return Err(refused(
            Code::InvalidBody,
            "expected a JSON object such as {\"prompt\":\"…\"}",
        ));
    };
    serde_path_to_error::deserialize(Value::Object(unwrapped(object)?)).map_err(|err| blame(&err))
}

/// The seed's own requests have their fields inside `image_request`.
fn unwrapped(mut object: Map<String, Value>) -> Result<Map<String, Value>, Invalid> {
    match object.remove("image_request") {
        None => Ok(object),
        Some(Value::Object(inner)) => {
            object.extend(inner);
            Ok(object)
        }
        Some(_) => Err(Invalid::field("image_request", "expected an object")),
    }
}

/// Finds the field to blame: serde puts an unknown one in its message, not in the path.
fn blame(err: &serde_path_to_error::Error<serde_json::Error>) -> Invalid {
    let reason = err.inner().to_string();
    let path = err.path().to_string();
    let unknown = reason
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once('`'));
    match unknown {
        Some((field, _)) => Invalid {
            field: field.chars().take(64).collect(),
            code: Code::UnknownField,
            reason: "there is no such field; the documentation lists those there are".to_owned(),
        },
        None => Invalid {
            field: path,
            code: Code::InvalidField,
            reason,
        },
    }
}

fn protobuf(body: &[u8]) -> Result<v1::GenerationRequest, Invalid> {
    let invalid = |err| {
        refused(
            Code::InvalidBody,
            &format!("is no GenerationRequest: {err}"),
        )
    };
    let request = v1::GenerationRequest::decode(body).map_err(invalid)?;
    // What the schema does not know is dropped in decoding, and then the length differs.
    if request.encoded_len() != body.len() {
        return Err(Invalid {
            field: "body".to_owned(),
            code: Code::UnknownField,
            reason: "has fields that this version's darkroom.v1.GenerationRequest lacks".to_owned(),
        });
    }
    Ok(request)
}

fn refused(code: Code, reason: &str) -> Invalid {
    Invalid {
        field: "body".to_owned(),
        code,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use domain::PresetChoice;

    use super::*;

    fn parse(body: &str) -> Result<Draft, Invalid> {
        parse_request(None, body.as_bytes())
    }

    #[test]
    fn the_seeds_names_are_read() -> anyhow::Result<()> {
        let ours = parse(
            r#"{"prompt":"p","styleType":"DESIGN","aspectRatio":"ASPECT_16_9","model":"V_2",
                "magicPrompt":"AUTO","callbackUrl":"https://a.test/"}"#,
        )?;
        let seed = parse(
            r#"{"prompt":"p","style":"DESIGN","aspectRatio":"ASPECT_16_9","model":"V_2",
                "magic_prompt_option":"AUTO","callbackUrl":"https://a.test/"}"#,
        )?;
        let wrapped = parse(
            r#"{"image_request":{"prompt":"p","style_type":"DESIGN","aspect_ratio":"ASPECT_16_9",
                "model":"V_2","magic_prompt_option":"AUTO"},"callbackUrl":"https://a.test/"}"#,
        )?;

        assert_eq!(ours, seed);
        assert_eq!(ours, wrapped);
        Ok(())
    }

    #[test]
    fn the_field_to_blame_is_named() {
        for (body, field, code) in [
            (
                r#"{"prompt":"p","stlye":"DESIGN"}"#,
                "stlye",
                Code::UnknownField,
            ),
            (r#"{"prompt":7}"#, "prompt", Code::InvalidField),
            (r#"{"prompt":"p","seed":"x"}"#, "seed", Code::InvalidField),
            (
                r#"{"prompt":"p","tags":["a",1]}"#,
                "tags[1]",
                Code::InvalidField,
            ),
            (
                r#"{"prompt":"p","presets":"og-image"}"#,
                "presets",
                Code::InvalidField,
            ),
            (
                r#"{"image_request":1}"#,
                "image_request",
                Code::InvalidField,
            ),
            ("{", "body", Code::InvalidBody),
            ("[]", "body", Code::InvalidBody),
            ("", "body", Code::InvalidBody),
        ] {
            let invalid = parse(body).unwrap_err();
            assert_eq!(
                (invalid.field.as_str(), invalid.code),
                (field, code),
                "{body}: {invalid}"
            );
        }
    }

    #[test]
    fn a_preset_is_a_name_or_what_is_different_from_it() -> anyhow::Result<()> {
        let body = r#"{"presets":["og-image",{"preset":"instagram","maxBytes":50000}]}"#;
        let instagram = PresetChoice {
            max_bytes: Some(50_000),
            ..PresetChoice::from("instagram")
        };

        let chosen = parse(body)?.presets;
        assert_eq!(chosen, Some(vec!["og-image".into(), instagram]));

        let invalid = parse(r#"{"presets":[{"preset":"instagram","colour":1}]}"#).unwrap_err();
        assert_eq!(invalid.code, Code::UnknownField, "{invalid}");
        assert!(invalid.field.contains("colour"), "{invalid}");
        Ok(())
    }

    #[test]
    fn protobuf_is_read_and_unknown_fields_are_refused() -> anyhow::Result<()> {
        let request = v1::GenerationRequest {
            prompt: Some("p".to_owned()),
            presets: Some(v1::PresetList {
                names: vec!["og-image".to_owned()],
                choices: Vec::new(),
            }),
            ..Default::default()
        };
        let mut body = request.encode_to_vec();
        assert_eq!(
            parse_request(Some("application/protobuf"), &body)?,
            draft(request)
        );

        body.extend([0xfa, 0x7f, 0x01, 0x61]); // Field 2047, one byte.
        let invalid = parse_request(Some("application/protobuf"), &body).unwrap_err();
        assert_eq!(invalid.code, Code::UnknownField);
        Ok(())
    }

    #[test]
    fn other_media_types_and_large_bodies_are_refused() {
        let other = parse_request(Some("text/plain"), b"{}").unwrap_err();
        assert_eq!(other.code, Code::UnsupportedMediaType);

        let large = parse_request(None, &vec![b' '; MAX_BYTES + 1]).unwrap_err();
        assert_eq!(large.code, Code::BodyTooLarge);
    }
}
