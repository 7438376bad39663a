//! Files that are handed out as they came: marked without touching a pixel, unless they are signed.

mod exiftool;
mod samples;

use std::borrow::Cow;

use anyhow::{Context, Result, ensure};
use exiftool::Tags;
use imaging::{Error, Limits, Provenance, cut, decode, verify_whole, with_provenance};

const MARK: &[u8] = b"Iptc4xmpExt:DigitalSourceType";

fn count(bytes: &[u8], mark: &[u8]) -> usize {
    bytes
        .windows(mark.len())
        .filter(|window| *window == mark)
        .count()
}

fn marked(bytes: &[u8]) -> Result<Vec<u8>> {
    match with_provenance(bytes, &samples::provenance()?)? {
        Cow::Owned(marked) => Ok(marked),
        Cow::Borrowed(_) => anyhow::bail!("left as it is"),
    }
}

fn cut_to(format: &str, source: &[u8]) -> Result<Vec<u8>> {
    let picture = decode(source, &Limits::default())?;
    let preset = samples::custom(&format!(
        "width=60\nheight=41\nfit=\"cover\"\nformat=\"{format}\""
    ))?;
    Ok(cut(&picture, &preset, &samples::provenance()?)?.bytes)
}

/// Files of all formats that we read, with and without metadata of their own.
fn originals() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let png = samples::rgb_png(61, 40)?;
    let jpeg = samples::jpeg(61, 40, false)?;
    let clear = samples::png(
        61,
        40,
        png::ColorType::Rgba,
        png::BitDepth::Eight,
        &[90; 61 * 40 * 4],
    )?;
    let exif = [
        b"\xff\xe1\0\x16Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0".as_slice(),
        &jpeg[2..],
    ]
    .concat();
    let mut lossless_clear = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut lossless_clear).encode(
        &[90; 61 * 40 * 4],
        61,
        40,
        image::ExtendedColorType::Rgba8,
    )?;
    Ok(vec![
        ("a png with a packet", cut_to("png", &png)?),
        ("a jpeg with a packet", cut_to("jpeg", &png)?),
        (
            "a jpeg without JFIF but with Exif",
            [&jpeg[..2], &exif].concat(),
        ),
        ("a progressive jpeg", samples::jpeg(61, 40, true)?),
        ("an extended webp", cut_to("webp", &png)?),
        ("an extended webp with alpha", cut_to("webp", &clear)?),
        ("a webp without loss", samples::webp(61, 40)?),
        ("a webp without loss, with alpha", lossless_clear),
        (
            "a png that is a zip as well",
            [&png, b"PK\x03\x04".as_slice()].concat(),
        ),
        ("a png", png),
        ("a jpeg", jpeg),
    ])
}

#[test]
fn an_original_is_marked_and_its_pixels_stay() -> Result<()> {
    if exiftool::is_missing() {
        return Ok(());
    }
    for (name, original) in originals()? {
        let marked = marked(&original).context(name)?;

        let [before, after] = [&original, &marked].map(|file| decode(file, &Limits::default()));
        let (before, after) = (before?, after?);
        ensure!(
            before.pixels() == after.pixels() && before.has_alpha() == after.has_alpha(),
            name
        );
        ensure!(verify_whole(&original)? == verify_whole(&marked)?, name);
        let tags = Tags::read(&marked)?;
        tags.check_marks().context(name)?;
        let complaints = Tags::read(&original)?.complaints();
        ensure!(tags.complaints() == complaints, "{name}: {tags:?}");
    }
    Ok(())
}

#[test]
fn there_is_one_packet_however_often_a_file_is_marked() -> Result<()> {
    for (name, original) in originals()? {
        let once = marked(&original).context(name)?;
        ensure!(
            count(&once, MARK) == 2,
            "{name}: one element begins and ends"
        );
        ensure!(marked(&once)? == once, name);
    }
    Ok(())
}

#[test]
fn packets_under_other_names_are_replaced_and_other_metadata_stays() -> Result<()> {
    let mut info = png::Info::with_size(8, 8);
    info.color_type = png::ColorType::Rgb;
    for keyword in ["Raw profile type xmp", "Comment"] {
        let text = png::text_metadata::ZTXtChunk::new(keyword, "old words");
        info.compressed_latin1_text.push(text);
    }
    let marked = marked(&samples::png_with(info, &[0; 192])?)?;

    assert_eq!(count(&marked, b"Raw profile type xmp"), 0);
    assert_eq!(count(&marked, b"Comment\0\0"), 1);
    Ok(())
}

#[test]
fn the_rest_of_a_jpeg_of_two_packets_and_a_profile_stays() -> Result<()> {
    let segment = |marker: u8, data: &[u8]| {
        [
            &[0xff, marker],
            &(data.len() as u16 + 2).to_be_bytes()[..],
            data,
        ]
        .concat()
    };
    let jpeg = samples::jpeg(61, 40, false)?;
    let old = segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<old/>");
    let more = segment(0xe1, b"http://ns.adobe.com/xmp/extension/\0<old/>");
    let profile = segment(0xe2, b"ICC_PROFILE\0\x01\x01 words");
    let front = [&jpeg[..2], &old, &profile, &more].concat();
    let marked = marked(&[&front, &jpeg[2..]].concat())?;

    assert_eq!(count(&marked, b"<old/>"), 0);
    assert_eq!(count(&marked, &profile), 1);
    Ok(())
}

#[test]
fn the_longest_prompt_fits() -> Result<()> {
    if exiftool::is_missing() {
        return Ok(());
    }
    let provenance = Provenance {
        prompt: Some("<".repeat(100_000)),
        ..samples::provenance()?
    };
    for (name, original) in originals()? {
        let marked = with_provenance(&original, &provenance).context(name)?;
        let tags = Tags::read(&marked)?;
        ensure!(
            tags.has("XMP-iptcExt AIPromptInformation", &"<".repeat(12_000)),
            name
        );
    }
    Ok(())
}

#[test]
fn what_is_no_whole_image_is_not_marked() -> Result<()> {
    let provenance = samples::provenance()?;
    for (name, original) in originals()? {
        for at in 0..original.len() {
            let mut broken = original.clone();
            broken[at] ^= 0x40;
            // Any answer will do, as long as it is one.
            let _answer = with_provenance(&broken, &provenance);
        }
        let half = with_provenance(&original[..original.len() / 2], &provenance);
        ensure!(half.is_err(), name);
    }
    assert!(matches!(
        with_provenance(b"GIF89a", &provenance),
        Err(Error::UnknownFormat)
    ));
    Ok(())
}

/// A manifest store without a manifest: a box with one that describes it.
fn store() -> Vec<u8> {
    let about = b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0";
    let about = [
        &(about.len() as u32 + 8).to_be_bytes(),
        b"jumd".as_slice(),
        about,
    ]
    .concat();
    [
        &(about.len() as u32 + 8).to_be_bytes(),
        b"jumb".as_slice(),
        &about,
    ]
    .concat()
}

/// Files that carry one, as C2PA 2.1 says in its annex on embedding.
fn signed() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let store = store();
    let png = samples::rgb_png(61, 40)?;
    let chunk = [b"caBX".as_slice(), &store].concat();
    let crc = crc32fast::hash(&chunk).to_be_bytes();
    let chunk = [&(store.len() as u32).to_be_bytes(), chunk.as_slice(), &crc].concat();

    let jpeg = samples::jpeg(61, 40, false)?;
    let piece = [b"JP\0\x01\0\0\0\x01".as_slice(), &store].concat();
    let length = (piece.len() as u16 + 2).to_be_bytes();

    let mut webp = cut_to("webp", &png)?;
    webp.extend(
        [
            b"C2PA".as_slice(),
            &(store.len() as u32).to_le_bytes(),
            &store,
        ]
        .concat(),
    );
    webp.extend(vec![0; store.len() % 2]);
    let riff = (webp.len() as u32 - 8).to_le_bytes();
    webp[4..8].copy_from_slice(&riff);

    let uuid =
        b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81\0\0\0\0manifest\0";
    let length_of_box = ((8 + uuid.len() + 8 + store.len()) as u32).to_be_bytes();
    let part = [&length_of_box, b"uuid".as_slice(), uuid, &[0; 8], &store].concat();
    Ok(vec![
        ("avif", [cut_to("avif", &png)?, part].concat()),
        (
            "jpeg",
            [&jpeg[..2], &[0xff, 0xeb], &length, &piece, &jpeg[2..]].concat(),
        ),
        ("png", [&png[..33], &chunk, &png[33..]].concat()),
        ("webp", webp),
    ])
}

#[test]
fn a_file_with_a_manifest_is_known_and_left_as_it_is() -> Result<()> {
    if exiftool::is_missing() {
        return Ok(());
    }
    let provenance = samples::provenance()?;
    for (format, file) in signed()? {
        ensure!(verify_whole(&file)?.content_credentials, format);
        let handed_out = with_provenance(&file, &provenance)?;
        ensure!(
            matches!(handed_out, Cow::Borrowed(same) if same == file),
            format
        );
    }
    for (name, original) in originals()? {
        ensure!(!verify_whole(&original)?.content_credentials, name);
    }
    // The sample is what it is meant to be, as far as exiftool knows such boxes.
    for (format, file) in signed()? {
        if ["jpeg", "png"].contains(&format) {
            ensure!(Tags::read(&file)?.has("JUMBF JUMDLabel", "c2pa"), format);
        }
    }
    Ok(())
}

#[test]
fn other_boxes_in_a_jpeg_are_no_manifest() -> Result<()> {
    let (_, mut jpeg) = signed()?.swap_remove(1);
    let at = jpeg
        .windows(8)
        .position(|window| window.starts_with(b"jumdc2pa"))
        .context("no box")?;
    jpeg[at + 4..at + 8].copy_from_slice(b"json");

    assert!(!verify_whole(&jpeg)?.content_credentials);
    Ok(())
}

#[test]
fn a_cut_says_that_its_source_had_a_manifest() -> Result<()> {
    if exiftool::is_missing() {
        return Ok(());
    }
    for (source, file) in signed()?.split_off(1) {
        for format in ["jpeg", "png", "webp", "avif"] {
            let bytes = cut_to(format, &file)?;
            ensure!(
                !verify_whole(&bytes)?.content_credentials,
                "{source} to {format}"
            );
            let tags = Tags::read(&bytes)?;
            tags.check_marks()
                .with_context(|| format!("{source} to {format}"))?;
            for (tag, value) in [
                ("XMP-xmpMM DerivedFromDocumentID", "gen_01"),
                ("XMP-xmpMM HistoryAction", "derived"),
                (
                    "XMP-xmpMM HistoryParameters",
                    "Content Credentials (a C2PA manifest)",
                ),
            ] {
                ensure!(tags.has(tag, value), "{source} to {format}: {tags:?}");
            }
        }
    }
    ensure!(!Tags::read(&cut_to("png", &samples::rgb_png(61, 40)?)?)?.has_any("XMP-xmpMM"));
    Ok(())
}
