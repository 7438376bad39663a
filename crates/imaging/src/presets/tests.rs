use anyhow::Context as _;

use domain::PresetChoice;

use super::*;

const CARD: &str = "[card]\nwidth = 10\nheight = 20\nfit = \"cover\"\nformat = \"jpeg\"\n";

fn refusal(toml: &str) -> String {
    Presets::parse(toml).map_or_else(
        |err| err.to_string(),
        |presets| format!("accepted {presets:?}"),
    )
}

#[test]
fn the_builtin_presets_are_the_four_of_the_contract() {
    let presets = Presets::builtin();

    let sizes: Vec<_> = presets
        .iter()
        .map(|p| (p.name(), p.width(), p.height(), p.fit()))
        .collect();
    let expected = [
        ("instagram", 1080, 1080, Fit::Cover),
        ("og-image", 1200, 630, Fit::Cover),
        ("thumbnail", 400, 400, Fit::Inside),
        ("twitter-header", 1500, 500, Fit::Cover),
    ];
    assert_eq!(sizes, expected);
    assert!(
        presets
            .iter()
            .all(|p| p.encoding() == Encoding::Jpeg { quality: 80 })
    );
}

#[test]
fn gravity_is_a_name_or_a_point() -> anyhow::Result<()> {
    let gravity = |line: &str| -> anyhow::Result<_> {
        let presets = Presets::parse(&format!("{CARD}{line}"))?;
        Ok(presets.get("card").map(Preset::gravity))
    };

    assert_eq!(gravity("")?, Some(Gravity::CENTER));
    assert_eq!(
        gravity("gravity = \"southwest\"")?,
        Some(Gravity::Anchor { x: 0.0, y: 1.0 })
    );
    assert_eq!(gravity("gravity = \"text-safe\"")?, Some(Gravity::TextSafe));
    assert_eq!(
        gravity("gravity = { x = 0.25, y = 1 }")?,
        Some(Gravity::Focal { x: 0.25, y: 1.0 })
    );
    assert_eq!(
        gravity("gravity = \"0.25, 1\"")?,
        Some(Gravity::Focal { x: 0.25, y: 1.0 })
    );
    Ok(())
}

#[test]
fn a_refusal_names_the_preset_and_the_field_and_says_what_would_do() {
    let cases = [
        ("", "no preset is defined; add a table such as [og-image]"),
        ("a = 1", "preset `a`: must be a table of fields"),
        (
            "[\"a/b\"]",
            "preset `a/b`: a name has 1 to 40 of a-z, 0-9 and -",
        ),
        ("[a]\nheight = 1", "preset `a`: `width` is missing"),
        (
            "[a]\nwidth = \"1\"",
            "preset `a`: `width` must be a whole number from 1 to 4096",
        ),
        (
            "[a]\nwidth = 0",
            "preset `a`: `width` must be a whole number from 1 to 4096",
        ),
        (
            "[a]\nwidth = 1\nheight = 4097",
            "preset `a`: `height` must be a whole number from 1 to 4096",
        ),
        (
            "[a]\nwidth = 1\nheight = 1\nfit = \"fill\"",
            "preset `a`: `fit` must be one of cover, contain, extend, inside",
        ),
    ];
    for (toml, message) in cases {
        assert_eq!(refusal(toml), message);
    }

    let of_card = [
        ("widht = 3", "preset `card`: `widht` is not known here"),
        (
            "quality = 101",
            "preset `card`: `quality` must be a whole number from 1 to 100",
        ),
        (
            "gravity = { x = 2, y = 0 }",
            "preset `card`: `gravity` must be a name or a point such as 0.5,0.3 with both from 0 to 1",
        ),
        (
            "gravity = \"0.5\"",
            "preset `card`: `gravity` must be one of center, north, northeast, east, southeast, south, \
             southwest, west, northwest, attention, text-safe",
        ),
        (
            "gravity = \"0.5,nan\"",
            "preset `card`: `gravity` must be a name or a point such as 0.5,0.3 with both from 0 to 1",
        ),
    ];
    for (line, message) in of_card {
        assert_eq!(refusal(&format!("{CARD}{line}")), message);
    }
    assert_eq!(refusal("[a"), "the presets are not valid TOML");
}

#[test]
fn a_byte_budget_needs_a_quality_to_lower() -> anyhow::Result<()> {
    let budget = |toml: &str| -> anyhow::Result<_> {
        Ok(Presets::parse(toml)?
            .get("card")
            .and_then(Preset::max_bytes))
    };

    assert_eq!(budget(CARD)?, None);
    assert_eq!(budget(&format!("{CARD}max_bytes = 50000"))?, Some(50_000));
    assert_eq!(
        refusal(&format!("{CARD}max_bytes = 100")),
        "preset `card`: `max_bytes` must be a whole number from 4096 to 33554432"
    );
    assert_eq!(
        refusal(&format!("{}max_bytes = 50000", CARD.replace("jpeg", "png"))),
        "preset `card`: `max_bytes` is not known here"
    );
    Ok(())
}

#[test]
fn quality_means_nothing_to_png() {
    let toml = format!("{}quality = 80", CARD.replace("jpeg", "png"));
    assert_eq!(refusal(&toml), "preset `card`: `quality` is not known here");
}

fn card(lines: &str) -> anyhow::Result<Preset> {
    let presets = Presets::parse(&format!("{CARD}{lines}"))?;
    Ok(presets.get("card").context("no card")?.clone())
}

#[test]
fn overrides_change_what_they_name_and_nothing_else() -> anyhow::Result<()> {
    let base = card("quality = 60\nmax_bytes = 50000\ngravity = \"north\"")?;

    assert_eq!(base.with(&PresetChoice::default())?, base);
    let every = PresetChoice {
        preset: "card".to_owned(),
        width: Some(30),
        height: Some(40),
        fit: Some("extend".to_owned()),
        gravity: Some("0.25,1".to_owned()),
        format: Some("webp".to_owned()),
        quality: Some(70),
        max_bytes: Some(60_000),
    };
    let expected = Preset {
        name: "card".to_owned(),
        width: 30,
        height: 40,
        fit: Fit::Extend,
        gravity: Gravity::Focal { x: 0.25, y: 1.0 },
        encoding: Encoding::Webp { quality: 70 },
        max_bytes: Some(60_000),
    };
    assert_eq!(base.with(&every)?, expected);
    assert_ne!(base.version(), expected.version());
    Ok(())
}

#[test]
fn another_format_begins_with_its_default_quality() -> anyhow::Result<()> {
    let base = card("quality = 60\nmax_bytes = 50000")?;
    let format = |word: &str| PresetChoice {
        format: Some(word.to_owned()),
        ..PresetChoice::default()
    };

    assert_eq!(base.with(&format("jpeg"))?, base);
    let webp = base.with(&format("webp"))?;
    assert_eq!(webp.encoding(), Encoding::Webp { quality: 80 });
    assert_eq!(webp.max_bytes(), Some(50_000));
    let avif = base.with(&format("avif"))?;
    assert_eq!(avif.encoding(), Encoding::Avif { quality: 80 });
    let png = base.with(&format("png"))?;
    assert_eq!((png.encoding(), png.max_bytes()), (Encoding::Png, None));
    Ok(())
}

#[test]
fn a_refused_override_names_its_field() -> anyhow::Result<()> {
    let base = card("")?;
    let refused = |overrides: PresetChoice| match base.with(&overrides) {
        Ok(preset) => format!("accepted {preset:?}"),
        Err(err) => format!("{}: {err}", err.field().unwrap_or("no field")),
    };
    let none = PresetChoice::default();

    let cases = [
        (
            PresetChoice {
                width: Some(-1),
                ..none.clone()
            },
            "width: preset `card`: `width` must be a whole number from 1 to 4096",
        ),
        (
            PresetChoice {
                fit: Some("Cover".to_owned()),
                ..none.clone()
            },
            "fit: preset `card`: `fit` must be one of cover, contain, extend, inside",
        ),
        (
            PresetChoice {
                gravity: Some("0.5,2".to_owned()),
                ..none.clone()
            },
            "gravity: preset `card`: `gravity` must be a name or a point such as 0.5,0.3 with both from 0 to 1",
        ),
        (
            PresetChoice {
                format: Some("gif".to_owned()),
                ..none.clone()
            },
            "format: preset `card`: `format` must be one of jpeg, png, webp, avif",
        ),
        (
            PresetChoice {
                format: Some("png".to_owned()),
                quality: Some(80),
                ..none.clone()
            },
            "quality: preset `card`: `quality` is not known here",
        ),
        (
            PresetChoice {
                max_bytes: Some(i64::MAX),
                ..none
            },
            "max_bytes: preset `card`: `max_bytes` must be a whole number from 4096 to 33554432",
        ),
    ];
    for (overrides, message) in cases {
        assert_eq!(refused(overrides), message);
    }
    Ok(())
}

#[test]
fn an_avif_has_a_size_that_can_be_encoded() {
    let avif = |width: u32| {
        let toml = format!("[card]\nwidth = {width}\nheight = 1024\nfit = \"cover\"\n");
        refusal(&format!("{toml}format = \"avif\""))
    };

    assert!(avif(2048).starts_with("accepted"));
    assert_eq!(
        avif(2049),
        "preset `card`: `format` must be another than avif for more than 2097152 pixels"
    );
}
