//! Finds what looks like lettering, by shape alone: strokes that stand out from what is around them,
//! connected to letters, that stand side by side in lines. It knows no alphabet and reads nothing.

mod letters;
mod line;
mod strokes;

use crate::small::Small;
use strokes::Polarity;

pub(crate) use line::Line;

/// Strokes of up to nine pixels are seen, so that larger letters are looked for in smaller copies.
const SIDES: [usize; 3] = [512, 256, 128];
/// What a stroke must stand out by, of 255, on a clean ground.
const CONTRAST: f32 = 24.0;
const MOST_CONTRAST: f32 = 80.0;
/// How much more it must than the ground does on average, by which texture is told from strokes.
const OVER_GROUND: f32 = 2.5;
/// Looked for again at these multiples: strong letters come apart from a weak ground they touch.
const STRONGER: [f32; 3] = [1.0, 1.5, 2.2];

/// All lines of lettering, in fractions of the picture.
pub(super) fn lines(small: &Small) -> Vec<Line> {
    let longest = small.width.max(small.height);
    let mut found = Vec::new();
    for side in SIDES {
        // A small picture is its own first copy, and looking twice at the same one tells nothing.
        if side > longest && side / 2 >= longest {
            continue;
        }
        let copy = small.within(side);
        let luma = copy.luma();
        for polarity in [Polarity::Bright, Polarity::Dark] {
            let strokes = strokes::strokes(&luma, copy.width, polarity);
            let mean = strokes.iter().map(|&one| f32::from(one)).sum::<f32>() / luma.len() as f32;
            let contrast = (mean * OVER_GROUND).clamp(CONTRAST, MOST_CONTRAST);
            for times in STRONGER {
                let contrast = (contrast * times) as u8;
                let letters = letters::letters(&strokes, &luma, copy.width, contrast);
                found.extend(line::lines(letters, copy.width, copy.height));
            }
        }
    }
    line::merged(found)
}
