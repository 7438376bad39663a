//! The marks in the files, found by scanners that know the containers and nothing of our writers.

mod exiftool;
mod samples;

use std::borrow::Cow;

use anyhow::{Context, Result};
use exiftool::Tags;
use imaging::{Limits, Picture, Preset, cut, decode};

const FORMATS: [&str; 4] = ["jpeg", "png", "webp", "avif"];

const SOURCE_TYPE: &str = "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>";

fn cut_bytes(picture: &Picture, preset: &Preset) -> Result<Vec<u8>> {
    Ok(cut(picture, preset, &samples::provenance()?)?.bytes)
}

fn png_preset() -> Result<Preset> {
    samples::custom("width=64\nheight=64\nfit=\"cover\"\nformat=\"png\"")
}

fn webp_preset() -> Result<Preset> {
    samples::custom("width=64\nheight=64\nfit=\"cover\"\nformat=\"webp\"")
}

/// The data of all APP segments of a number.
fn app_segments(jpeg: &[u8], number: u8) -> Vec<&[u8]> {
    let (mut at, mut found) = (2, Vec::new());
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4)
        && marker != 0xda
    {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == 0xe0 + number {
            found.push(&jpeg[at + 4..end]);
        }
        at = end;
    }
    found
}

/// The data of the first chunk of a kind.
fn png_chunk<'a>(png: &'a [u8], kind: &[u8]) -> Option<&'a [u8]> {
    let mut at = 8;
    while let Some(length) = png.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        if &png[at + 4..at + 8] == kind {
            return Some(&png[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    None
}

fn assert_marked(xmp: &str) {
    assert!(xmp.contains(SOURCE_TYPE));
    assert!(xmp.contains("<xmp:CreatorTool>Ideogram V_3</xmp:CreatorTool>"));
    assert!(xmp.contains("<xmp:CreateDate>2026-01-02T03:04:05Z</xmp:CreateDate>"));
    assert!(xmp.contains("<dc:identifier>gen_01</dc:identifier>"));
    assert!(xmp.contains("a &lt;red&gt; kite &amp; dunes"));
}

#[test]
fn a_jpeg_carries_its_origin_in_app1() -> Result<()> {
    let picture = decode(&samples::rgb_png(64, 64)?, &Limits::default())?;
    let bytes = cut_bytes(&picture, &samples::preset("instagram")?)?;

    let segments = app_segments(&bytes, 1);
    let [segment] = segments[..] else {
        anyhow::bail!("{} APP1 segments", segments.len())
    };
    let xmp = segment
        .strip_prefix(b"http://ns.adobe.com/xap/1.0/\0")
        .context("not XMP")?;
    assert_marked(std::str::from_utf8(xmp)?);
    Ok(())
}

#[test]
fn a_png_carries_its_origin_in_itxt() -> Result<()> {
    let picture = decode(&samples::rgb_png(64, 64)?, &Limits::default())?;
    let bytes = cut_bytes(&picture, &png_preset()?)?;

    let chunk = png_chunk(&bytes, b"iTXt").context("no iTXt chunk")?;
    let xmp = chunk
        .strip_prefix(b"XML:com.adobe.xmp\0\0\0\0\0")
        .context("not plain XMP")?;
    assert_marked(std::str::from_utf8(xmp)?);
    Ok(())
}

#[test]
fn a_webp_carries_its_origin_in_an_xmp_chunk() -> Result<()> {
    let picture = decode(&samples::rgb_png(65, 63)?, &Limits::default())?;
    let bytes = cut_bytes(&picture, &webp_preset()?)?;

    // The decoder of the `image` crate reads the chunk on its own.
    let reader = std::io::Cursor::new(&bytes);
    let mut decoder = image::codecs::webp::WebPDecoder::new(reader)?;
    let xmp = image::ImageDecoder::xmp_metadata(&mut decoder)?.context("no XMP")?;
    assert_marked(std::str::from_utf8(&xmp)?);
    Ok(())
}

/// A profile of sRGB's kind. Its own length comes first; exiftool reads none that lies about it.
fn profile() -> Vec<u8> {
    let mut profile = vec![0; 600];
    profile[..4].copy_from_slice(&600u32.to_be_bytes());
    profile[16..20].copy_from_slice(b"RGB ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[128..160].copy_from_slice(b"\0\0\0\x01cprt\0\0\0\x90\0\0\0\x10text\0\0\0\0nobody\0\0");
    profile
}

fn preset_for(format: &str) -> Result<Preset> {
    samples::custom(&format!(
        "width=64\nheight=48\nfit=\"cover\"\nformat=\"{format}\""
    ))
}

#[test]
fn an_independent_reader_finds_the_marks_in_every_format() -> Result<()> {
    if exiftool::is_missing() {
        return Ok(());
    }
    let mut info = png::Info::with_size(64, 64);
    info.color_type = png::ColorType::Rgba;
    info.icc_profile = Some(Cow::Owned(profile()));
    let pixels = (0..64 * 64).flat_map(|at: u32| [at as u8, 90, 9, (at / 64 * 4) as u8]);
    let clear = samples::png_with(info.clone(), &pixels.collect::<Vec<u8>>())?;
    info.color_type = png::ColorType::Rgb;
    let opaque = samples::png_with(info, &samples::marked(64, 64))?;

    for source in [opaque, clear] {
        let picture = decode(&source, &Limits::default())?;
        for format in FORMATS {
            let cut = cut(&picture, &preset_for(format)?, &samples::provenance()?)?;
            let tags = Tags::read(&cut.bytes)?;
            tags.check_marks().context(format)?;
            let kind = cut.format.extension().to_uppercase();
            assert!(
                tags.has("File FileType", &kind.replace("JPG", "JPEG")),
                "{tags:?}"
            );
            assert!(tags.has("Composite ImageSize", "64x48"), "{tags:?}");
            assert!(tags.has("ICC-header ColorSpaceData", "RGB"), "{tags:?}");
            assert!(
                tags.has("ICC_Profile ProfileCopyright", "nobody"),
                "{tags:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn where_a_photograph_was_taken_stays_behind_in_every_format() -> Result<()> {
    if exiftool::is_missing() {
        return Ok(());
    }
    // Big-endian TIFF with one entry, which leads to another directory: the latitude is north.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0\
        \0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0";
    let jpeg = samples::jpeg(64, 64, false)?;
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let tracked = [&jpeg[..2], &[0xff, 0xe1], &length, exif, &jpeg[2..]].concat();
    assert!(Tags::read(&tracked)?.has("GPS GPSLatitudeRef", "North"));

    let picture = decode(&tracked, &Limits::default())?;
    for format in FORMATS {
        let tags = Tags::read(&cut_bytes(&picture, &preset_for(format)?)?)?;
        tags.check_marks().context(format)?;
        for group in ["GPS", "IFD0", "ExifIFD"] {
            assert!(!tags.has_any(group), "{format}: {tags:?}");
        }
    }
    Ok(())
}

#[test]
fn an_rgb_profile_is_kept_and_any_other_dropped() -> Result<()> {
    for (space, kept) in [(b"RGB ", true), (b"GRAY", false), (b"CMYK", false)] {
        let mut profile = vec![7; 600];
        profile[16..20].copy_from_slice(space);
        let mut info = png::Info::with_size(32, 32);
        info.color_type = png::ColorType::Rgb;
        info.icc_profile = Some(Cow::Owned(profile.clone()));
        let source = samples::png_with(info, &samples::marked(32, 32))?;
        let picture = decode(&source, &Limits::default())?;

        let jpeg = cut_bytes(&picture, &samples::preset("thumbnail")?)?;
        let carried = app_segments(&jpeg, 2)
            .iter()
            .any(|segment| segment.ends_with(&profile));
        assert_eq!(carried, kept);
        let png = cut_bytes(&picture, &png_preset()?)?;
        assert_eq!(png_chunk(&png, b"iCCP").is_some(), kept);
    }
    Ok(())
}

#[test]
fn exif_of_the_source_turns_the_picture_and_stays_behind() -> Result<()> {
    let jpeg = samples::jpeg(60, 30, false)?;
    // Big-endian TIFF with one entry: orientation (0x0112), a short, 6 = turn by 90 degrees.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let turned = [&jpeg[..2], &[0xff, 0xe1], &length, exif, &jpeg[2..]].concat();

    let picture = decode(&turned, &Limits::default())?;
    assert_eq!((picture.width(), picture.height()), (30, 60));
    let bytes = cut_bytes(&picture, &samples::preset("thumbnail")?)?;
    assert!(!bytes.windows(4).any(|window| window == b"Exif"));
    Ok(())
}
