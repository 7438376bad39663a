//! The outlines of the ranges, from the farthest to the nearest.

use super::noise::{fractal, hash, step, value};
use super::scene::{Land, Scene};

/// How many ranges there are.
pub(super) const RIDGES: usize = 5;

/// The outline of one range: where it begins and how it leans, for each column.
pub(super) struct Ridge {
    pub(super) tops: Vec<f32>,
    pub(super) slopes: Vec<f32>,
}

impl Ridge {
    pub(super) fn new(scene: &Scene, depth: usize, width: u32, height: u32, unit: f32) -> Self {
        let ground = height as f32 * (1.0 - scene.horizon);
        let base = height as f32 * scene.horizon + ground * 0.86 * (depth as f32 / RIDGES as f32);
        let tops: Vec<f32> = (0..width)
            .map(|x| base - unit * relief(scene, depth, x as f32 / unit))
            .collect();
        let reach = (unit * 0.012).max(1.0) as usize;
        let slope = |x: usize| {
            let (left, right) = (x.saturating_sub(reach), (x + reach).min(tops.len() - 1));
            (tops[right] - tops[left]) / (right - left).max(1) as f32
        };
        let slopes = (0..tops.len()).map(slope).collect();
        Self { tops, slopes }
    }
}

/// How high the range `depth` rises at `u` above its base, in units of the shorter side.
fn relief(scene: &Scene, depth: usize, u: f32) -> f32 {
    let seed = scene.seed.wrapping_add(depth as u32 * 7919);
    let (d, row) = (depth as f32, depth as f32 * 3.7);
    match scene.land {
        Land::Dunes => {
            let wide = value(u * (2.4 - 0.2 * d), row, seed);
            let crest = 1.0 - (2.0 * value(u * 2.1 + 0.3, row + 9.0, seed) - 1.0).abs();
            0.10 * wide + 0.13 * crest.powf(1.6) - 0.03
        }
        Land::Mountains => {
            let crag = 1.0 - (2.0 * fractal(u * 2.6, row, 5, seed) - 1.0).abs();
            (0.30 - 0.045 * d) * crag.powf(1.8) - 0.02
        }
        Land::Forest => {
            let hill = 0.16 * fractal(u * 1.8, row, 3, seed);
            let step = 0.012 + 0.009 * d;
            let (tree, across) = ((u / step).floor(), (u / step).fract());
            let tall = 0.4 + 0.6 * hash(tree as i32, depth as i32, seed);
            hill + step * 2.2 * tall * (1.0 - (2.0 * across - 1.0).abs())
        }
        Land::City => {
            let wide = 0.035 + 0.014 * d;
            let house = (u / wide).floor() as i32;
            let tall = hash(house, depth as i32, seed);
            0.02 + (0.30 - 0.03 * d) * tall * tall
        }
        Land::Sea => 0.07 * step(0.45, 0.8, fractal(u * 1.6, row, 4, seed)) + 0.002,
    }
}
