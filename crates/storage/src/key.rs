use std::{fmt, str::FromStr};

const PREFIXES: [&str; 4] = ["generated", "derived", "sources", "batches"];
const MAX_KEY_BYTES: usize = 512;
const MAX_TOKEN_BYTES: usize = 64;
const MAX_EXTENSION_BYTES: usize = 8;
const DIGEST_CHARS: usize = 64;
const SHORT_DIGEST_CHARS: usize = 12;

/// The name of one object.
///
/// Invariant: two or more segments separated by `/`, the first of them one of `generated`, `derived`,
/// `sources` and `batches`; the others are letters, digits, `-`, `_` and single inner dots. So a key
/// is at once an object name, a relative path that stays below its root, and part of a URL, and none
/// of them needs escaping.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The first segment is none of ours, or is all there is.
    #[error("a key must begin with `generated/`, `derived/`, `sources/` or `batches/`")]
    Prefix,
    /// A segment has a character or a dot it must not have, or none at all.
    #[error("a key consists of letters, digits, `-`, `_` and single inner dots, separated by `/`")]
    Segment,
    /// More than 512 bytes.
    #[error("a key has at most 512 bytes")]
    TooLong,
    /// An id or recipe is not `[A-Za-z0-9_-]{1,64}`.
    #[error("the {0} must be 1 to 64 letters, digits, `-` or `_`")]
    Token(&'static str),
    /// Not a SHA-256 in hexadecimal.
    #[error("the digest must be 64 lower-case hexadecimal digits")]
    Digest,
    /// Not `[a-z0-9]{1,8}`.
    #[error("the extension must be 1 to 8 lower-case letters or digits")]
    Extension,
}

impl Key {
    /// What the provider drew: `generated/<id>/<index>-<sha12>.<ext>`.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] names the part that does not fit.
    pub fn generated(
        id: &impl fmt::Display,
        index: u32,
        sha256_hex: &str,
        ext: &str,
    ) -> Result<Self, InvalidKey> {
        let id = token("id", id)?;
        let digest = short_digest(sha256_hex)?;
        let ext = extension(ext)?;

        Ok(Self(format!("generated/{id}/{index}-{digest}.{ext}")))
    }

    /// What we cut from it: `derived/<id>/<index>-<sha12>/<file>`, where the digest is that of the
    /// original and `file` is a name of the recipe with an extension.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] names the part that does not fit.
    pub fn derived(
        id: &impl fmt::Display,
        index: u32,
        sha256_hex: &str,
        file: &str,
    ) -> Result<Self, InvalidKey> {
        let id = token("id", id)?;
        let digest = short_digest(sha256_hex)?;
        let (recipe, ext) = file.rsplit_once('.').ok_or(InvalidKey::Extension)?;
        let recipe = token("recipe", &recipe)?;
        let ext = extension(ext)?;

        Ok(Self(format!(
            "derived/{id}/{index}-{digest}/{recipe}.{ext}"
        )))
    }

    /// What was handed in: `sources/<sha256>.<ext>`, so that the same bytes are kept once, whoever
    /// hands them in.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] names the part that does not fit.
    pub fn source(sha256_hex: &str, ext: &str) -> Result<Self, InvalidKey> {
        let digest = digest(sha256_hex)?;
        let ext = extension(ext)?;

        Ok(Self(format!("sources/{digest}.{ext}")))
    }

    /// Reads a key that came from outside, for example from a URL.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] says which part of the invariant is violated.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        if text.len() > MAX_KEY_BYTES {
            return Err(InvalidKey::TooLong);
        }
        let (prefix, rest) = text.split_once('/').ok_or(InvalidKey::Prefix)?;
        if !PREFIXES.contains(&prefix) {
            return Err(InvalidKey::Prefix);
        }
        if !rest.split('/').all(is_segment) {
            return Err(InvalidKey::Segment);
        }
        Ok(Self(text.to_owned()))
    }

    /// The key as text, as in a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The media type that the extension promises; `application/octet-stream` if it is none of ours.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        let extension = self
            .0
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension);
        match extension {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "webp" => "image/webp",
            "avif" => "image/avif",
            "gif" => "image/gif",
            "svg" => "image/svg+xml",
            "csv" => "text/csv; charset=utf-8",
            "json" => "application/json",
            "jsonl" => "application/jsonl",
            _ => "application/octet-stream",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

fn is_segment(segment: &str) -> bool {
    segment
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(is_token_byte))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn token(name: &'static str, value: &impl fmt::Display) -> Result<String, InvalidKey> {
    let value = value.to_string();
    if value.is_empty() || value.len() > MAX_TOKEN_BYTES || !value.bytes().all(is_token_byte) {
        return Err(InvalidKey::Token(name));
    }
    Ok(value)
}

fn short_digest(sha256_hex: &str) -> Result<&str, InvalidKey> {
    digest(sha256_hex)?
        .get(..SHORT_DIGEST_CHARS)
        .ok_or(InvalidKey::Digest)
}

fn digest(sha256_hex: &str) -> Result<&str, InvalidKey> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if sha256_hex.len() != DIGEST_CHARS || !sha256_hex.bytes().all(is_hex) {
        return Err(InvalidKey::Digest);
    }
    Ok(sha256_hex)
}

fn extension(ext: &str) -> Result<&str, InvalidKey> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    if ext.is_empty() || ext.len() > MAX_EXTENSION_BYTES || !ext.bytes().all(is_plain) {
        return Err(InvalidKey::Extension);
    }
    Ok(ext)
}
