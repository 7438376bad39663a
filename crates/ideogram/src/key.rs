use std::fmt;

use reqwest::header::HeaderValue;

use crate::Error;

/// The longest part of a foreign text that is kept.
const EXCERPT_BYTES: usize = 2 * 1024;
/// A shorter key would blank out ordinary words, and is no real key.
const MIN_REDACTED: usize = 8;

/// The account's key: it goes into one header and nowhere else.
#[derive(Clone)]
pub(crate) struct Key {
    text: String,
    header: HeaderValue,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Reads a key; `whose` is the field of the configuration that it comes from.
    pub(crate) fn parse(whose: &'static str, text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let invalid = Error::Config {
            field: whose,
            reason: "expected visible ASCII characters, as the provider's key page shows them",
        };
        let Ok(mut header) = HeaderValue::from_str(text) else {
            return Err(invalid);
        };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid);
        }
        header.set_sensitive(true);
        Ok(Self {
            text: text.to_owned(),
            header,
        })
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// The beginning of a foreign text, at most 2 KiB, without the key should it be quoted there.
    pub(crate) fn excerpt(&self, text: &[u8]) -> String {
        // Enough that a key that begins inside the excerpt is seen whole.
        let seen = text.get(..EXCERPT_BYTES + self.text.len()).unwrap_or(text);
        let mut text = String::from_utf8_lossy(seen).into_owned();
        if self.text.len() >= MIN_REDACTED {
            text = text.replace(&self.text, "…");
        }
        text.truncate(text.floor_char_boundary(EXCERPT_BYTES));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k-0123456789";

    #[test]
    fn an_excerpt_is_bounded_and_never_holds_the_key_nor_a_part_of_it() -> anyhow::Result<()> {
        let key = Key::parse("api_key", KEY)?;

        for padding in EXCERPT_BYTES - KEY.len() - 2..EXCERPT_BYTES + 2 {
            let text = format!("{}{KEY}é{}", "x".repeat(padding), "y".repeat(5_000));
            let excerpt = key.excerpt(text.as_bytes());

            assert!(excerpt.len() <= EXCERPT_BYTES, "{padding}");
            assert!(!excerpt.contains("k-0"), "{padding}");
        }
        Ok(())
    }

    #[test]
    fn a_key_is_one_visible_word() {
        for bad in ["", "  ", "two words", "new\nline", "schlüssel"] {
            assert!(
                matches!(
                    Key::parse("api_key", bad),
                    Err(Error::Config {
                        field: "api_key",
                        ..
                    })
                ),
                "{bad:?}"
            );
        }
        assert!(Key::parse("api_key", " trailing-newline-of-a-file\n").is_ok());
    }
}
