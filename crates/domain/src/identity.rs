//! When two requests ask for the same.

use std::fmt;

use ring::digest::{Context, SHA256};

use crate::{ColorPalette, Request, Source};

/// What a request asks the provider for, after defaults, as a hash.
///
/// Two requests with one identity would be drawn by the same words, model, size, pictures and seed;
/// a request without a seed has another identity than any with one. What becomes of the images
/// afterwards (presets, campaign, callback) is no part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity([u8; 16]);

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Fields one after the other, each with its length: no two lists of fields read alike.
struct Canon(Context);

impl Canon {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// None and the empty text differ.
    fn maybe(&mut self, text: Option<impl fmt::Display>) {
        match text {
            None => self.0.update(&[0]),
            Some(text) => {
                self.0.update(&[1]);
                self.put(text.to_string().as_bytes());
            }
        }
    }

    fn list<T: fmt::Display>(&mut self, items: impl ExactSizeIterator<Item = T>) {
        self.0.update(&(items.len() as u64).to_be_bytes());
        items.for_each(|item| self.maybe(Some(item)));
    }
}

impl Request {
    /// What it asks for. Equal for equal wishes of one tenant; tenants are compared by whoever
    /// keeps identities.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let mut canon = Canon(Context::new(&SHA256));
        canon.put(b"1");
        canon.maybe(Some(self.operation));
        canon.put(self.prompt.as_bytes());
        canon.maybe(self.negative_prompt.as_ref());
        canon.maybe(Some(self.model));
        canon.maybe(self.style_type);
        canon.maybe(self.aspect_ratio);
        canon.maybe(self.resolution);
        canon.maybe(Some(self.magic_prompt));
        canon.maybe(self.seed);
        canon.maybe(Some(self.num_images));
        canon.maybe(self.rendering_speed);
        canon.maybe(self.quality);
        palette(&mut canon, self.color_palette.as_ref());
        canon.maybe(self.style_preset.as_ref());
        canon.list(self.style_codes.iter());
        canon.maybe(self.custom_model.as_ref());
        canon.maybe(self.image_weight);
        canon.maybe(self.upscale_factor);
        canon.maybe(self.resolution_tier);
        canon.maybe(Some(self.transparent));
        let inputs = &self.inputs;
        canon.list(inputs.sources.iter().map(content));
        canon.maybe(inputs.mask.as_ref().map(content));
        canon.list(inputs.style_references.iter().map(content));
        canon.maybe(inputs.character_reference.as_ref().map(content));
        canon.maybe(inputs.character_mask.as_ref().map(content));

        let digest = canon.0.finish();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_ref()[..16]);
        Identity(bytes)
    }
}

fn palette(canon: &mut Canon, palette: Option<&ColorPalette>) {
    match palette {
        None => canon.put(b"none"),
        Some(ColorPalette::Preset(name)) => {
            canon.put(b"preset");
            canon.put(name.as_bytes());
        }
        Some(ColorPalette::Colors(colors)) => {
            canon.list(colors.iter().map(|color| color.hex.as_str()));
            colors.iter().for_each(|color| canon.maybe(color.weight));
        }
    }
}

/// Pictures are compared by what they show, not by where they came from.
fn content(source: &Source) -> String {
    match &source.pinned {
        Some(pinned) => pinned.sha256.clone(),
        None => source.origin.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pinned;

    #[test]
    fn a_wish_is_the_same_whatever_it_is_for() {
        let request = Request::new("a red kite");
        let other = Request {
            campaign: Some("summer".to_owned()),
            presets: vec!["og-image".into()],
            ..request.clone()
        };
        assert_eq!(request.identity(), other.identity());
    }

    #[test]
    fn a_seed_makes_another_wish() {
        let request = Request::new("a red kite");
        let seeded = |seed| Request {
            seed,
            ..request.clone()
        };
        assert_ne!(seeded(None).identity(), seeded(Some(0)).identity());
        assert_ne!(seeded(Some(1)).identity(), seeded(Some(2)).identity());
    }

    #[test]
    fn a_text_in_another_field_makes_another_wish() {
        let one = Request {
            negative_prompt: Some("x".to_owned()),
            ..Request::new("a")
        };
        let other = Request {
            style_preset: Some("x".to_owned()),
            ..Request::new("a")
        };
        assert_ne!(one.identity(), other.identity());
        assert_ne!(Request::new("ax").identity(), one.identity());
    }

    #[test]
    fn pictures_are_known_by_their_content() -> anyhow::Result<()> {
        let source = |url: &str, sha256: &str| -> anyhow::Result<Request> {
            let mut request = Request::new("a");
            request.inputs.sources.push(Source {
                origin: url.parse()?,
                pinned: Some(Pinned {
                    key: String::new(),
                    sha256: sha256.to_owned(),
                    format: "png".to_owned(),
                    bytes: 1,
                    width: 1,
                    height: 1,
                }),
            });
            Ok(request)
        };
        let (a, b) = ("https://a.test/1.png", "https://b.test/2.png");
        assert_eq!(source(a, "1f")?.identity(), source(b, "1f")?.identity());
        assert_ne!(source(a, "1f")?.identity(), source(a, "2f")?.identity());
        Ok(())
    }
}
