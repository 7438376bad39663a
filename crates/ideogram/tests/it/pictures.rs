//! Requests with pictures, as the generator has them once they are in the store.

use std::io::Cursor;

use anyhow::Context;
use bytes::Bytes;
use domain::{Admission, Draft, Pinned, Request};
use ideogram::{Call, Polarity, Role};
use image::{ImageFormat, Rgba, RgbaImage};

/// The side of every picture here.
pub(crate) const SIDE: u32 = 256;

/// Where a picture comes from.
pub(crate) fn picture() -> String {
    "https://pictures.test/kite.png".to_owned()
}

/// The request that the draft asks for, with each picture pinned.
pub(crate) fn pinned(draft: &Draft) -> anyhow::Result<Request> {
    let mut request = draft.resolve(&Admission::of([]))?;
    for (field, source) in request.inputs.iter_mut() {
        source.pinned = Some(Pinned {
            key: format!("sources/{field}"),
            sha256: "0".repeat(64),
            format: "png".to_owned(),
            bytes: 2_000,
            width: SIDE,
            height: SIDE,
        });
    }
    Ok(request)
}

/// The bytes of each file that a call needs.
pub(crate) fn files(call: &Call) -> anyhow::Result<Vec<Bytes>> {
    let files = call.files().iter();
    files
        .map(|file| match (file.role, file.polarity) {
            (Role::Mask, polarity) => png(&mask(polarity.context("a mask without polarity")?)),
            (Role::CharacterMask, _) => png(&mask(Polarity::WhiteChanges)),
            _ => png(&RgbaImage::from_fn(SIDE, SIDE, |x, y| {
                Rgba([x as u8, y as u8, (x ^ y) as u8, 255])
            })),
        })
        .collect()
}

/// The left half is to be changed.
fn mask(polarity: Polarity) -> RgbaImage {
    let (change, keep) = match polarity {
        Polarity::BlackChanges => ([0, 0, 0, 255], [255; 4]),
        Polarity::WhiteChanges => ([255; 4], [0, 0, 0, 255]),
        Polarity::TransparentChanges => ([0; 4], [255; 4]),
    };
    RgbaImage::from_fn(SIDE, SIDE, |x, _| {
        Rgba(if x < SIDE / 2 { change } else { keep })
    })
}

pub(crate) fn png(image: &RgbaImage) -> anyhow::Result<Bytes> {
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    Ok(bytes.into())
}
