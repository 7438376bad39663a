//! The thing that the eye rests on: a kite, a balloon, a boat, or birds.

use super::noise::{hash, step};
use super::paint::{Canvas, mix};
use super::scene::{Colour, Motif, Scene};

const WHITE: Colour = [1.0, 0.98, 0.94];
const DARK: Colour = [0.10, 0.09, 0.13];

/// Draws the motif of the scene, on the side where the sun is not.
pub(super) fn add(canvas: &mut Canvas, scene: &Scene) {
    let (w, h, unit) = (canvas.width as f32, canvas.height as f32, canvas.unit());
    let side = if scene.sun.0 > 0.5 { 0.30 } else { 0.68 };
    match scene.motif {
        Motif::Kite => kite(
            canvas,
            (w * side, h * 0.29),
            unit * 0.125,
            scene.light.accent,
        ),
        Motif::Balloon => balloon(
            canvas,
            (w * side, h * 0.27),
            unit * 0.12,
            scene.light.accent,
        ),
        Motif::Boat => boat(
            canvas,
            (w * side, h * (scene.horizon + 0.10)),
            unit * 0.11,
            scene.light.accent,
        ),
        Motif::Birds => birds(canvas, scene, (w * side, h * 0.24), unit),
    }
}

/// Fills where `shade` gives a colour and an opacity, for points in units of `size` around `centre`.
fn fill(
    canvas: &mut Canvas,
    (cx, cy): (f32, f32),
    size: f32,
    shade: impl Fn(f32, f32) -> (Colour, f32),
) {
    let reach = (size * 3.2) as i32 + 1;
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (colour, opacity) = shade(dx as f32 / size, dy as f32 / size);
            canvas.blend(cx as i32 + dx, cy as i32 + dy, colour, opacity);
        }
    }
}

fn kite(canvas: &mut Canvas, centre: (f32, f32), size: f32, accent: Colour) {
    let soft = 1.5 / size;
    fill(canvas, centre, size, |x, y| {
        let (a, b) = (x * 0.87 + y * 0.5, y * 0.87 - x * 0.5);
        // Above the cross-bar the diamond is short, below it is long.
        let reach = if b < 0.0 {
            1.0 + b / 0.75
        } else {
            1.0 - b / 1.35
        };
        let inside = step(0.0, soft * 2.0, reach - a.abs() / 0.72);
        let panel = match (a < 0.0, b < 0.0) {
            (true, true) | (false, false) => accent,
            _ => mix(accent, WHITE, 0.22),
        };
        let bar = step(0.018, 0.008, a.abs().min(b.abs()));
        let sail = mix(panel, DARK, 0.55 * bar);
        if inside > 0.0 {
            return (sail, inside);
        }
        let along = b - 1.35;
        let path = 0.16 * (along * 4.2).sin();
        let tail = step(0.035 + soft, 0.02, (a - path).abs())
            * step(0.0, 0.05, along)
            * step(1.75, 1.6, along);
        let bow = ((along * 2.2).fract() - 0.5).abs();
        let knot =
            step(0.10, 0.07, (a - path).abs()) * step(0.16, 0.10, bow) * step(0.1, 0.2, along);
        (
            mix(DARK, accent, 0.85),
            tail.max(knot * step(1.75, 1.6, along)),
        )
    });
}

fn balloon(canvas: &mut Canvas, centre: (f32, f32), size: f32, accent: Colour) {
    let soft = 1.5 / size;
    fill(canvas, centre, size, |x, y| {
        let pinch = if y > 0.0 {
            1.0 - 0.38 * (y / 1.25).powi(2)
        } else {
            1.0
        };
        let tall = if y > 0.0 { y / 1.25 } else { y };
        let distance = ((x / pinch).powi(2) + tall.powi(2)).sqrt();
        let envelope = step(1.0 + soft, 1.0 - soft, distance);
        let gore = ((x / pinch).clamp(-1.0, 1.0).asin() * 2.9).floor() as i32;
        let cloth = if gore % 2 == 0 { accent } else { WHITE };
        let lit = mix(
            mix(cloth, DARK, 0.35 * step(-0.2, 1.0, x)),
            WHITE,
            0.25 * step(0.1, -0.9, x),
        );
        if envelope > 0.0 {
            return (lit, envelope);
        }
        let basket = step(0.17 + soft, 0.17, x.abs()) * step(0.15 + soft, 0.15, (y - 1.72).abs());
        let rope = step(
            0.015 + soft,
            0.01,
            (x.abs() - 0.15 - (1.57 - y) * 0.3).abs(),
        ) * step(1.1, 1.15, y)
            * step(1.60, 1.56, y);
        ([0.36, 0.22, 0.13], basket.max(rope * 0.8))
    });
}

fn boat(canvas: &mut Canvas, centre: (f32, f32), size: f32, accent: Colour) {
    let soft = 1.5 / size;
    fill(canvas, centre, size, |x, y| {
        let hull = step(0.0, soft, y)
            * step(0.30, 0.30 - soft, y)
            * step(soft, 0.0, x.abs() - 0.85 + y * 0.7);
        let main = step(0.0, soft, x - 0.04)
            * step(soft, 0.0, x - 0.04 - (y + 1.75) * 0.38)
            * step(-0.10, -0.14, y);
        let jib = step(0.0, soft, -x - 0.02)
            * step(soft, 0.0, -x - 0.02 - (y + 1.35) * 0.42)
            * step(-0.10, -0.14, y);
        let mast = step(0.02 + soft, 0.015, x.abs()) * step(-1.85, -1.8, y) * step(0.05, 0.0, y);
        match () {
            () if hull > 0.0 => (DARK, hull),
            () if main > 0.0 => (accent, main),
            () if jib > 0.0 => (WHITE, jib * 0.95),
            () => (DARK, mast),
        }
    });
}

fn birds(canvas: &mut Canvas, scene: &Scene, (x, y): (f32, f32), unit: f32) {
    for bird in 0..7 {
        let lot = |salt: i32| hash(bird, salt, scene.seed) - 0.5;
        let at = (x + lot(1) * unit * 0.42, y + lot(2) * unit * 0.22);
        let size = unit * (0.016 + 0.012 * (lot(3) + 0.5));
        let ink = mix(scene.light.near, scene.light.zenith, 0.2);
        fill(canvas, at, size, |x, y| {
            let wing = -0.55 * (x.abs() * 2.2).sin() * step(1.5, 0.2, x.abs()) + 0.1 * x;
            (
                ink,
                step(0.16, 0.05, (y - wing).abs() + 0.06 * x.abs()) * step(1.35, 1.2, x.abs()),
            )
        });
    }
}
