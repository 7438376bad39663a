//! Letters from an 8x8 font, enlarged with rounded edges: the prompt, and the word that says that
//! nobody should take the picture for a real one.

use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};

use super::noise::{lerp, step};
use super::paint::Canvas;

const STAMP: &str = "SIMULATED";
const WHITE: [f32; 3] = [1.0, 0.99, 0.96];
const INK: [f32; 3] = [0.03, 0.03, 0.06];
const MAX_LINES: usize = 3;

/// Sets the prompt at the foot of the picture, on a shade that makes it legible.
pub(super) fn caption(canvas: &mut Canvas, prompt: &str) {
    let (w, h, unit) = (canvas.width as f32, canvas.height as f32, canvas.unit());
    let glyph = (unit / 44.0).max(2.0);
    let per_line = ((w * 0.90 / glyph) as usize).max(4);
    let lines = wrap(prompt, per_line);
    let block = glyph * 1.6 * lines.len() as f32;
    let top = h - block - unit * 0.045;
    for y in (top - unit * 0.08).max(0.0) as i32..h as i32 {
        let shade = 0.62 * step(top - unit * 0.08, h, y as f32 + block * 0.5);
        for x in 0..w as i32 {
            canvas.blend(x, y, INK, shade);
        }
    }
    for (i, line) in lines.iter().enumerate() {
        let y = top + i as f32 * glyph * 1.6;
        let place = Place {
            x: w * 0.05,
            y,
            glyph,
            tilt: 0.0,
        };
        write(canvas, line, place, WHITE, 0.95);
    }
}

/// Stamps the middle of the picture, where every crop still shows it.
pub(super) fn stamp(canvas: &mut Canvas) {
    let (w, h, unit) = (canvas.width as f32, canvas.height as f32, canvas.unit());
    let wide = if unit < 200.0 { 0.80 } else { 0.40 };
    let glyph = unit * wide / STAMP.len() as f32;
    let length = glyph * STAMP.len() as f32;
    let tilt = -0.07_f32;
    let (x, y) = (
        w * 0.5 - length * 0.5,
        h * 0.585 - glyph * 0.5 - tilt * length * 0.5,
    );
    let place = Place { x, y, glyph, tilt };
    frame(canvas, place, length);
    write(
        canvas,
        STAMP,
        Place {
            x: x + glyph * 0.06,
            y: y + glyph * 0.06,
            ..place
        },
        INK,
        0.40,
    );
    write(canvas, STAMP, place, WHITE, 0.85);
}

/// Where a line of letters begins, how large they are, and how much it climbs for each pixel.
#[derive(Clone, Copy)]
struct Place {
    x: f32,
    y: f32,
    glyph: f32,
    tilt: f32,
}

fn write(canvas: &mut Canvas, text: &str, place: Place, colour: [f32; 3], opacity: f32) {
    let glyphs: Vec<[u8; 8]> = text.chars().map(glyph).collect();
    let length = place.glyph * glyphs.len() as f32;
    // Soft over one pixel, whatever the size.
    let soft = (4.0 / place.glyph).clamp(0.08, 0.45);
    for dx in 0..=length as i32 {
        let climb = place.tilt * dx as f32;
        for dy in -1..=place.glyph as i32 + 1 {
            let (gx, gy) = (dx as f32 / place.glyph * 8.0, dy as f32 / place.glyph * 8.0);
            let ink = step(
                0.5 - soft,
                0.5 + soft,
                coverage(&glyphs, gx - 0.5, gy - 0.5),
            );
            canvas.blend(
                (place.x + dx as f32) as i32,
                (place.y + climb) as i32 + dy,
                colour,
                ink * opacity,
            );
        }
    }
}

/// A shade behind a line of letters, and a white border around it.
fn frame(canvas: &mut Canvas, place: Place, length: f32) {
    let (pad, line) = (place.glyph * 0.42, (place.glyph * 0.09).max(1.0));
    let (left, right) = (-pad, length + pad - place.glyph * 0.12);
    let (top, bottom) = (-pad, place.glyph * 0.88 + pad);
    for dx in left as i32..=right as i32 {
        let x = dx as f32;
        for dy in top as i32..=bottom as i32 {
            let y = dy as f32;
            let inset = (x - left).min(right - x).min(y - top).min(bottom - y);
            let (colour, opacity) = if inset <= line {
                (WHITE, 0.80)
            } else {
                (INK, 0.28)
            };
            canvas.blend(
                (place.x + x) as i32,
                (place.y + place.tilt * x) as i32 + dy,
                colour,
                opacity,
            );
        }
    }
}

/// How much of a point of the enlarged text is ink, between 0 and 1.
fn coverage(glyphs: &[[u8; 8]], x: f32, y: f32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let bit = |column: i32, row: i32| {
        let (Ok(column), Ok(row)) = (usize::try_from(column), usize::try_from(row)) else {
            return 0.0;
        };
        let row = glyphs
            .get(column / 8)
            .and_then(|glyph| glyph.get(row))
            .copied()
            .unwrap_or_default();
        f32::from((row >> (column % 8)) & 1)
    };
    let (column, row) = (x0 as i32, y0 as i32);
    let upper = lerp(bit(column, row), bit(column + 1, row), x - x0);
    let lower = lerp(bit(column, row + 1), bit(column + 1, row + 1), x - x0);
    lerp(upper, lower, y - y0)
}

fn glyph(c: char) -> [u8; 8] {
    BASIC_FONTS
        .get(c)
        .or_else(|| LATIN_FONTS.get(c))
        .or_else(|| BASIC_FONTS.get('?'))
        .unwrap_or_default()
}

/// At most [`MAX_LINES`] lines of at most `width` characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word: String = word.chars().take(width).collect();
        let last = lines.len() - 1;
        let used = lines[last].chars().count();
        if used == 0 {
            lines[last] = word;
        } else if used + 1 + word.chars().count() <= width {
            lines[last] = format!("{} {word}", lines[last]);
        } else if lines.len() == MAX_LINES {
            let kept: String = lines[last].chars().take(width.saturating_sub(3)).collect();
            lines[last] = format!("{}...", kept.trim_end());
            break;
        } else {
            lines.push(word);
        }
    }
    lines
}
