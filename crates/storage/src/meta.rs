use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// S3 takes 2 KiB of names and values; the others take more.
const MAX_BYTES: usize = 2048;
const MAX_NAME_BYTES: usize = 32;
const MAX_VALUE_BYTES: usize = 512;
/// Ends a value that was cut.
const CUT: &str = "…";
/// Beside all that is not ASCII. Spaces are: servers trim them.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// What is kept beside the bytes of an object: names and texts, in the order of the names.
///
/// In a bucket it is the object's own metadata, which travels as HTTP headers: each value is
/// percent-encoded there (UTF-8, RFC 3986), all but printable ASCII without `%`. In a folder it is a
/// file beside the object. Either way one gets back what was set.
///
/// Invariant: a name is a lower-case letter and up to 31 lower-case letters and digits, because S3
/// loses capitals, Azure wants an identifier, and proxies drop `_`. Encoded, a value has at most 512
/// bytes, and all names and values together 2,048, as S3 demands. What is too long is cut at a
/// character and ends in `…`: text beside a picture is no reason not to keep the picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Meta(BTreeMap<String, String>);

/// A name that [`Meta`] cannot keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name `{0}` must be a lower-case letter and up to 31 lower-case letters and digits")]
pub struct InvalidName(String);

impl Meta {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All of `fields`, what matters most first.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn of<'a>(
        fields: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Self, InvalidName> {
        let mut meta = Self::new();
        for (name, value) in fields {
            meta.set(name, &value)?;
        }
        Ok(meta)
    }

    /// Keeps `value` under `name`, instead of what was there; nothing, if it is empty. Set what
    /// matters most first: what no longer fits is cut, or left out if not even its name fits.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] says what a name looks like.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidName> {
        if !is_name(name) {
            return Err(InvalidName(name.to_owned()));
        }
        self.0.remove(name);
        let used = self.encoded().map(|(name, value)| name.len() + value.len());
        let left = MAX_BYTES.saturating_sub(used.sum::<usize>() + name.len());
        // Not every server takes a header without a value.
        if let Some(value) = cut(value, left.min(MAX_VALUE_BYTES)).filter(|value| !value.is_empty())
        {
            self.0.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// What is kept under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All names and what is kept under them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and values as HTTP headers carry them.
    pub(crate) fn encoded(&self) -> impl Iterator<Item = (&str, String)> {
        self.iter().map(|(name, value)| (name, encode(value)))
    }

    /// Reads what a bucket keeps. What others have added under names that are none of ours is passed
    /// over.
    pub(crate) fn decoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let fields = fields.into_iter().filter(|(name, _)| is_name(name));
        Self(
            fields
                .map(|(name, value)| (name.to_owned(), decode(value)))
                .collect(),
        )
    }

    /// The file that a folder keeps beside an object of this type.
    pub(crate) fn to_json(&self, content_type: &str) -> String {
        serde_json::json!({ "contentType": content_type, "metadata": self.0 }).to_string()
    }

    /// Reads such a file. One that was spoilt is as good as none: the picture beside it is whole.
    pub(crate) fn from_json(json: &[u8]) -> Self {
        let file: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
        let fields = file.get("metadata").and_then(|fields| fields.as_object());
        let fields = fields.into_iter().flatten().filter_map(|(name, value)| {
            let value = value.as_str()?;
            is_name(name).then(|| (name.clone(), value.to_owned()))
        });
        Self(fields.collect())
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// As much of `value` as has at most `limit` bytes when encoded; nothing if not even its end fits.
fn cut(value: &str, limit: usize) -> Option<String> {
    if encode(value).len() <= limit {
        return Some(value.to_owned());
    }
    let mut room = limit.checked_sub(encode(CUT).len())?;
    let kept = value.chars().map_while(|char| {
        room = room.checked_sub(encode(char.encode_utf8(&mut [0; 4])).len())?;
        Some(char)
    });
    Some(kept.chain(CUT.chars()).collect())
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// What is no UTF-8 becomes U+FFFD.
fn decode(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        /// Whatever one sets fits into a header of every store, and comes back as it was kept.
        #[test]
        fn what_is_kept_fits_and_comes_back(values in proptest::collection::vec(".{0,400}", 0..12)) {
            let mut meta = Meta::new();
            for (n, value) in values.iter().enumerate() {
                prop_assert_eq!(meta.set(&format!("name{n}"), value), Ok(()));
            }

            let encoded: Vec<_> = meta.encoded().collect();
            let size: usize = encoded.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(size <= MAX_BYTES);
            for (_, value) in &encoded {
                prop_assert!(value.len() <= MAX_VALUE_BYTES && !value.is_empty());
                prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            let fields = encoded.iter().map(|(name, value)| (*name, value.as_str()));
            prop_assert_eq!(&Meta::decoded(fields), &meta);
            prop_assert_eq!(&Meta::from_json(meta.to_json("image/png").as_bytes()), &meta);
            for (n, value) in values.iter().enumerate() {
                let kept = meta.get(&format!("name{n}")).unwrap_or_default();
                let cut = kept.strip_suffix(CUT);
                let is_start = cut.is_some_and(|start| value.starts_with(start));
                prop_assert!(value == kept || kept.is_empty() || is_start);
            }
        }
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() -> anyhow::Result<()> {
        let mut meta = Meta::new();
        meta.set("prompt", &"ü".repeat(512))?;
        meta.set("whole", &"a".repeat(MAX_VALUE_BYTES))?;

        // 9 of the 512 bytes are for the end, and each letter takes 6.
        let cut = format!("{}…", "ü".repeat(83));
        assert_eq!(meta.get("prompt"), Some(cut.as_str()));
        assert_eq!(meta.get("whole").map(str::len), Some(MAX_VALUE_BYTES));
        Ok(())
    }

    #[test]
    fn what_comes_first_is_kept_when_all_is_full() -> anyhow::Result<()> {
        let mut meta = Meta::new();
        for name in ["a", "b", "c", "d", "e"] {
            meta.set(name, &"x".repeat(MAX_VALUE_BYTES))?;
        }
        meta.set("a", "short")?;
        meta.set("b", "")?;

        assert_eq!(meta.get("a"), Some("short"));
        assert_eq!(meta.get("b"), None);
        let rest: Vec<usize> = ["c", "d", "e"]
            .iter()
            .filter_map(|name| meta.get(name).map(str::len))
            .collect();
        // After three of 513 bytes, 508 were left for `d`: 499 letters and the 9 bytes of its end.
        assert_eq!(rest, [512, 499 + CUT.len()]);
        Ok(())
    }

    #[test]
    fn names_that_some_store_would_change_are_refused() {
        for name in [
            "",
            "A",
            "camelCase",
            "snake_case",
            "kebab-case",
            "1st",
            "ü",
            &"a".repeat(33),
        ] {
            let refused = Meta::new().set(name, "value");

            assert_eq!(refused, Err(InvalidName(name.to_owned())));
        }
    }

    #[test]
    fn what_others_have_added_is_passed_over() {
        let found = Meta::decoded([
            ("generation", "gen_1"),
            ("s3cmd-attrs", "uid:1000"),
            ("broken", "100%zz"),
            ("latin1", "%FC"),
        ]);

        let found: Vec<_> = found.iter().collect();
        assert_eq!(
            found,
            [
                ("broken", "100%zz"),
                ("generation", "gen_1"),
                ("latin1", "\u{FFFD}")
            ]
        );
    }
}
