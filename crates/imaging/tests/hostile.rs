//! Broken, lying and hostile files: each is an error, and none a panic.

mod samples;

use anyhow::Result;
use imaging::{Error, Format, Info, Limits, cut, decode, inspect, verify_whole};

/// A PNG chunk around `data`, with its CRC.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let covered = [kind.as_slice(), data].concat();
    let length = (data.len() as u32).to_be_bytes();
    let crc = crc32fast::hash(&covered).to_be_bytes();
    [length.as_slice(), &covered, &crc].concat()
}

/// Puts a chunk behind the `IHDR` of a PNG.
fn with_chunk(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&png[..33], &chunk(kind, data), &png[33..]].concat()
}

/// The PNG with another size in its header, and a CRC that fits.
fn resized(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut header = png[16..29].to_vec();
    header[..4].copy_from_slice(&width.to_be_bytes());
    header[4..8].copy_from_slice(&height.to_be_bytes());
    [&png[..8], &chunk(b"IHDR", &header), &png[33..]].concat()
}

fn whole() -> Result<[Vec<u8>; 4]> {
    Ok([
        samples::rgb_png(320, 240)?,
        samples::jpeg(320, 240, false)?,
        samples::jpeg(320, 240, true)?,
        samples::webp(320, 240)?,
    ])
}

#[test]
fn whole_images_pass_and_tell_their_size() -> Result<()> {
    let formats = [Format::Png, Format::Jpeg, Format::Jpeg, Format::Webp];
    for (bytes, format) in whole()?.iter().zip(formats) {
        let expected = Info {
            format,
            width: 320,
            height: 240,
            content_credentials: false,
        };
        assert_eq!(verify_whole(bytes)?, expected);
        assert_eq!(inspect(bytes, &Limits::default())?, expected);
    }
    Ok(())
}

#[test]
fn every_truncation_is_an_error() -> Result<()> {
    for bytes in whole()? {
        // The beginning is cut at every byte, where the headers are, then with a prime stride.
        let cuts = (0..700)
            .chain((700..bytes.len()).step_by(997))
            .chain([bytes.len() - 1]);
        for at in cuts.filter(|at| *at < bytes.len()) {
            assert!(
                verify_whole(&bytes[..at]).is_err(),
                "{at} of {}",
                bytes.len()
            );
            assert!(
                decode(&bytes[..at], &Limits::default()).is_err(),
                "{at} of {}",
                bytes.len()
            );
        }
    }
    Ok(())
}

#[test]
fn a_header_is_enough_to_inspect() -> Result<()> {
    for bytes in whole()? {
        let info = inspect(&bytes[..bytes.len().min(700)], &Limits::default())?;
        assert_eq!((info.width, info.height), (320, 240));
    }
    Ok(())
}

#[test]
fn a_flipped_bit_never_panics_and_never_passes_in_a_png() -> Result<()> {
    let preset = samples::preset("thumbnail")?;
    let provenance = samples::provenance()?;
    for (index, bytes) in whole()?.into_iter().enumerate() {
        for at in (12..bytes.len()).step_by(bytes.len() / 300 + 1) {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << (at % 8);
            let decoded = decode(&broken, &Limits::default());
            assert!(index != 0 || decoded.is_err(), "flipped at {at}");
            if let Ok(picture) = decoded {
                cut(&picture, &preset, &provenance)?;
            }
        }
    }
    Ok(())
}

#[test]
fn other_formats_are_refused_by_their_magic() {
    for bytes in [
        b"".as_slice(),
        b"GIF89a\x01\0\x01\0",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BM",
    ] {
        assert!(matches!(verify_whole(bytes), Err(Error::UnknownFormat)));
        assert!(matches!(
            decode(bytes, &Limits::default()),
            Err(Error::UnknownFormat)
        ));
    }
}

#[test]
fn huge_sizes_in_a_header_are_refused_before_decoding() -> Result<()> {
    let png = samples::rgb_png(8, 8)?;
    for (width, height) in [
        (u32::MAX, u32::MAX),
        (65_535, 8),
        (8, 8193),
        (8192, 8192),
        (0, 8),
        (8, 0),
    ] {
        let bomb = resized(&png, width, height);
        assert!(
            matches!(inspect(&bomb, &Limits::default()), Err(Error::Size { .. })),
            "{width}x{height}"
        );
        assert!(
            matches!(decode(&bomb, &Limits::default()), Err(Error::Size { .. })),
            "{width}x{height}"
        );
    }
    // Within the limits of size, but the pixels are not there.
    assert!(matches!(
        decode(&resized(&png, 4096, 4096), &Limits::default()),
        Err(Error::DecodePng(_))
    ));
    Ok(())
}

#[test]
fn memory_is_refused_by_estimate() -> Result<()> {
    let limits = Limits {
        max_alloc: 9 << 20,
        ..Limits::default()
    };
    for bytes in [
        samples::rgb_png(1024, 1024)?,
        samples::jpeg(1024, 1024, true)?,
        samples::webp(1024, 1024)?,
    ] {
        assert!(matches!(decode(&bytes, &limits), Err(Error::Memory { .. })));
    }
    Ok(())
}

#[test]
fn a_png_that_lies_about_its_structure_is_refused() -> Result<()> {
    let png = samples::rgb_png(8, 8)?;
    let no_pixels = [&png[..33], &chunk(b"IEND", b"")].concat();
    assert!(matches!(
        verify_whole(&no_pixels),
        Err(Error::Malformed { .. })
    ));

    let endless = [&png[..33], &[0xff; 8]].concat();
    assert!(matches!(
        verify_whole(&endless),
        Err(Error::Malformed { .. })
    ));

    let mut wrong_crc = png;
    wrong_crc[50] ^= 1;
    assert!(matches!(
        verify_whole(&wrong_crc),
        Err(Error::Malformed { .. })
    ));
    Ok(())
}

#[test]
fn a_webp_whose_picture_outgrows_its_canvas_is_refused() -> Result<()> {
    let webp = samples::webp(320, 240)?;
    let canvas = [b"VP8X\x0a\0\0\0".as_slice(), &[0; 4], &[9, 0, 0, 9, 0, 0]].concat();
    let length = (webp.len() - 8 + canvas.len()) as u32;
    let lying = [
        b"RIFF".as_slice(),
        &length.to_le_bytes(),
        b"WEBP",
        &canvas,
        &webp[12..],
    ]
    .concat();

    assert!(matches!(verify_whole(&lying), Err(Error::Malformed { .. })));
    Ok(())
}

#[test]
fn moving_pictures_are_whole_but_not_decoded() -> Result<()> {
    let animated = with_chunk(&samples::rgb_png(8, 8)?, b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]);

    assert!(verify_whole(&animated).is_ok());
    assert!(matches!(
        decode(&animated, &Limits::default()),
        Err(Error::Animated {
            format: Format::Png
        })
    ));
    Ok(())
}

#[test]
fn bytes_behind_the_end_and_broken_metadata_change_nothing() -> Result<()> {
    let png = samples::rgb_png(64, 64)?;
    let plain = decode(&png, &Limits::default())?;
    let trailing = [png.as_slice(), b"PK\x03\x04 and more"].concat();
    let noisy = with_chunk(
        &with_chunk(&png, b"zTXt", b"no zlib"),
        b"iTXt",
        &[0xff; 100],
    );
    let noisy = with_chunk(&noisy, b"eXIf", b"MM\0*GPS");

    for bytes in [trailing, noisy] {
        assert!(decode(&bytes, &Limits::default())?.pixels() == plain.pixels());
    }
    Ok(())
}

#[test]
fn segments_of_a_jpeg_cannot_hide_its_end() -> Result<()> {
    let jpeg = samples::jpeg(64, 64, false)?;
    // A thumbnail inside APP1 has an end-of-image marker of its own.
    let thumbnail = [&[0xff, 0xe1, 0x00, 0x08][..], b"Exif\xff\xd9"].concat();
    let nested = [&jpeg[..2], &thumbnail, &jpeg[2..]].concat();

    assert!(verify_whole(&nested).is_ok());
    assert!(matches!(
        verify_whole(&nested[..nested.len() - 2]),
        Err(Error::Truncated { .. })
    ));
    Ok(())
}

#[test]
fn a_jpeg_with_a_scan_for_each_component_is_refused_rather_than_discoloured() -> Result<()> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(
        &samples::marked(64, 64),
        64,
        64,
        jpeg_encoder::ColorType::Rgb,
    )?;

    assert!(verify_whole(&bytes).is_ok());
    assert!(matches!(
        decode(&bytes, &Limits::default()),
        Err(Error::Unsupported { .. })
    ));
    Ok(())
}
