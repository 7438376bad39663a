//! A labelled set: pictures drawn by a seed, with lettering in boxes that are known since we drew it.
//!
//! Words of a bitmap font, enlarged, softened, inclined, in one to three blocks, over eight kinds of
//! ground, in three shapes of picture. A seed gives the same set on every machine.
#![allow(dead_code, reason = "the test and the bench use other parts")]

mod ground;
mod words;

use anyhow::Result;
use imaging::{Limits, Picture, decode};
use png::{BitDepth, ColorType};

pub(crate) use ground::GROUNDS;

const SHAPES: [(u32, u32); 3] = [(1024, 1024), (1312, 736), (736, 1312)];

/// A box in pixels: left, top, right, bottom.
pub(crate) type Area = [f64; 4];

/// One picture of the set.
#[derive(Debug)]
pub(crate) struct Labelled {
    pub(crate) name: String,
    pub(crate) picture: Picture,
    /// Where the ink of each block of lettering is.
    pub(crate) lettering: Vec<Area>,
}

/// Pixels to draw on, three bytes each.
#[derive(Debug)]
pub(crate) struct Canvas {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<[f64; 3]>,
}

/// Numbers that look like chance and are none (PCG, O'Neill 2014).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.roll();
        dice
    }

    fn roll(&mut self) -> u32 {
        let state = self.0;
        self.0 = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (((state >> 18) ^ state) >> 27) as u32 ^ (state >> 59) as u32
    }

    /// From `low` up to `high`.
    pub(crate) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from(self.roll()) / f64::from(u32::MAX)
    }

    /// Less than `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.roll() as usize % count
    }
}

/// As many pictures as asked for, through all grounds and shapes in turn.
pub(crate) fn set(seed: u64, count: usize) -> Result<Vec<Labelled>> {
    (0..count).map(|index| labelled(seed, index)).collect()
}

fn labelled(seed: u64, index: usize) -> Result<Labelled> {
    let mut dice = Dice::new((seed << 16) | (index as u64 + 1));
    let (ground, draw) = GROUNDS[index % GROUNDS.len()];
    let (width, height) = SHAPES[index / GROUNDS.len() % SHAPES.len()];
    let mut canvas = Canvas {
        width,
        height,
        pixels: vec![[0.0; 3]; (width * height) as usize],
    };
    draw(&mut canvas, &mut dice);
    let lettering = words::write(&mut canvas, &mut dice);
    let pixels: Vec<u8> = canvas
        .pixels
        .iter()
        .flat_map(|pixel| pixel.map(|channel| channel.clamp(0.0, 255.0).round() as u8))
        .collect();
    let png = crate::samples::png(width, height, ColorType::Rgb, BitDepth::Eight, &pixels)?;
    Ok(Labelled {
        name: format!("{index} {ground} {width}x{height}"),
        picture: decode(&png, &Limits::default())?,
        lettering,
    })
}

/// Whether a window of this size can show all lettering of the picture at once.
pub(crate) fn can_survive(labelled: &Labelled, width: f64, height: f64) -> bool {
    let least = |side: usize| {
        labelled
            .lettering
            .iter()
            .map(|area| area[side])
            .fold(f64::MAX, f64::min)
    };
    let most = |side: usize| {
        labelled
            .lettering
            .iter()
            .map(|area| area[side])
            .fold(0.0, f64::max)
    };
    most(2) - least(0) <= width && most(3) - least(1) <= height
}

/// Whether the kept part shows all lettering; half a pixel is the softness of its edge.
pub(crate) fn survives(labelled: &Labelled, crop: &imaging::Crop) -> bool {
    const SOFT: f64 = 0.5;
    labelled
        .lettering
        .iter()
        .all(|&[left, top, right, bottom]| {
            left >= crop.left - SOFT
                && top >= crop.top - SOFT
                && right <= crop.left + crop.width + SOFT
                && bottom <= crop.top + crop.height + SOFT
        })
}
