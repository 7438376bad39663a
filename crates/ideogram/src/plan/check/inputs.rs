//! Whether a route takes the pictures that are handed in, and into which fields they go.

use domain::{Invalid, Pinned, Request, Resolution, Source};

use super::{Refusal, Size, absent, subject};
use crate::plan::file::{FilePart, Polarity, Role};
use crate::plan::route::{MaskSlot, Route, Slot};

const MEGABYTE: u64 = 1_000_000;
/// What the provider reads.
const FORMATS: [&str; 3] = ["png", "jpeg", "webp"];

/// Checks the pictures; answers with the files in the order in which they are sent.
///
/// What needs the pixels' number is checked as soon as there is a copy of ours.
pub(crate) fn inputs(
    request: &Request,
    route: &Route,
    size: Option<Size>,
) -> Result<Vec<FilePart>, Refusal> {
    let mut files = Vec::new();
    sources(request, route, &mut files)?;
    mask(request, route, &mut files)?;
    references(request, route, &mut files)?;
    character(request, route, &mut files)?;
    weighed(request, route, size)?;
    Ok(files)
}

fn sources(request: &Request, route: &Route, files: &mut Vec<FilePart>) -> Result<(), Refusal> {
    const FIELD: &str = "sourceImages";
    let sources = &request.inputs.sources;
    let slots = &route.slots;
    if sources.is_empty() {
        return if request.operation.needs_source() {
            Err(Invalid::missing(FIELD, "say which picture to work on").into())
        } else {
            Ok(())
        };
    }
    if !route.takes_sources() {
        let hint = "ideogram-4-5, auto, gpt-image-* and nano-banana-* take some, or use remix";
        let reason = format!("{} draws from words alone; {hint}", subject(request, route));
        return Err(absent(FIELD, reason));
    }
    let further = slots.images.map_or(0, |slot| slot.most);
    let most = further + usize::from(slots.image.is_some());
    if sources.len() > most {
        let reason = format!("{} takes at most {most}", subject(request, route));
        return Err(Invalid::unsupported(FIELD, reason).into());
    }
    for (at, source) in sources.iter().enumerate() {
        let slot = if at == 0 { slots.image } else { None };
        let Some(slot) = slot.or(slots.images) else {
            continue;
        };
        let field = format!("{FIELD}[{at}]");
        let part = part(&field, slot, Role::Source(at), source)?;
        if slots.within_six
            && let Some(Pinned { width, height, .. }) = &part.pinned
            && u64::from(*width.max(height)) > 6 * u64::from(*width.min(height))
        {
            let reason = format!("{width}x{height} is narrower than 6:1; crop it");
            return Err(Invalid::unsupported(field, reason).into());
        }
        files.push(part);
    }
    Ok(())
}

fn mask(request: &Request, route: &Route, files: &mut Vec<FilePart>) -> Result<(), Refusal> {
    const FIELD: &str = "mask";
    let Some(mask) = &request.inputs.mask else {
        return match route.slots.mask {
            Some(MaskSlot { needed: true, .. }) => {
                let reason = "show which part to change, black for change and white for keep; \
                              ideogram-4-5 also edits without";
                Err(Invalid::missing(FIELD, reason).into())
            }
            _ => Ok(()),
        };
    };
    let Some(known) = route.slots.mask else {
        let reason = format!(
            "{} has no mask; V_3, ideogram-4-5 and gpt-image-2-5-* edit with one",
            subject(request, route)
        );
        return Err(absent(FIELD, reason));
    };
    let Some(first) = request.inputs.sources.first() else {
        let reason = "a mask needs the picture that it belongs to";
        return Err(Invalid::missing("sourceImages", reason).into());
    };
    if request.inputs.sources.len() > 1 + known.further {
        let reason = format!(
            "{} takes at most {} beside the one that is changed",
            subject(request, route),
            known.further
        );
        return Err(Invalid::unsupported("sourceImages", reason).into());
    }
    same_size(FIELD, mask, first, "sourceImages[0]")?;
    let mut part = part(FIELD, known.slot, Role::Mask, mask)?;
    part.polarity = Some(known.polarity);
    files.push(part);
    Ok(())
}

fn references(request: &Request, route: &Route, files: &mut Vec<FilePart>) -> Result<(), Refusal> {
    const FIELD: &str = "styleReferences";
    let references = &request.inputs.style_references;
    if references.is_empty() {
        return Ok(());
    }
    let Some(slot) = route.slots.style_references else {
        let reason = format!(
            "{} has no {FIELD}; model V_3 has it",
            subject(request, route)
        );
        return Err(absent(FIELD, reason));
    };
    if references.len() > slot.most {
        let reason = format!("{} takes at most {}", subject(request, route), slot.most);
        return Err(Invalid::unsupported(FIELD, reason).into());
    }
    for (at, reference) in references.iter().enumerate() {
        let field = format!("{FIELD}[{at}]");
        files.push(part(&field, slot, Role::StyleReference(at), reference)?);
    }
    Ok(())
}

fn character(request: &Request, route: &Route, files: &mut Vec<FilePart>) -> Result<(), Refusal> {
    const FIELD: &str = "characterReference";
    const MASK: &str = "characterMask";
    let Some(character) = &request.inputs.character_reference else {
        return match request.inputs.character_mask {
            Some(_) => {
                let reason = "a mask needs the picture that it belongs to";
                Err(Invalid::missing(FIELD, reason).into())
            }
            None => Ok(()),
        };
    };
    let Some(slot) = route.slots.character else {
        let hint = "model V_3 has it, in generate, edit and remix, and not with transparent";
        let reason = format!("{} has no {FIELD}; {hint}", subject(request, route));
        return Err(absent(FIELD, reason));
    };
    files.push(part(FIELD, slot, Role::Character, character)?);
    if let (Some(mask), Some(slot)) = (&request.inputs.character_mask, route.slots.character_mask) {
        same_size(MASK, mask, character, FIELD)?;
        files.push(part(MASK, slot, Role::CharacterMask, mask)?);
    }
    Ok(())
}

fn part(field: &str, slot: Slot, role: Role, source: &Source) -> Result<FilePart, Invalid> {
    let max_bytes = slot.megabytes * MEGABYTE;
    if let Some(pinned) = &source.pinned {
        if !FORMATS.contains(&pinned.format.as_str()) {
            let reason = format!("is {}; send {}", pinned.format, FORMATS.join(", "));
            return Err(Invalid::unsupported(field, reason));
        }
        if pinned.bytes > max_bytes {
            let reason = format!(
                "has {} bytes; at most {max_bytes} are taken here, so compress it or make it smaller",
                pinned.bytes
            );
            return Err(Invalid::unsupported(field, reason));
        }
    }
    Ok(FilePart {
        field: slot.field,
        role,
        polarity: None::<Polarity>,
        max_bytes,
        pinned: source.pinned.clone(),
    })
}

fn same_size(field: &str, mask: &Source, of: &Source, whose: &str) -> Result<(), Invalid> {
    let (Some(mask), Some(of)) = (&mask.pinned, &of.pinned) else {
        return Ok(());
    };
    if (mask.width, mask.height) == (of.width, of.height) {
        return Ok(());
    }
    let reason = format!(
        "is {}x{}, but {whose} is {}x{}; both must have the same size",
        mask.width, mask.height, of.width, of.height
    );
    Err(Invalid::unsupported(field, reason))
}

/// A weight binds what model 4.0 draws to the shape of its source. How exactly is not published;
/// what is a little off is refused by the provider for nothing.
fn weighed(request: &Request, route: &Route, size: Option<Size>) -> Result<(), Invalid> {
    let exact = matches!(route.shapes.ratios, crate::plan::route::Ratios::Exact);
    let (Some(_), Some(Size::Pixels(_, Resolution { width, height }))) =
        (request.image_weight.filter(|_| exact), size)
    else {
        return Ok(());
    };
    let source = request.inputs.sources.first();
    let Some(source) = source.and_then(|source| source.pinned.as_ref()) else {
        return Ok(());
    };
    let wanted = u64::from(width) * u64::from(source.height);
    let given = u64::from(height) * u64::from(source.width);
    if wanted.abs_diff(given) * 50 <= given {
        return Ok(());
    }
    let reason = format!(
        "needs the shape of the source, {}x{}, which {width}x{height} is not; leave out the one or \
         the other",
        source.width, source.height
    );
    Err(Invalid::unsupported("imageWeight", reason))
}
