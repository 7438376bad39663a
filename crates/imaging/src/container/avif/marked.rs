use super::super::bmff::{parts, push};

const PACKET: &[u8] = b"mime\0application/rdf+xml\0";

/// Adds an XMP packet, as an item that describes the picture, and a colour profile, as a property of
/// it, to a file as our encoder writes it: `ftyp`, `meta`, `mdat`, all of the oldest versions. None
/// where it is laid out otherwise.
///
/// What is new goes to the end of each list, and the packet to the end of the file, so that nothing
/// moves but by how much `meta` grows.
pub(crate) fn marked(file: &[u8], xmp: &str, profile: Option<&[u8]>) -> Option<Vec<u8>> {
    let boxes: Vec<_> = parts(file).collect::<Result<_, _>>().ok()?;
    let [ftyp, meta, mdat] = boxes[..] else {
        return None;
    };
    if (ftyp.kind, meta.kind, mdat.kind) != (*b"ftyp", *b"meta", *b"mdat") {
        return None;
    }
    let mut edit = Edit {
        profile,
        ..Edit::of(meta.data)?
    };
    // How much the box grows does not depend on the numbers in it.
    edit.shift = (edit.apply(meta.data)?.len() - meta.data.len()) as u32;
    edit.place = file.len() as u32 + edit.shift;
    edit.length = xmp.len() as u32;

    let mut marked = ftyp.whole.to_vec();
    push(&mut marked, b"meta", &[&edit.apply(meta.data)?]);
    push(&mut marked, b"mdat", &[mdat.data, xmp.as_bytes()]);
    Some(marked)
}

/// What changes in the `meta` box.
struct Edit<'a> {
    profile: Option<&'a [u8]>,
    /// The item that is the picture.
    picture: [u8; 2],
    /// The new item.
    packet: [u8; 2],
    /// By how much all that is there moves.
    shift: u32,
    /// Where the packet is.
    place: u32,
    length: u32,
}

impl Edit<'_> {
    fn of(meta: &[u8]) -> Option<Self> {
        let (mut picture, mut last) = (None, 0);
        for part in parts(meta.get(4..)?) {
            let part = part.ok()?;
            match &part.kind {
                b"pitm" => picture = part.data.get(4..)?.first_chunk().copied(),
                b"iinf" => {
                    for entry in parts(part.data.get(6..)?) {
                        let id = entry.ok()?.data.get(4..)?.first_chunk()?;
                        last = last.max(u16::from_be_bytes(*id));
                    }
                }
                _ => {}
            }
        }
        Some(Self {
            profile: None,
            picture: picture?,
            packet: last.checked_add(1)?.to_be_bytes(),
            shift: 0,
            place: 0,
            length: 0,
        })
    }

    /// The data of the new `meta` box.
    fn apply(&self, meta: &[u8]) -> Option<Vec<u8>> {
        let (version, children) = meta.split_first_chunk::<4>()?;
        let mut edited = version.to_vec();
        let mut references = vec![0; 4];
        for part in parts(children) {
            let part = part.ok()?;
            match &part.kind {
                b"iinf" => push(&mut edited, b"iinf", &[&self.with_entry(part.data)?]),
                b"iloc" => push(&mut edited, b"iloc", &[&self.with_place(part.data)?]),
                b"iprp" => push(&mut edited, b"iprp", &[&self.with_profile(part.data)?]),
                b"iref" => references = part.data.to_vec(),
                _ => edited.extend(part.whole),
            }
        }
        let describes = [self.packet, 1u16.to_be_bytes(), self.picture];
        push(&mut references, b"cdsc", &[describes.as_flattened()]);
        push(&mut edited, b"iref", &[&references]);
        Some(edited)
    }

    /// `iinf`: how many there are, and then each.
    fn with_entry(&self, data: &[u8]) -> Option<Vec<u8>> {
        let mut list = one_more(data, 4)?;
        // Version 2, the id, no protection, the kind, no name, the type of the content.
        push(
            &mut list,
            b"infe",
            &[&[2, 0, 0, 0], &self.packet, &[0, 0], PACKET],
        );
        Some(list)
    }

    /// `iloc`: fields of four bytes, how many items, and of each its id, how many pieces, and of each
    /// of them place and length.
    fn with_place(&self, data: &[u8]) -> Option<Vec<u8>> {
        let mut list = one_more(data, 6)?;
        let (head, mut rest) = data.split_first_chunk::<8>()?;
        if head[..6] != [0, 0, 0, 0, 0x44, 0] {
            return None;
        }
        list.truncate(8);
        while let Some((item, after)) = rest.split_first_chunk::<6>() {
            list.extend(item);
            rest = after;
            for _ in 0..u16::from_be_bytes([item[4], item[5]]) {
                let (place, after) = rest.split_first_chunk::<4>()?;
                let (length, after) = after.split_first_chunk::<4>()?;
                let place = u32::from_be_bytes(*place).checked_add(self.shift)?;
                list.extend([place.to_be_bytes(), *length].as_flattened());
                rest = after;
            }
        }
        list.extend([self.packet, [0, 0], [0, 1]].as_flattened());
        list.extend(
            [self.place, self.length]
                .map(u32::to_be_bytes)
                .as_flattened(),
        );
        rest.is_empty().then_some(list)
    }

    /// `iprp`: a box with all properties, and one that tells which of them each item has.
    fn with_profile(&self, data: &[u8]) -> Option<Vec<u8>> {
        let Some(profile) = self.profile else {
            return Some(data.to_vec());
        };
        let boxes: Vec<_> = parts(data).collect::<Result<_, _>>().ok()?;
        let [properties, owners] = boxes[..] else {
            return None;
        };
        let mut all = properties.data.to_vec();
        push(&mut all, b"colr", &[b"prof", profile]);
        let index = u8::try_from(parts(&all).count()).ok()?;

        let (head, mut rest) = owners.data.split_first_chunk::<8>()?;
        let mut list = head.to_vec();
        while let Some((&[id0, id1, count], after)) = rest.split_first_chunk() {
            let (indices, after) = after.split_at_checked(count.into())?;
            let added: &[u8] = match [id0, id1] == self.picture {
                true => &[index],
                false => &[],
            };
            list.extend([id0, id1, count.checked_add(added.len() as u8)?]);
            list.extend([indices, added].concat());
            rest = after;
        }
        let mut edited = Vec::new();
        push(&mut edited, b"ipco", &[&all]);
        push(&mut edited, b"ipma", &[&list]);
        (head[..4] == [0; 4] && index < 0x80 && rest.is_empty()).then_some(edited)
    }
}

/// A list of version 0 with the count at `at` raised by one.
fn one_more(data: &[u8], at: usize) -> Option<Vec<u8>> {
    let mut list = data.to_vec();
    let count: &mut [u8; 2] = list.get_mut(at..)?.first_chunk_mut()?;
    *count = u16::from_be_bytes(*count).checked_add(1)?.to_be_bytes();
    (data[..4] == [0; 4]).then_some(list)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use proptest::prelude::*;

    use super::*;

    /// What the encoder writes of a picture of one pixel, with alpha or without.
    fn encoded(alpha: u8) -> anyhow::Result<Vec<u8>> {
        let pixel = [[9, 90, 200, alpha].into()];
        let encoder = ravif::Encoder::new()
            .with_speed(10)
            .with_num_threads(Some(1));
        Ok(encoder
            .encode_rgba(ravif::Img::new(&pixel, 1, 1))?
            .avif_file)
    }

    #[test]
    fn nothing_but_the_marks_is_new() -> anyhow::Result<()> {
        for alpha in [255, 7] {
            let file = encoded(alpha)?;
            let plain = marked(&file, "", None).context("refused")?;
            let full = marked(&file, "packet", Some(b"profile")).context("refused")?;

            let media = |file: &[u8]| -> anyhow::Result<Vec<u8>> {
                let boxes = parts(file).collect::<Result<Vec<_>, _>>()?;
                Ok(boxes.last().context("no box")?.data.to_vec())
            };
            assert_eq!(media(&plain)?, media(&file)?);
            assert_eq!(media(&full)?, [media(&file)?, b"packet".to_vec()].concat());
            // A property is its length, kind and `prof`; a reference to it, one byte.
            assert_eq!(
                full.len() - plain.len(),
                "packet".len() + 12 + "profile".len() + 1
            );
        }
        Ok(())
    }

    #[test]
    fn a_file_that_is_marked_already_can_be_marked_again() -> anyhow::Result<()> {
        let once = marked(&encoded(7)?, "one", None).context("refused")?;
        assert!(marked(&once, "two", None).is_some());
        Ok(())
    }

    proptest! {
        #[test]
        fn other_layouts_are_refused_and_never_panic(
            at in 0..1000usize, byte: u8, cut in 0..1000usize,
        ) {
            let mut file = encoded(7).map_err(|err| TestCaseError::fail(err.to_string()))?;
            let at = at % file.len();
            file[at] = byte;
            let _any = marked(&file, "packet", Some(b"profile"));
            let whole = file.len() - 1;
            prop_assert!(marked(&file[..cut.min(whole)], "packet", None).is_none());
        }
    }
}
