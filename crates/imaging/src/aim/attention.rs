use super::window::Window;
use crate::small::Small;

/// The longest side that is looked at: what matters is larger than a pixel of it.
const SIDE: usize = 128;
/// What a place at the very edge must have more of to win over the middle.
const CENTRED: f64 = 0.15;

/// The offset at which the window shows most of what draws the eye: edges, strong colours and the
/// colours of skin. The method of libvips' and smartcrop.js' `attention`, along one axis.
pub(super) fn best(small: &Small, window: &Window) -> f64 {
    let small = small.within(SIDE);
    let energy = profile(&energy(&small), small.width, window.horizontal);
    let length = (window.length * energy.len() as f64).round() as usize;
    let places = energy.len().saturating_sub(length);
    if places == 0 {
        return window.room() / 2.0;
    }
    let mut sum: f64 = energy.iter().take(length).sum();
    let (mut best, mut most) = (places as f64 / 2.0, f64::MIN);
    for place in 0..=places {
        let middle = (2.0 * place as f64 / places as f64 - 1.0).abs();
        let value = sum * (1.0 - CENTRED * middle * middle) - middle * f64::EPSILON;
        if value > most {
            (best, most) = (place as f64, value);
        }
        if let (Some(gone), Some(come)) = (energy.get(place), energy.get(place + length)) {
            sum += come - gone;
        }
    }
    best / places as f64 * window.room()
}

/// How much each pixel draws the eye.
fn energy(small: &Small) -> Vec<f64> {
    let luma = small.luma();
    let (width, height) = (small.width, small.height);
    let at = |x: usize, y: usize| f64::from(luma[y * width + x]);
    let mut energy = Vec::with_capacity(luma.len());
    for y in 0..height {
        for x in 0..width {
            let around = at(x.saturating_sub(1), y)
                + at((x + 1).min(width - 1), y)
                + at(x, y.saturating_sub(1))
                + at(x, (y + 1).min(height - 1));
            let edge = (4.0 * at(x, y) - around).abs() / 255.0;
            energy.push(edge + appeal(small.pixels[y * width + x]));
        }
    }
    energy
}

/// What the colour alone is worth.
fn appeal([r, g, b, a]: [u8; 4]) -> f64 {
    let [r, g, b] = [r, g, b].map(|channel| f64::from(channel) / 255.0);
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let lightness = (high + low) / 2.0;
    if !(0.05..0.95).contains(&lightness) {
        return 0.0;
    }
    let saturation = (high - low) / (1.0 - (2.0 * lightness - 1.0).abs());
    // Light and dark skin have about this direction in RGB (smartcrop.js).
    let length = (r * r + g * g + b * b).sqrt();
    let [dr, dg, db] = [r / length - 0.78, g / length - 0.57, b / length - 0.44];
    let skin = 1.0 - (dr * dr + dg * dg + db * db).sqrt();
    let skin = if skin > 0.8 && lightness > 0.2 {
        (skin - 0.8) * 5.0
    } else {
        0.0
    };
    (0.3 * (saturation - 0.4).max(0.0) + 0.5 * skin) * f64::from(a) / 255.0
}

/// The energy of each column, or of each row, over what every one of them has.
fn profile(energy: &[f64], width: usize, columns: bool) -> Vec<f64> {
    let rows = energy.chunks_exact(width);
    let mut profile: Vec<f64> = if columns {
        rows.fold(vec![0.0; width], |mut sums, row| {
            sums.iter_mut().zip(row).for_each(|(sum, one)| *sum += one);
            sums
        })
    } else {
        rows.map(|row| row.iter().sum()).collect()
    };
    let least = profile.iter().copied().fold(f64::MAX, f64::min);
    profile.iter_mut().for_each(|sum| *sum -= least);
    profile
}
