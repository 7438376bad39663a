use super::Line;
use crate::Gravity;
use crate::geometry::Crop;

/// Lettering of fewer letters is too doubtful to be called at risk.
const SURE: f64 = 3.0;
/// A line that is cut in two counts this much against a place, in shares of what it counts for one
/// where it is whole: half a word is worse than none.
const HALVED: f64 = 0.3;

/// What a cover may choose: it fills one axis and can be moved along the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    /// Whether it moves from left to right, else from top to bottom.
    pub(super) horizontal: bool,
    /// Its length in fractions of the side along which it moves.
    pub(super) length: f64,
}

impl Window {
    pub(super) fn of(crop: &Crop, source: (u32, u32)) -> Self {
        let (across, down) = (
            crop.width / f64::from(source.0),
            crop.height / f64::from(source.1),
        );
        Self {
            horizontal: across < down,
            length: across.min(down).min(1.0),
        }
    }

    /// How far it can move, in fractions of the side.
    pub(super) fn room(&self) -> f64 {
        1.0 - self.length
    }

    /// The gravity that puts the window at `offset`.
    pub(super) fn anchor(&self, offset: f64) -> Gravity {
        let share = if self.room() > 0.0 {
            (offset / self.room()).clamp(0.0, 1.0)
        } else {
            0.5
        };
        if self.horizontal {
            Gravity::Anchor { x: share, y: 0.5 }
        } else {
            Gravity::Anchor { x: 0.5, y: share }
        }
    }

    /// The offset that keeps most lettering whole, as near to `wish` as that allows, and whether any
    /// lettering is not whole there.
    pub(super) fn keeping(&self, lines: &[Line], wish: f64) -> (f64, bool) {
        let spans: Vec<Span> = lines.iter().map(|line| self.span(line)).collect();
        let room = self.room();
        // The best place touches a line or its margin with one end, or it is the wished one.
        let mut places = vec![wish];
        for span in &spans {
            for margin in [0.0, span.margin / 2.0, span.margin] {
                places.push(span.start - margin);
                places.push(span.end + margin - self.length);
            }
        }
        let value = |place: f64| {
            let worth: f64 = spans.iter().map(|span| self.worth(span, place)).sum();
            let margin: f64 = spans.iter().map(|span| self.freedom(span, place)).sum();
            // Margins and wishes only decide between places that keep the same.
            worth + margin * 1e-2 - (place - wish).abs() * 1e-3
        };
        let best = places
            .into_iter()
            .map(|place| place.clamp(0.0, room))
            .max_by(|&a, &b| value(a).total_cmp(&value(b)))
            .unwrap_or(wish);
        let lost = |span: &Span| span.weight >= SURE && !self.shows(span, best);
        (best, spans.iter().any(lost))
    }

    fn span(&self, line: &Line) -> Span {
        let (start, end, margin) = if self.horizontal {
            (line.left, line.right, line.margin.0)
        } else {
            (line.top, line.bottom, line.margin.1)
        };
        Span {
            start,
            end,
            margin,
            weight: line.weight,
        }
    }

    fn shows(&self, span: &Span, place: f64) -> bool {
        const ROUNDING: f64 = 1e-6;
        span.start >= place - ROUNDING && span.end <= place + self.length + ROUNDING
    }

    fn worth(&self, span: &Span, place: f64) -> f64 {
        if self.shows(span, place) {
            return span.weight;
        }
        let apart = span.end <= place || span.start >= place + self.length;
        if apart { 0.0 } else { -HALVED * span.weight }
    }

    /// How much of its margin a line has that is shown, times its weight.
    fn freedom(&self, span: &Span, place: f64) -> f64 {
        if !self.shows(span, place) || span.margin <= 0.0 {
            return 0.0;
        }
        let (before, after) = (span.start - place, place + self.length - span.end);
        // At the edge of the picture there is nothing to lose.
        let before = before.max(if place <= 0.0 { span.margin } else { 0.0 });
        let after = after.max(if place >= self.room() {
            span.margin
        } else {
            0.0
        });
        span.weight * (before.min(after) / span.margin).clamp(0.0, 1.0)
    }
}

/// A line along the axis on which the window moves, in fractions of that side.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: f64,
    end: f64,
    margin: f64,
    weight: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Window = Window {
        horizontal: false,
        length: 0.5,
    };

    fn line(top: f64, bottom: f64, weight: f64) -> Line {
        Line {
            left: 0.4,
            right: 0.6,
            top,
            bottom,
            margin: (0.02, 0.02),
            weight,
        }
    }

    #[test]
    fn without_lettering_the_wish_is_granted() {
        assert_eq!(HALF.keeping(&[], 0.2), (0.2, false));
        assert_eq!(HALF.keeping(&[line(0.3, 0.4, 9.0)], 0.2), (0.2, false));
    }

    #[test]
    fn lettering_at_the_edges_pulls_the_window_there_with_a_margin() {
        let (place, risk) = HALF.keeping(&[line(0.8, 0.9, 9.0)], 0.1);
        assert!((place - 0.42).abs() < 1e-9 && !risk);
        let (place, risk) = HALF.keeping(&[line(0.01, 0.1, 9.0)], 0.4);
        assert!(place <= 0.01 && !risk);
    }

    #[test]
    fn two_lines_that_only_just_fit_are_both_kept() {
        let (place, risk) = HALF.keeping(&[line(0.305, 0.35, 5.0), line(0.7, 0.8, 9.0)], 0.0);
        assert!((0.3..=0.305).contains(&place) && !risk);
    }

    #[test]
    fn when_not_all_fit_the_heavier_stay_and_the_risk_is_told() {
        let (place, risk) = HALF.keeping(&[line(0.0, 0.1, 4.0), line(0.7, 0.8, 9.0)], 0.0);
        assert!(place >= 0.3 && risk);
        let (_, risk) = HALF.keeping(&[line(0.1, 0.9, 9.0)], 0.0);
        assert!(risk);
    }
}
