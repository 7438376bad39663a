//! What lettering stands on: from a plain colour to what looks a little like lettering itself.

use super::{Canvas, Dice};

type Draw = fn(&mut Canvas, &mut Dice);

/// All kinds, by name.
pub(crate) const GROUNDS: [(&str, Draw); 8] = [
    ("plain", plain),
    ("gradient", gradient),
    ("grain", grain),
    ("shapes", shapes),
    ("stripes", stripes),
    ("landscape", landscape),
    ("leaves", leaves),
    ("city", city),
];

type Color = [f64; 3];

fn color(dice: &mut Dice) -> Color {
    [0; 3].map(|_| dice.within(20.0, 235.0))
}

fn mixed(a: Color, b: Color, share: f64) -> Color {
    [0, 1, 2].map(|channel| a[channel] * (1.0 - share) + b[channel] * share)
}

/// Sets every pixel from its place in fractions and in pixels.
fn fill(canvas: &mut Canvas, mut of: impl FnMut(f64, f64, Color) -> Color) {
    let width = canvas.width as usize;
    for (at, pixel) in canvas.pixels.iter_mut().enumerate() {
        *pixel = of((at % width) as f64, (at / width) as f64, *pixel);
    }
}

fn plain(canvas: &mut Canvas, dice: &mut Dice) {
    let ground = color(dice);
    fill(canvas, |_, _, _| ground);
}

fn gradient(canvas: &mut Canvas, dice: &mut Dice) {
    let (from, to) = (color(dice), color(dice));
    let (width, height) = (f64::from(canvas.width), f64::from(canvas.height));
    let bend = dice.within(0.5, 2.0);
    fill(canvas, |x, y, _| {
        mixed(from, to, ((x / width + y / height) / 2.0).powf(bend))
    });
}

fn grain(canvas: &mut Canvas, dice: &mut Dice) {
    gradient(canvas, dice);
    let strength = dice.within(8.0, 28.0);
    fill(canvas, |_, _, was| {
        let noise = dice.within(-strength, strength);
        was.map(|channel| channel + noise)
    });
}

fn shapes(canvas: &mut Canvas, dice: &mut Dice) {
    gradient(canvas, dice);
    for _ in 0..18 {
        let (x0, y0) = place(canvas, dice);
        let (radius, paint) = (dice.within(30.0, 220.0), color(dice));
        let square = dice.below(2) == 0;
        fill(canvas, |x, y, was| {
            let (dx, dy) = ((x - x0).abs(), (y - y0).abs());
            let off = if square { dx.max(dy) } else { dx.hypot(dy) };
            mixed(was, paint, (radius - off + 0.5).clamp(0.0, 1.0))
        });
    }
}

fn stripes(canvas: &mut Canvas, dice: &mut Dice) {
    let (from, to) = (color(dice), color(dice));
    let to = mixed(from, to, 0.6);
    let (period, turn) = (dice.within(16.0, 90.0), dice.within(0.0, 3.1));
    fill(canvas, |x, y, _| {
        let along = (x * turn.cos() + y * turn.sin()) / period;
        mixed(
            from,
            to,
            ((along - along.floor() - 0.5).abs() * 2.0 * period - period / 2.0).clamp(0.0, 1.0),
        )
    });
}

/// A sky, hills behind each other, and a sun.
fn landscape(canvas: &mut Canvas, dice: &mut Dice) {
    gradient(canvas, dice);
    let (width, height) = (f64::from(canvas.width), f64::from(canvas.height));
    let (sun_x, sun_y) = (
        dice.within(0.2, 0.8) * width,
        dice.within(0.1, 0.4) * height,
    );
    fill(canvas, |x, y, was| {
        mixed(
            was,
            [255.0, 240.0, 190.0],
            (60.0 - (x - sun_x).hypot(y - sun_y)).clamp(0.0, 1.0),
        )
    });
    for hill in 0..4 {
        let (paint, start) = (color(dice), dice.within(0.0, 6.0));
        let (base, swing) = (0.45 + 0.13 * f64::from(hill), dice.within(0.02, 0.08));
        let mut rough = Dice::new(u64::from(hill as u32) + 7);
        fill(canvas, |x, y, was| {
            let wave = (x / width * 9.0 + start).sin() + 0.4 * (x / width * 31.0 + start).sin();
            let inside = y - (base + swing * wave) * height;
            let texture = rough.within(-9.0, 9.0);
            mixed(
                was,
                paint.map(|channel| channel + texture),
                inside.clamp(0.0, 1.0),
            )
        });
    }
}

/// Hundreds of small soft ovals, in every direction.
fn leaves(canvas: &mut Canvas, dice: &mut Dice) {
    gradient(canvas, dice);
    let base = color(dice);
    for _ in 0..700 {
        let (x0, y0) = place(canvas, dice);
        let (long, wide) = (dice.within(8.0, 34.0), dice.within(3.0, 11.0));
        let (sin, cos) = dice.within(0.0, 3.1).sin_cos();
        let shade = dice.within(-32.0, 32.0);
        let paint = base.map(|channel| channel + shade);
        around(canvas, (x0, y0), long + 1.0, |x, y, was| {
            let (along, across) = (x * cos + y * sin, y * cos - x * sin);
            let off = (along / long).hypot(across / wide);
            mixed(was, paint, ((1.0 - off) * wide).clamp(0.0, 1.0))
        });
    }
}

/// Houses with rows of windows, some lit: the pattern nearest to lettering.
fn city(canvas: &mut Canvas, dice: &mut Dice) {
    gradient(canvas, dice);
    let (width, height) = (f64::from(canvas.width), f64::from(canvas.height));
    let mut left = 0.0;
    while left < width {
        let (wide, tall) = (dice.within(70.0, 180.0), dice.within(0.2, 0.7) * height);
        let (wall, lit) = (color(dice).map(|channel| channel * 0.5), color(dice));
        let (pitch, pane) = (dice.within(18.0, 36.0), dice.within(0.35, 0.6));
        fill(canvas, |x, y, was| {
            if x < left || x >= left + wide || y < height - tall {
                return was;
            }
            let (u, v) = ((x - left) / pitch, (y - height + tall) / pitch);
            let window = (u - u.floor() < pane) && (v - v.floor() < pane);
            let on = ((u.floor() * 7.0 + v.floor() * 13.0) * 0.618).fract() < 0.6;
            if window && on {
                mixed(wall, lit, 0.45)
            } else {
                wall
            }
        });
        left += wide;
    }
}

fn place(canvas: &Canvas, dice: &mut Dice) -> (f64, f64) {
    (
        dice.within(0.0, f64::from(canvas.width)),
        dice.within(0.0, f64::from(canvas.height)),
    )
}

/// Sets pixels within `radius` of a place, by their distance to it.
fn around(canvas: &mut Canvas, at: (f64, f64), radius: f64, of: impl Fn(f64, f64, Color) -> Color) {
    let range = |at: f64, side: u32| {
        let low = (at - radius).max(0.0) as usize;
        low..((at + radius + 1.0).max(0.0) as usize).min(side as usize)
    };
    for y in range(at.1, canvas.height) {
        for x in range(at.0, canvas.width) {
            let pixel = &mut canvas.pixels[y * canvas.width as usize + x];
            *pixel = of(x as f64 - at.0, y as f64 - at.1, *pixel);
        }
    }
}
