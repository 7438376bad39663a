//! AVIF as a container, read by a scanner that knows the boxes and nothing of our writer. That players
//! decode them was seen with `avifdec` of libavif.

mod samples;

use anyhow::{Context, Result, ensure};
use imaging::{Cut, Error, Format, Limits, cut, decode, inspect, verify_whole, with_provenance};

/// The kinds and data of the boxes in `bytes`, which must be made of nothing else.
fn boxes(mut bytes: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    let mut found = Vec::new();
    while let Some(length) = bytes.first_chunk() {
        let (part, rest) = bytes
            .split_at_checked(u32::from_be_bytes(*length) as usize)
            .context("a box ends behind its parent")?;
        found.push((part.get(4..8).context("no kind")?, &part[8..]));
        bytes = rest;
    }
    ensure!(bytes.is_empty(), "{} bytes too many", bytes.len());
    Ok(found)
}

fn child<'a>(bytes: &'a [u8], kind: &[u8]) -> Result<&'a [u8]> {
    let found: Vec<_> = boxes(bytes)?
        .into_iter()
        .filter(|part| part.0 == kind)
        .collect();
    let [(_, data)] = found[..] else {
        anyhow::bail!("{} of {}", found.len(), String::from_utf8_lossy(kind));
    };
    Ok(data)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> usize {
    usize::from(short(bytes, at)) << 16 | usize::from(short(bytes, at + 2))
}

/// Its id, kind and bytes.
type Item<'a> = (u16, Vec<u8>, &'a [u8]);

/// What the file has of each item.
fn items(file: &[u8]) -> Result<Vec<Item<'_>>> {
    let meta = &child(file, b"meta")?[4..];
    let (places, entries) = (child(meta, b"iloc")?, child(meta, b"iinf")?);
    let entries = boxes(&entries[6..])?;
    ensure!(
        entries.len() == usize::from(short(child(meta, b"iinf")?, 4)),
        "iinf miscounts"
    );
    ensure!(
        places.len() == 8 + 14 * usize::from(short(places, 6)),
        "iloc miscounts"
    );
    let item = |place: &[u8]| -> Result<_> {
        let id = short(place, 0);
        let of_item = |(_, data): &&(&[u8], &[u8])| short(data, 4) == id;
        let (_, entry) = entries
            .iter()
            .find(of_item)
            .context("an item without an entry")?;
        let (start, length) = (long(place, 6), long(place, 10));
        let data = file
            .get(start..start + length)
            .context("an item outside of the file")?;
        Ok((id, entry[8..].to_vec(), data))
    };
    places[8..].chunks(14).map(item).collect()
}

fn sample(alpha: bool, profile: Option<Vec<u8>>, lines: &str) -> Result<Cut> {
    let mut info = png::Info::with_size(80, 60);
    info.color_type = if alpha {
        png::ColorType::Rgba
    } else {
        png::ColorType::Rgb
    };
    info.icc_profile = profile.map(Into::into);
    let mut pixels = samples::marked(80, 60);
    if alpha {
        pixels = pixels
            .chunks(3)
            .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], rgb[2]])
            .collect();
    }
    let picture = decode(&samples::png_with(info, &pixels)?, &Limits::default())?;
    let preset = format!("width=64\nheight=64\nfit=\"contain\"\nformat=\"avif\"\n{lines}");
    Ok(cut(
        &picture,
        &samples::custom(&preset)?,
        &samples::provenance()?,
    )?)
}

#[test]
fn every_item_is_where_the_file_says_and_the_packet_describes_the_picture() -> Result<()> {
    for (alpha, profile) in [
        (false, None),
        (
            true,
            Some([[7; 16].as_slice(), b"RGB ", &[7; 500]].concat()),
        ),
    ] {
        let file = sample(alpha, profile.clone(), "")?.bytes;
        let meta = &child(&file, b"meta")?[4..];
        let picture = short(child(meta, b"pitm")?, 4);

        let items = items(&file)?;
        ensure!(items.len() == if alpha { 3 } else { 2 });
        let (packets, planes): (Vec<_>, Vec<_>) = items
            .iter()
            .partition(|(_, kind, _)| kind.starts_with(b"mime"));
        // A sequence header or the delimiter before it begins what AV1 codes (AV1, 5.3).
        let coded =
            |(_, kind, data): &&Item<'_>| kind == b"av01\0" && matches!(data[0], 0x0a | 0x12);
        ensure!(planes.iter().all(coded), "{planes:?}");
        let [(packet, kind, xmp)] = packets[..] else {
            anyhow::bail!("{packets:?}")
        };
        ensure!(kind == b"mime\0application/rdf+xml\0");
        ensure!(xmp.starts_with(b"<?xpacket begin") && xmp.ends_with(b"<?xpacket end=\"r\"?>"));
        let references = &child(meta, b"iref")?[4..];
        let describes = [packet.to_be_bytes(), [0, 1], picture.to_be_bytes()].concat();
        ensure!(child(references, b"cdsc")? == describes);

        let properties = child(meta, b"iprp")?;
        let kinds = boxes(child(properties, b"ipco")?)?;
        let at = kinds
            .iter()
            .position(|(kind, data)| *kind == b"colr" && data.starts_with(b"prof"));
        ensure!(at.is_some() == profile.is_some());
        if let (Some(at), Some(profile)) = (at, profile) {
            ensure!(kinds[at].1[4..] == profile);
            // The first association is the picture's: its id, how many, which of them.
            let owners = &child(properties, b"ipma")?[8..];
            ensure!(short(owners, 0) == picture);
            ensure!(owners[3..][..owners[2].into()].contains(&(at as u8 + 1)));
        }
    }
    Ok(())
}

#[test]
fn a_byte_budget_lowers_the_quality() -> Result<()> {
    let free = sample(false, None, "quality=100")?;
    let bound = sample(false, None, "quality=100\nmax_bytes=4096")?;

    assert_eq!(free.quality, Some(100));
    assert!(free.bytes.len() > 4096, "{}", free.bytes.len());
    assert!(bound.bytes.len() <= 4096 && !bound.over_budget, "{bound:?}");
    assert!(bound.quality < free.quality);
    Ok(())
}

#[test]
fn the_same_picture_gives_the_same_file() -> Result<()> {
    assert!(sample(true, None, "")?.bytes == sample(true, None, "")?.bytes);
    Ok(())
}

#[test]
fn an_avif_is_known_and_kept_but_not_read() -> Result<()> {
    let file = sample(true, None, "")?.bytes;
    let info = verify_whole(&file)?;

    assert_eq!(
        (info.format, info.width, info.height),
        (Format::Avif, 64, 64)
    );
    let limits = Limits::default();
    assert!(matches!(
        inspect(&file, &limits),
        Err(Error::Unsupported { .. })
    ));
    assert!(matches!(
        decode(&file, &limits),
        Err(Error::Unsupported { .. })
    ));
    assert!(matches!(
        with_provenance(&file, &samples::provenance()?),
        Err(Error::Unsupported { .. })
    ));
    Ok(())
}

#[test]
fn a_broken_avif_is_an_error() -> Result<()> {
    let file = sample(true, None, "")?.bytes;

    for at in 0..file.len() {
        assert!(verify_whole(&file[..at]).is_err(), "{at} of {}", file.len());
    }
    for at in 0..file.len().min(600) {
        for bit in 0..8 {
            let mut broken = file.clone();
            broken[at] ^= 1 << bit;
            // Any answer will do, as long as it is one.
            let _answer = verify_whole(&broken);
        }
    }
    let unending = [&file, b"\0\0\0\0free".as_slice()].concat();
    assert!(verify_whole(&unending).is_err());
    Ok(())
}
