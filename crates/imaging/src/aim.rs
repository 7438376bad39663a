//! Where a cover is cut when the picture itself is to decide.

mod attention;
mod lettering;
mod window;

use crate::geometry::Plan;
use crate::{Fit, Gravity, Picture, Preset};
use window::Window;

pub(crate) use lettering::Line;

/// A gravity that needs no pixels any more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Aim {
    pub(crate) gravity: Gravity,
    /// Whether lettering was found that the cut does not show whole.
    pub(crate) text_at_risk: bool,
}

/// Decides for the gravities that look at the picture, and passes on the others.
pub(crate) fn aim(picture: &Picture, preset: &Preset) -> Aim {
    let seen = |gravity| Aim {
        gravity,
        text_at_risk: false,
    };
    let looks = matches!(preset.gravity, Gravity::Attention | Gravity::TextSafe);
    if preset.fit != Fit::Cover || !looks {
        return seen(preset.gravity);
    }
    let source = (picture.width(), picture.height());
    let window = Window::of(&Plan::new(source, preset).crop, source);
    let attention = attention::best(picture.small(), &window);
    match preset.gravity {
        Gravity::TextSafe => {
            let (offset, text_at_risk) = window.keeping(picture.lettering(), attention);
            Aim {
                gravity: window.anchor(offset),
                text_at_risk,
            }
        }
        _ => seen(window.anchor(attention)),
    }
}

/// The lines of lettering in a picture, found once.
pub(crate) fn lettering(picture: &Picture) -> Vec<Line> {
    lettering::lines(picture.small())
}
