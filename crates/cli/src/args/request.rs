use serde::Serialize;

/// The fields of a request, under the names of the API. What is not given is left out.
#[derive(Debug, Default, clap::Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    /// What to draw; upscale, reframe, remove-background and describe need none
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<String>,
    /// generate, edit, remix, reframe, replace-background, remove-background, upscale, describe
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    /// A picture to work on, by URL or as `img_…`; may be given several times
    #[arg(long = "source", value_name = "URL|ID")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) source_images: Vec<String>,
    /// Which part to change: black is changed, white is kept
    #[arg(long, value_name = "URL|ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mask: Option<String>,
    /// A picture in the look to draw in; may be given several times
    #[arg(long = "style-reference", value_name = "URL|ID")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) style_references: Vec<String>,
    /// A picture of the person to draw
    #[arg(long, value_name = "URL|ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) character_reference: Option<String>,
    /// Where the person is in it
    #[arg(long, value_name = "URL|ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) character_mask: Option<String>,
    /// What not to draw
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negative_prompt: Option<String>,
    /// `V_2`, `V_2_TURBO`, `V_2A`, `V_3`, ideogram-4, ideogram-4-5 …
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// A model of your own: model/NAME/version/VERSION
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_model: Option<String>,
    /// REALISTIC, DESIGN, `RENDER_3D`, ANIME …
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) style_type: Option<String>,
    /// One of the provider's styles by name
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) style_preset: Option<String>,
    /// A style by its code of 8 hex digits; may be given several times
    #[arg(long = "style-code")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) style_codes: Vec<String>,
    /// 16x9, 1x1 …
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aspect_ratio: Option<String>,
    /// 1312x736 …
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolution: Option<String>,
    /// 1k, 2k, 4k, 8k
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolution_tier: Option<String>,
    /// AUTO, ON, OFF
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) magic_prompt: Option<String>,
    /// TURBO, DEFAULT, QUALITY
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rendering_speed: Option<String>,
    /// `very_low`, low, medium, high
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quality: Option<String>,
    /// How much of the source is kept, 1 to 100
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_weight: Option<u32>,
    /// x1, x2, x4, x8
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upscale_factor: Option<String>,
    /// Make the background transparent
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) transparent: bool,
    /// 1 to 8
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) num_images: Option<u32>,
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u32>,
    /// Cuts to make, separated by commas
    #[arg(long, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) presets: Option<Vec<String>>,
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) campaign: Option<String>,
    /// A word to find it by; may be given several times
    #[arg(long = "tag")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// interactive, standard, background
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lane: Option<String>,
    /// Not bought after this time, such as 2026-12-24T18:00:00Z
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<String>,
    /// If the same was bought before: generate, warn, reuse, reject
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_duplicate: Option<String>,
    /// If the provider withholds a part: accept, fail
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_withheld: Option<String>,
    /// If nobody can tell whether it was billed: review, retry
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_unknown: Option<String>,
    /// Where to be called back
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_url: Option<String>,
    /// Your own name for it: asking twice with one name is asking once
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use serde_json::json;

    use crate::args::{Args, Verb};

    #[test]
    fn what_is_typed_is_what_is_asked_and_nothing_more() -> anyhow::Result<()> {
        Args::command().debug_assert();
        let typed = "darkroom generate kite --operation edit --source img_1 --source https://a.test/ \
                     --mask img_2 --presets og-image,instagram --tag sky --on-unknown retry \
                     --seed 7 --transparent";
        let Verb::Generate(generate) = Args::try_parse_from(typed.split_whitespace())?.verb else {
            anyhow::bail!("another verb");
        };

        let expected = json!({ "prompt": "kite", "operation": "edit",
            "sourceImages": ["img_1", "https://a.test/"], "mask": "img_2",
            "presets": ["og-image", "instagram"], "tags": ["sky"], "onUnknown": "retry", "seed": 7,
            "transparent": true });
        assert_eq!(serde_json::to_value(&generate.request)?, expected);
        Ok(())
    }

    #[test]
    fn a_budget_without_a_limit_is_refused() {
        let parsed = |typed: &str| Args::try_parse_from(typed.split_whitespace()).is_ok();
        assert!(!parsed("darkroom budget set tenant:default"));
        assert!(parsed("darkroom budget set tenant:default --total 100"));
        assert!(parsed(
            "darkroom budget set tenant:default --per-day 5.00 --total 100"
        ));
    }
}
