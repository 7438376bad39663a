//! How large the picture shall be, and how the route is told.

use domain::{AspectRatio, Invalid, Operation, Request, Resolution, ResolutionTier, UpscaleFactor};

use super::{Refusal, absent, subject};
use crate::plan::route::{Dialect, Ratios, Route, Sizes};
use crate::plan::sizes;

/// How the size is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Size {
    /// By a shape, which may have a known size.
    Ratio(AspectRatio, Option<Resolution>),
    /// In pixels, in the field of this name.
    Pixels(&'static str, Resolution),
}

impl Size {
    /// The field and its value.
    pub(crate) fn field(self, route: &Route) -> (&'static str, String) {
        match (route.dialect, self) {
            (Dialect::Legacy, Self::Ratio(ratio, _)) => ("aspect_ratio", ratio.to_string()),
            (_, Self::Ratio(AspectRatio { width, height }, _)) => {
                let by = if route.shapes.colon { ':' } else { 'x' };
                ("aspect_ratio", format!("{width}{by}{height}"))
            }
            (Dialect::Legacy, Self::Pixels(field, size)) => {
                (field, format!("RESOLUTION_{}_{}", size.width, size.height))
            }
            (_, Self::Pixels(field, size)) => (field, size.to_string()),
        }
    }
}

/// The size to be told, if any.
pub(crate) fn size(request: &Request, route: &Route) -> Result<Option<Size>, Refusal> {
    if let Some(tier) = request.resolution_tier {
        check_tier(request, route, tier)?;
    }
    if let Some(wanted) = request.resolution {
        return pixels(request, route, wanted).map(Some);
    }
    let from_words = request.operation == Operation::Generate && request.inputs.sources.is_empty();
    let unsaid = from_words && request.resolution_tier.is_none();
    let wanted = match request.aspect_ratio {
        Some(ratio) => ratio,
        None if route.shapes.needed => {
            let reason = "say which shape to extend it to, such as 16x9";
            return Err(Invalid::missing("aspectRatio", reason).into());
        }
        None if unsaid => AspectRatio::SQUARE,
        None => return Ok(None),
    };
    if matches!(route.shapes.ratios, Ratios::No) {
        // A drawing that is told no shape asks for a square; that cannot be told from a wish.
        return if request.operation == Operation::Generate && wanted == AspectRatio::SQUARE {
            Ok(None)
        } else {
            let reason = format!(
                "{} has no aspectRatio; leave it out",
                subject(request, route)
            );
            Err(absent("aspectRatio", reason))
        };
    }
    shape(route, wanted)
        .map(Some)
        .ok_or_else(|| unknown_shape(request, route, wanted).into())
}

/// The size that is to be expected, if it can be told beforehand.
pub(crate) fn expected(request: &Request, route: &Route, size: Option<Size>) -> Option<Resolution> {
    match size {
        Some(Size::Ratio(_, resolution)) if route.factors.is_empty() => resolution,
        Some(Size::Pixels(_, resolution)) => Some(resolution),
        Some(Size::Ratio(_, resolution)) => enlarged(request, resolution?),
        None => {
            let pinned = request.inputs.sources.first()?.pinned.as_ref()?;
            let source = Resolution {
                width: pinned.width,
                height: pinned.height,
            };
            match route.factors.first() {
                Some(usual) => times(source, request.upscale_factor.unwrap_or(*usual)),
                None => route.shapes.of_source.then_some(source),
            }
        }
    }
}

fn enlarged(request: &Request, size: Resolution) -> Option<Resolution> {
    times(size, request.upscale_factor.unwrap_or(UpscaleFactor::X1))
}

fn times(size: Resolution, factor: UpscaleFactor) -> Option<Resolution> {
    let factor = match factor {
        UpscaleFactor::X1 => 1,
        UpscaleFactor::X2 => 2,
        UpscaleFactor::X4 => 4,
        UpscaleFactor::X8 => 8,
    };
    Some(Resolution {
        width: size.width.checked_mul(factor)?,
        height: size.height.checked_mul(factor)?,
    })
}

fn check_tier(request: &Request, route: &Route, tier: ResolutionTier) -> Result<(), Refusal> {
    let Some(tiers) = route.shapes.tiers else {
        let reason = format!(
            "{} has no resolutionTier; leave it out",
            subject(request, route)
        );
        return Err(absent("resolutionTier", reason));
    };
    if request.resolution.is_some() {
        let reason = "give either resolution or resolutionTier";
        return Err(Invalid::unsupported("resolutionTier", reason).into());
    }
    if tiers.list.contains(&tier) {
        return Ok(());
    }
    let known: Vec<&str> = tiers.list.iter().map(|tier| tier.as_str()).collect();
    let reason = format!(
        "{} has no {tier}; use one of {}",
        subject(request, route),
        known.join(", ")
    );
    Err(Invalid::unsupported("resolutionTier", reason).into())
}

fn pixels(request: &Request, route: &Route, wanted: Resolution) -> Result<Size, Refusal> {
    let who = subject(request, route);
    let Some((field, known)) = route.shapes.size else {
        let instead = match (route.shapes.ratios, route.shapes.tiers) {
            (Ratios::No, None) => "leave it out",
            (Ratios::No, Some(_)) => "use resolutionTier",
            (_, None) => "use aspectRatio",
            (_, Some(_)) => "use aspectRatio and resolutionTier",
        };
        return Err(absent(
            "resolution",
            format!("{who} has no resolution; {instead}"),
        ));
    };
    let reason = match known {
        Sizes::Any => return Ok(Size::Pixels(field, wanted)),
        Sizes::List(list) if sizes::contains(list, wanted) => {
            return Ok(Size::Pixels(field, wanted));
        }
        Sizes::List(list) => {
            let near = sizes::nearest(list, wanted).map(|size| format!("; the nearest is {size}"));
            format!("{who} does not draw {wanted}{}", near.unwrap_or_default())
        }
        Sizes::Steps(_) if sizes::is_stepped(wanted) => return Ok(Size::Pixels(field, wanted)),
        Sizes::Steps(_) => format!(
            "{who} from pictures draws sides that are multiples of 32 and at least 256, at most \
             2048x2048 pixels in all, and at most 6:1 in shape"
        ),
    };
    Err(Invalid::unsupported("resolution", reason).into())
}

fn shape(route: &Route, wanted: AspectRatio) -> Option<Size> {
    let field = route.shapes.size;
    match route.shapes.ratios {
        Ratios::Named(list) => {
            sizes::shape(list, wanted).map(|(ratio, size)| Size::Ratio(ratio, Some(size)))
        }
        Ratios::Free(list) => sizes::ratio(list, wanted).map(|ratio| Size::Ratio(ratio, None)),
        Ratios::Sized(list) => {
            let (field, known) = field?;
            let (_, size) = sizes::shape(list, wanted)?;
            let drawn = match known {
                Sizes::List(list) => sizes::contains(list, size),
                Sizes::Steps(_) => sizes::is_stepped(size),
                Sizes::Any => true,
            };
            drawn.then_some(Size::Pixels(field, size))
        }
        Ratios::Exact => {
            let (field, known) = field?;
            let (Sizes::List(list) | Sizes::Steps(list)) = known else {
                return None;
            };
            let fits =
                |size: &Resolution| matches!(known, Sizes::List(_)) || sizes::is_stepped(*size);
            let size = sizes::of_shape(list, wanted).find(fits)?;
            Some(Size::Pixels(field, size))
        }
        Ratios::No => None,
    }
}

fn unknown_shape(request: &Request, route: &Route, wanted: AspectRatio) -> Invalid {
    let known: Vec<String> = match route.shapes.ratios {
        Ratios::Named(list) | Ratios::Sized(list) => names(list.iter().map(|(ratio, _)| *ratio)),
        Ratios::Free(list) => names(list.iter().copied()),
        Ratios::Exact | Ratios::No => names(sizes::RATIOS.iter().map(|(ratio, _)| *ratio)),
    };
    let reason = format!(
        "{} does not draw {}x{}; use one of {}, upright or laid down",
        subject(request, route),
        wanted.width,
        wanted.height,
        known.join(", "),
    );
    Invalid::unsupported("aspectRatio", reason)
}

fn names(ratios: impl Iterator<Item = sizes::Ratio>) -> Vec<String> {
    ratios.map(|(w, h)| format!("{w}x{h}")).collect()
}
