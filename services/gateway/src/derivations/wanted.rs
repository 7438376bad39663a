//! Which pictures, and which cuts of them.

use domain::{GenerationId, Invalid, Model, PresetChoice};
use imaging::{Preset, Presets};
use jiff::Timestamp;
use serde::Deserialize;
use wire::v1;

use crate::query::moment;

/// Generations that can be named one by one.
const MOST_IDS: usize = 1000;
const MOST_PRESETS: usize = 16;
const MAX_TEXT: usize = 512;

/// The body as it is sent. All conditions must hold; without any, it is about every picture. Instead
/// of conditions, generations may be named.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Asked {
    q: Option<String>,
    campaign: Option<String>,
    model: Option<String>,
    tag: Option<String>,
    from: Option<String>,
    to: Option<String>,
    ids: Option<Vec<String>>,
    presets: Option<v1::PresetList>,
    pub(super) plan: Option<String>,
}

impl Asked {
    fn has_conditions(&self) -> bool {
        let Self {
            q,
            campaign,
            model,
            tag,
            from,
            to,
            ids: _,
            presets: _,
            plan: _,
        } = self;
        [q, campaign, model, tag, from, to]
            .iter()
            .any(|text| text.is_some())
    }
}

/// The same, checked.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) q: Option<String>,
    pub(super) campaign: Option<String>,
    pub(super) model: Option<Model>,
    pub(super) tag: Option<String>,
    pub(super) from: Option<Timestamp>,
    /// Nothing that is drawn later is meant, even while it is being counted.
    pub(super) to: Timestamp,
    /// These, and then there are no conditions.
    pub(super) ids: Option<Vec<GenerationId>>,
    pub(super) choices: Vec<PresetChoice>,
    /// What each choice is.
    pub(super) presets: Vec<Preset>,
}

impl Wanted {
    pub(super) fn of(asked: Asked, known: &Presets) -> Result<Self, Invalid> {
        if asked.ids.is_some() && asked.has_conditions() {
            let reason = "names what is meant, so leave the conditions out, or leave this out";
            return Err(Invalid::field("ids", reason));
        }
        let mut choices: Vec<PresetChoice> = Vec::new();
        for choice in Vec::from(asked.presets.unwrap_or_default()) {
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        if !(1..=MOST_PRESETS).contains(&choices.len()) {
            let names: Vec<&str> = known.names().collect();
            let reason = format!(
                "expected 1 to {MOST_PRESETS} presets to cut; there are {}",
                names.join(", ")
            );
            return Err(Invalid::field("presets", reason));
        }
        let presets = known.choose_all(&choices)?;
        let time = |name, text: Option<String>| text.map(|text| moment(name, &text)).transpose();
        let model = asked.model.map(|model| model.parse::<Model>());
        let model = model.transpose();
        Ok(Self {
            q: text("q", asked.q)?,
            campaign: text("campaign", asked.campaign)?,
            model: model.map_err(|err| Invalid::field("model", err.to_string()))?,
            tag: text("tag", asked.tag)?,
            from: time("from", asked.from)?,
            to: time("to", asked.to)?.unwrap_or_else(Timestamp::now),
            ids: asked.ids.map(ids).transpose()?,
            choices,
            presets,
        })
    }
}

fn text(name: &str, text: Option<String>) -> Result<Option<String>, Invalid> {
    match &text {
        Some(long) if long.chars().count() > MAX_TEXT => {
            let reason = format!("must have at most {MAX_TEXT} characters");
            Err(Invalid::field(name, reason))
        }
        _ => Ok(text.filter(|text| !text.is_empty())),
    }
}

fn ids(texts: Vec<String>) -> Result<Vec<GenerationId>, Invalid> {
    if !(1..=MOST_IDS).contains(&texts.len()) {
        let reason = format!("expected 1 to {MOST_IDS} ids of generations");
        return Err(Invalid::field("ids", reason));
    }
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let id = text.parse::<GenerationId>();
        let id = id.map_err(|err| Invalid::field(format!("ids[{index}]"), err.to_string()))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> anyhow::Result<Option<String>> {
        let asked: Asked = serde_json::from_str(body)?;
        let wanted = Wanted::of(asked, &Presets::builtin());
        Ok(wanted.err().map(|invalid| invalid.field))
    }

    #[test]
    fn what_is_to_blame_is_named() -> anyhow::Result<()> {
        let presets = r#""presets": ["thumbnail"]"#;
        for (body, field) in [
            ("{}".to_owned(), "presets"),
            (r#"{"presets": []}"#.to_owned(), "presets"),
            (
                r#"{"presets": ["thumbnail", "poster"]}"#.to_owned(),
                "presets[1].preset",
            ),
            (
                r#"{"presets": ["thumbnail", {"preset": "instagram", "gravity": "up"}]}"#
                    .to_owned(),
                "presets[1].gravity",
            ),
            (
                r#"{"presets": [{"preset": "instagram", "maxBytes": 1}]}"#.to_owned(),
                "presets[0].maxBytes",
            ),
            (format!(r#"{{{presets}, "model": "V_9"}}"#), "model"),
            (format!(r#"{{{presets}, "from": "yesterday"}}"#), "from"),
            (format!(r#"{{{presets}, "ids": []}}"#), "ids"),
            (format!(r#"{{{presets}, "ids": [], "tag": "sale"}}"#), "ids"),
            (format!(r#"{{{presets}, "ids": ["img_1"]}}"#), "ids[0]"),
        ] {
            assert_eq!(refused(&body)?.as_deref(), Some(field), "{body}");
        }
        assert_eq!(
            refused(&format!(r#"{{{presets}, "from": "2026-11-01"}}"#))?,
            None
        );
        Ok(())
    }

    #[test]
    fn a_field_that_nobody_would_read_is_refused_by_name() {
        let read = serde_json::from_str::<Asked>(r#"{"presets": ["thumbnail"], "colour": 1}"#);

        assert!(read.is_err_and(|err| err.to_string().contains("`colour`")));
    }
}
