//! Keys: what they look like, and that none leads out of the store.

use std::path::{Component, Path};

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use storage::{InvalidKey, Key};

const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

#[test]
fn keys_are_written_as_designed() -> anyhow::Result<()> {
    let generated = Key::generated(&"gen_01jd", 0, SHA, "png")?;
    let derived = Key::derived(&"gen_01jd", 3, SHA, "og-image-2.webp")?;

    assert_eq!(generated.as_str(), "generated/gen_01jd/0-9f86d081884c.png");
    assert_eq!(
        derived.as_str(),
        "derived/gen_01jd/3-9f86d081884c/og-image-2.webp"
    );
    let source = Key::source(SHA, "jpg")?;
    assert_eq!(source.as_str(), format!("sources/{SHA}.jpg"));
    for key in [generated, derived, source] {
        assert_eq!(Key::parse(key.as_str())?, key);
    }
    Ok(())
}

#[test]
fn a_part_that_does_not_fit_is_named() {
    let generated = |id: &str, sha: &str, ext: &str| Key::generated(&id, 0, sha, ext).err();
    let derived = |file: &str| Key::derived(&"gen_1", 0, SHA, file).err();
    let long = "a".repeat(65);

    for id in [
        "",
        ".",
        "..",
        "a/b",
        "a.b",
        "a b",
        "ä",
        "a\0",
        "a%2f",
        long.as_str(),
    ] {
        assert_eq!(
            generated(id, SHA, "png"),
            Some(InvalidKey::Token("id")),
            "{id:?}"
        );
        assert_eq!(
            derived(&format!("{id}.png")),
            Some(InvalidKey::Token("recipe")),
            "{id:?}"
        );
    }
    let upper = SHA.to_uppercase();
    for sha in [
        "",
        "9f86d081884c",
        &SHA.replace('9', "/"),
        &upper,
        &SHA.replace("9f", "é"),
    ] {
        assert_eq!(
            generated("gen_1", sha, "png"),
            Some(InvalidKey::Digest),
            "{sha:?}"
        );
        assert_eq!(Key::source(sha, "png"), Err(InvalidKey::Digest), "{sha:?}");
    }
    for ext in ["", "PNG", ".png", "p/g", "..", "p#1", "ninechars"] {
        assert_eq!(
            generated("gen_1", SHA, ext),
            Some(InvalidKey::Extension),
            "{ext:?}"
        );
        assert_eq!(Key::source(SHA, ext), Err(InvalidKey::Extension), "{ext:?}");
    }
    for file in ["og-image-2", "og-image-2.", "og-image-2.PNG"] {
        assert_eq!(derived(file), Some(InvalidKey::Extension), "{file:?}");
    }
}

#[test]
fn the_longest_key_that_can_be_made_can_be_read() -> anyhow::Result<()> {
    let token = "a".repeat(64);

    let key = Key::derived(&token, u32::MAX, SHA, &format!("{token}.abcdefgh"))?;

    assert_eq!(Key::parse(key.as_str())?, key);
    Ok(())
}

#[test]
fn a_text_that_is_no_key_is_refused() {
    let long = format!("sources/{}", "a".repeat(505));
    for (text, reason) in [
        ("", InvalidKey::Prefix),
        ("generated", InvalidKey::Prefix),
        ("/generated/a", InvalidKey::Prefix),
        ("Generated/a", InvalidKey::Prefix),
        ("secrets/a", InvalidKey::Prefix),
        ("../generated/a", InvalidKey::Prefix),
        (".darkroom", InvalidKey::Prefix),
        ("generated\\a", InvalidKey::Prefix),
        ("generated/", InvalidKey::Segment),
        ("generated/a/", InvalidKey::Segment),
        ("generated//a", InvalidKey::Segment),
        ("generated/.", InvalidKey::Segment),
        ("generated/..", InvalidKey::Segment),
        ("generated/../../etc/passwd", InvalidKey::Segment),
        ("generated/a/../b", InvalidKey::Segment),
        ("generated/...", InvalidKey::Segment),
        ("generated/a..b", InvalidKey::Segment),
        ("generated/.hidden", InvalidKey::Segment),
        ("generated/a.", InvalidKey::Segment),
        ("generated/a\\b", InvalidKey::Segment),
        ("generated/a\0", InvalidKey::Segment),
        ("generated/a\n", InvalidKey::Segment),
        ("generated/%2e%2e/a", InvalidKey::Segment),
        ("generated/a?b", InvalidKey::Segment),
        ("generated/a b", InvalidKey::Segment),
        ("generated/ä", InvalidKey::Segment),
        ("generated/C:", InvalidKey::Segment),
        // What a write that is not finished is called on a local disk.
        ("generated/gen_1/0-9f86d081884c.png#1", InvalidKey::Segment),
        (&long, InvalidKey::TooLong),
    ] {
        assert_eq!(Key::parse(text), Err(reason), "{text:?}");
    }
}

#[test]
fn the_extension_says_what_the_object_is() -> anyhow::Result<()> {
    for (key, content_type) in [
        ("generated/a/0-b.png", "image/png"),
        ("generated/a/0-b.jpg", "image/jpeg"),
        ("generated/a/0-b.jpeg", "image/jpeg"),
        ("derived/a/0-b/c-1.webp", "image/webp"),
        ("derived/a/0-b/c-1.avif", "image/avif"),
        ("batches/a.csv", "text/csv; charset=utf-8"),
        ("batches/a.jsonl", "application/jsonl"),
        ("batches/a.png.json", "application/json"),
        ("sources/a.html", "application/octet-stream"),
        ("sources/png", "application/octet-stream"),
        ("sources/a.png/b", "application/octet-stream"),
    ] {
        assert_eq!(Key::parse(key)?.content_type(), content_type, "{key}");
    }
    Ok(())
}

/// Texts that come close to keys, so that some of them are.
fn almost_keys() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "generated|derived|sources|batches",
        "[A-Za-z0-9_.-]{1,6}",
        r"\.\.|\.|/|//|\\|%2e%2e|%2f|\x00|~|#1|C:|é|．．",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(part, 1..8).prop_map(|parts| parts.join("/"))
}

proptest! {
    #[test]
    fn no_key_leads_out_of_the_store(text in prop_oneof![almost_keys(), any::<String>()]) {
        let Ok(key) = Key::parse(&text) else {
            return Ok(());
        };

        prop_assert_eq!(key.as_str(), &text);
        let path = Path::new(key.as_str());
        prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
        prop_assert_eq!(path.components().count(), text.split('/').count());
        // Names are taken literally everywhere: no byte of a key has a meaning in a URL.
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte)));
    }

    #[test]
    fn what_is_made_of_tokens_is_a_key(
        prefix in "generated|derived|sources|batches",
        rest in proptest::collection::vec("[A-Za-z0-9_-]{1,20}(\\.[a-z0-9]{1,4})?", 1..5),
    ) {
        let text = format!("{prefix}/{}", rest.join("/"));

        prop_assert!(Key::parse(&text).is_ok(), "{}", text);
    }
}
