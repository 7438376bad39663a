//! The committed code is what the schema says. `DARKROOM_REGENERATE=1` writes it anew.

use std::path::Path;

/// Fields of a request may be left out in JSON, may go by the seed's names, and must be known.
const REQUEST: &str = "#[serde(deny_unknown_fields)]";
const ALIASES: &[(&str, &[&str])] = &[
    ("negative_prompt", &["negative_prompt"]),
    ("style_type", &["style_type", "style"]),
    ("aspect_ratio", &["aspect_ratio"]),
    (
        "magic_prompt",
        &["magic_prompt", "magic_prompt_option", "magicPromptOption"],
    ),
    ("num_images", &["num_images"]),
    ("rendering_speed", &["rendering_speed"]),
    ("color_palette", &["color_palette"]),
    ("style_preset", &["style_preset"]),
    ("style_codes", &["style_codes"]),
    ("callback_url", &["callback_url"]),
    ("custom_id", &["custom_id"]),
    ("custom_model", &["custom_model", "custom_model_uri"]),
    ("image_weight", &["image_weight"]),
    ("upscale_factor", &["upscale_factor"]),
    ("resolution_tier", &["resolution_tier"]),
    ("source_images", &["source_images"]),
    ("style_references", &["style_references"]),
    ("character_reference", &["character_reference"]),
    ("character_mask", &["character_mask"]),
    ("retry_of", &["retry_of"]),
];

#[test]
fn generated_code_is_what_the_schema_says() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let proto = root.join("../../proto");
    let schema = protox::compile(["darkroom/v1/darkroom.proto"], [&proto])?;

    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gen");
    std::fs::create_dir_all(&out)?;
    let mut config = prost_build::Config::new();
    config
        .out_dir(&out)
        .btree_map(["."])
        .type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .type_attribute(".", "#[serde(rename_all = \"camelCase\", default)]")
        .type_attribute("darkroom.v1.GenerationRequest", REQUEST)
        .type_attribute("darkroom.v1.ColorPalette", REQUEST)
        .type_attribute("darkroom.v1.ColorMember", "#[serde(deny_unknown_fields)]")
        .type_attribute("darkroom.v1.PresetChoice", "#[serde(deny_unknown_fields)]")
        .field_attribute(
            "darkroom.v1.PresetChoice.max_bytes",
            "#[serde(alias = \"max_bytes\")]",
        )
        .type_attribute(
            "darkroom.v1.PresetList",
            "#[serde(from = \"Vec<crate::presets::Chosen>\", into = \"Vec<crate::presets::Chosen>\")]",
        )
        .field_attribute(
            "darkroom.v1.ColorMember.color_hex",
            "#[serde(alias = \"color_hex\")]",
        )
        .field_attribute(
            "darkroom.v1.ColorMember.color_weight",
            "#[serde(alias = \"color_weight\")]",
        );
    for (field, names) in ALIASES {
        let path = format!("darkroom.v1.GenerationRequest.{field}");
        for name in *names {
            config.field_attribute(&path, format!("#[serde(alias = \"{name}\")]"));
        }
    }
    // Most events carry the job, and most of what can be asked for was not: half of it were nulls.
    let messages = schema.file.iter().flat_map(|file| &file.message_type);
    let job = messages.filter(|message| message.name() == "Job");
    for field in job.flat_map(|message| &message.field) {
        if field.proto3_optional() {
            let path = format!("darkroom.v1.Job.{}", field.name());
            config.field_attribute(path, "#[serde(skip_serializing_if = \"Option::is_none\")]");
        }
    }
    config.compile_fds(schema)?;

    let fresh = std::fs::read_to_string(out.join("darkroom.v1.rs"))?;
    let committed = root.join("src/gen/darkroom.v1.rs");
    if std::env::vars_os().any(|(name, _)| name == "DARKROOM_REGENERATE") {
        std::fs::write(&committed, &fresh)?;
    }
    assert!(
        std::fs::read_to_string(&committed)? == fresh,
        "proto/ and crates/wire/src/gen/ differ: run DARKROOM_REGENERATE=1 cargo test -p wire"
    );
    Ok(())
}
