//! Blocks of words, with the box of their ink.

use font8x8::{BASIC_FONTS, UnicodeFonts};

use super::{Area, Canvas, Dice};

const WORDS: [&str; 20] = [
    "SUMMER SALE",
    "Fresh Coffee",
    "JAZZ NIGHT",
    "Grand Opening",
    "50% OFF",
    "Wild Berries",
    "MOUNTAIN TRAIL",
    "Hello World",
    "Since 1984",
    "BOOK FAIR",
    "Ocean Drive",
    "Farmers Market",
    "NEW MENU",
    "Open Daily",
    "City Run 2026",
    "Handmade",
    "LIMITED",
    "Garden Party",
    "Taste it!",
    "Darkroom",
];
/// How much of a block's height and width stays free to the edges of the picture, in pixels.
const EDGE: f64 = 12.0;
/// Steps a side by which the coverage of a pixel is measured.
const STEPS: usize = 3;

/// One block, where it stands and how.
struct Block {
    lines: Vec<&'static str>,
    /// Pixels for one of the font's.
    scale: f64,
    /// Radians.
    turn: f64,
    middle: (f64, f64),
    paint: [f64; 3],
}

/// Writes one to three blocks in one half of the picture, or anywhere, and returns their boxes.
pub(super) fn write(canvas: &mut Canvas, dice: &mut Dice) -> Vec<Area> {
    let count = [1, 1, 2, 3][dice.below(4)];
    let band = dice.within(0.1, 0.9);
    let turn = match dice.below(6) {
        0 => std::f64::consts::FRAC_PI_2,
        1 | 2 => dice.within(-0.2, 0.2),
        _ => 0.0,
    };
    let mut areas: Vec<Area> = Vec::new();
    for _ in 0..40 {
        if areas.len() == count {
            break;
        }
        let block = block(canvas, dice, turn, band);
        let Some(area) = block.fits(canvas) else {
            continue;
        };
        let apart = |other: &Area| {
            area[0] > other[2] + 8.0
                || other[0] > area[2] + 8.0
                || area[1] > other[3] + 8.0
                || other[1] > area[3] + 8.0
        };
        if areas.iter().all(apart) {
            areas.extend(block.draw(canvas));
        }
    }
    areas
}

fn block(canvas: &Canvas, dice: &mut Dice, turn: f64, band: f64) -> Block {
    let (width, height) = (f64::from(canvas.width), f64::from(canvas.height));
    let lines = (0..=dice.below(2))
        .map(|_| WORDS[dice.below(WORDS.len())])
        .collect();
    // Letters of 18 to 110 pixels, small ones more often.
    let scale = 2.3 * (6.0f64).powf(dice.within(0.0, 1.0));
    let down = (band + dice.within(-0.12, 0.12)).clamp(0.03, 0.97);
    let middle = (dice.within(0.1, 0.9) * width, down * height);
    // Light on dark or dark on light, whatever the ground there is, in some colour.
    let ground = luma(canvas.mean(middle));
    let tint = [0; 3].map(|_| dice.within(-28.0, 28.0));
    let base = if ground > 127.0 {
        ground - 118.0
    } else {
        ground + 118.0
    };
    let paint = tint.map(|tint| (base + tint).clamp(0.0, 255.0));
    Block {
        lines,
        scale,
        turn,
        middle,
        paint,
    }
}

fn luma([r, g, b]: [f64; 3]) -> f64 {
    0.299 * r + 0.587 * g + 0.114 * b
}

impl Canvas {
    /// The mean colour of some pixels around a place.
    fn mean(&self, (x, y): (f64, f64)) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for down in -4i32..=4 {
            for across in -8i32..=8 {
                let x = (x + f64::from(across * 12)).clamp(0.0, f64::from(self.width - 1)) as usize;
                let y = (y + f64::from(down * 8)).clamp(0.0, f64::from(self.height - 1)) as usize;
                let pixel = self.pixels[y * self.width as usize + x];
                for (sum, channel) in sum.iter_mut().zip(pixel) {
                    *sum += channel / 153.0;
                }
            }
        }
        sum
    }
}

impl Block {
    /// Half its width and height in pixels, upright.
    fn half(&self) -> (f64, f64) {
        let longest = self.lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let size = |cells: usize| cells as f64 * 8.0 * self.scale / 2.0;
        (size(longest), size(self.lines.len()) * 1.25)
    }

    /// The box around the whole block, if it lies in the picture.
    fn fits(&self, canvas: &Canvas) -> Option<Area> {
        let (sin, cos) = self.turn.sin_cos();
        let (wide, tall) = self.half();
        let across = (wide * cos).abs() + (tall * sin).abs();
        let down = (wide * sin).abs() + (tall * cos).abs();
        let (x, y) = self.middle;
        let area = [x - across, y - down, x + across, y + down];
        let inside = area[0] >= EDGE
            && area[1] >= EDGE
            && area[2] <= f64::from(canvas.width) - EDGE
            && area[3] <= f64::from(canvas.height) - EDGE;
        inside.then_some(area)
    }

    /// Whether there is ink, at a place in pixels from the middle of the block, upright.
    fn ink(&self, x: f64, y: f64) -> bool {
        let (wide, tall) = self.half();
        let (column, row) = ((x + wide) / self.scale, (y + tall) / self.scale);
        if column < 0.0 || row < 0.0 {
            return false;
        }
        let (line, row) = ((row / 10.0) as usize, row % 10.0);
        let letter = self
            .lines
            .get(line)
            .and_then(|text| text.chars().nth((column / 8.0) as usize));
        let glyph = letter.and_then(|letter| BASIC_FONTS.get(letter));
        glyph.is_some_and(|rows| row < 8.0 && rows[row as usize] >> (column as usize % 8) & 1 == 1)
    }

    /// Draws it and returns the box of its ink.
    fn draw(&self, canvas: &mut Canvas) -> Option<Area> {
        let [left, top, right, bottom] = self.fits(canvas)?;
        let (sin, cos) = self.turn.sin_cos();
        let mut area: Option<Area> = None;
        for y in top as usize..=bottom as usize {
            for x in left as usize..=right as usize {
                let inked = (0..STEPS * STEPS).filter(|step| {
                    let part = |step: usize| (step as f64 + 0.5) / STEPS as f64;
                    let dx = x as f64 + part(step % STEPS) - self.middle.0;
                    let dy = y as f64 + part(step / STEPS) - self.middle.1;
                    self.ink(dx * cos + dy * sin, dy * cos - dx * sin)
                });
                let share = inked.count() as f64 / (STEPS * STEPS) as f64;
                let pixel = &mut canvas.pixels[y * canvas.width as usize + x];
                for (channel, paint) in pixel.iter_mut().zip(self.paint) {
                    *channel += (paint - *channel) * share;
                }
                if share >= 0.5 {
                    let (x, y) = (x as f64, y as f64);
                    let [l, t, r, b] = area.unwrap_or([x, y, x, y]);
                    area = Some([l.min(x), t.min(y), r.max(x + 1.0), b.max(y + 1.0)]);
                }
            }
        }
        area
    }
}
