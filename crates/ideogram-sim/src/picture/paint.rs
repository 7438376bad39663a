//! Sky, sun, clouds and land, pixel by pixel.

use image::RgbImage;

use super::noise::{fractal, hash, lerp, step, value};
use super::ridge::{RIDGES, Ridge};
use super::scene::{Colour, Land, Scene};

/// How far the grain moves a channel, in steps of 1/255. It makes a file weigh what a photograph
/// of the same size does.
const GRAIN: f32 = 7.0;

/// Rows of red, green and blue bytes.
pub(super) struct Canvas {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixels: Vec<u8>,
    /// A byte for each pixel, where some of them are transparent.
    pub(super) alpha: Option<Vec<u8>>,
}

/// A scene laid out for a size. Lengths are in units of the shorter side.
struct Layout<'a> {
    scene: &'a Scene,
    unit: f32,
    height: f32,
    ridges: Vec<Ridge>,
}

impl Canvas {
    pub(super) fn paint(scene: &Scene, (width, height): (u32, u32)) -> Self {
        let layout = Layout::new(scene, width, height);
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
        let mut grain = scene.seed | 1;
        for y in 0..height {
            for x in 0..width {
                for channel in layout.colour(x, y) {
                    grain ^= grain << 13;
                    grain ^= grain >> 17;
                    grain ^= grain << 5;
                    let speck = (grain >> 8) as f32 / (1u32 << 24) as f32 - 0.5;
                    pixels.push((channel * 255.0 + speck * GRAIN + 0.5) as u8);
                }
            }
        }
        Self {
            width,
            height,
            pixels,
            alpha: None,
        }
    }

    /// A picture that is there already.
    pub(super) fn of(image: RgbImage) -> Self {
        Self {
            width: image.width(),
            height: image.height(),
            pixels: image.into_raw(),
            alpha: None,
        }
    }

    /// Lays `image` over the canvas at `corner`, each pixel as opaque as `opacity` says.
    pub(super) fn lay(
        &mut self,
        image: &RgbImage,
        corner: (u32, u32),
        opacity: impl Fn(u32, u32) -> f32,
    ) {
        for (x, y, pixel) in image.enumerate_pixels() {
            let opacity = opacity(x, y);
            let (left, top) = (x + corner.0, y + corner.1);
            if opacity <= 0.0 || left >= self.width || top >= self.height {
                continue;
            }
            let at = (top as usize * self.width as usize + left as usize) * 3;
            for (under, over) in self.pixels[at..at + 3].iter_mut().zip(pixel.0) {
                *under = lerp(f32::from(*under), f32::from(over), opacity.min(1.0)).round() as u8;
            }
        }
    }

    /// Makes all transparent but what `keeps`.
    pub(super) fn cut_out(&mut self, keeps: impl Fn(u32, u32) -> bool) {
        let rows = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        let alpha = rows.map(|(x, y)| if keeps(x, y) { u8::MAX } else { 0 });
        self.alpha = Some(alpha.collect());
    }

    /// Mixes `colour` over a pixel; outside the canvas nothing happens.
    pub(super) fn blend(&mut self, x: i32, y: i32, colour: Colour, opacity: f32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        if x >= self.width || y >= self.height || opacity <= 0.0 {
            return;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        for (pixel, channel) in self.pixels[at..at + 3].iter_mut().zip(colour) {
            *pixel = lerp(f32::from(*pixel), channel * 255.0, opacity.min(1.0)) as u8;
        }
    }

    /// The shorter side in pixels.
    pub(super) fn unit(&self) -> f32 {
        self.width.min(self.height) as f32
    }
}

impl<'a> Layout<'a> {
    fn new(scene: &'a Scene, width: u32, height: u32) -> Self {
        let unit = width.min(height) as f32;
        let ridges = (0..RIDGES)
            .map(|i| Ridge::new(scene, i, width, height, unit))
            .collect();
        Self {
            scene,
            unit,
            height: height as f32,
            ridges,
        }
    }

    fn colour(&self, x: u32, y: u32) -> Colour {
        let (px, py) = (x as f32, y as f32);
        if self.scene.land == Land::Sea && py > self.scene.horizon * self.height {
            let shore = &self.ridges[0];
            if py >= shore.tops[x as usize] + self.unit * 0.02 {
                return self.water(px, py);
            }
        }
        let front = if self.scene.land == Land::Sea {
            1
        } else {
            RIDGES
        };
        for depth in (0..front).rev() {
            if py >= self.ridges[depth].tops[x as usize] {
                return self.ground(depth, px, py);
            }
        }
        self.sky(px, py)
    }

    fn sky(&self, x: f32, y: f32) -> Colour {
        let light = &self.scene.light;
        let (u, v) = (x / self.unit, y / self.unit);
        let down = (y / (self.scene.horizon * self.height)).min(1.0);
        let mut sky = mix(light.zenith, light.horizon, down.powf(1.3));
        if self.scene.night {
            let cell = (self.unit / 420.0).max(1.0);
            let star = hash((x / cell) as i32, (y / cell) as i32, self.scene.seed);
            sky = mix(sky, [1.0; 3], step(0.9975, 1.0, star) * (1.0 - down));
        }
        let distance = self.sun_distance(x, y);
        sky = mix(sky, light.sun, 0.55 * (-distance * 4.5).exp());
        let cover = fractal(u * 1.7 + 0.3 * v, v * 5.5, 5, self.scene.seed);
        let lit = mix(light.sun, light.horizon, (distance * 1.6).min(1.0));
        sky = mix(
            sky,
            lit,
            0.75 * step(0.50, 0.78, cover) * step(1.05, 0.25, down),
        );
        let radius = if self.scene.night { 0.055 } else { 0.075 };
        mix(
            sky,
            light.sun,
            step(radius + 0.003, radius - 0.002, distance),
        )
    }

    fn ground(&self, depth: usize, x: f32, y: f32) -> Colour {
        let light = &self.scene.light;
        let ridge = &self.ridges[depth];
        let nearness = depth as f32 / (RIDGES - 1) as f32;
        let below = (y - ridge.tops[x as usize]) / self.unit;
        let (u, v) = (x / self.unit, y / self.unit);
        let base = mix(light.far, light.near, nearness.powf(1.15));

        let lean = self.lean(depth, x, y, below);
        let rough = fractal(u * 22.0, v * 34.0, 3, self.scene.seed ^ 77) - 0.5;
        let texture = match self.scene.land {
            Land::Dunes => {
                let bend = 7.0 * value(u * 4.0, v * 5.0, self.scene.seed ^ 5);
                0.05 * ((v * (150.0 - 60.0 * nearness) + bend * 3.0 + u * 22.0).sin()) * nearness
                    + 0.10 * rough
            }
            Land::City => return self.building(depth, x, y, base),
            _ => (0.12 + 0.22 * nearness) * rough,
        };
        let sunlit = mix(base, light.sun, 0.30 * lean.max(0.0));
        let shaded = mix(sunlit, [0.02, 0.02, 0.06], 0.42 * (-lean).max(0.0));
        let mist = (0.42 * (1.0 - nearness) * (below * 4.5).min(1.0)).min(0.6);
        add(
            mix(shaded, light.horizon, mist),
            texture * (0.4 + 0.6 * nearness),
        )
    }

    /// How much the ground leans towards the sun, from -1 to 1. What the outline shows is carried
    /// down the slope, wandering, and fades: else it would hang down as a curtain.
    fn lean(&self, depth: usize, x: f32, y: f32, below: f32) -> f32 {
        let slopes = &self.ridges[depth].slopes;
        let (drift, fade) = match self.scene.land {
            Land::Forest => (0.0, 45.0),
            Land::Mountains => (1.3, 5.5),
            _ => (0.6, 4.0),
        };
        let (u, v) = (x / self.unit, y / self.unit);
        let bend = fractal(u * 5.0, v * 7.0, 3, self.scene.seed ^ 41) - 0.42;
        let column = (x + bend * drift * below.sqrt() * 0.55 * self.unit) as usize;
        let slope = slopes[column.min(slopes.len() - 1)];
        let side = if self.scene.sun.0 > 0.5 { -1.0 } else { 1.0 };
        (slope * side * 1.4).clamp(-1.0, 1.0) * (-below * fade).exp()
    }

    /// A house front: windows, some of them lit.
    fn building(&self, depth: usize, x: f32, y: f32, wall: Colour) -> Colour {
        let pane = (self.unit * (0.007 + 0.004 * depth as f32)).max(2.0);
        let (column, row) = ((x / pane) as i32, (y / pane) as i32);
        let (fx, fy) = ((x / pane).fract(), (y / pane).fract());
        let seed = self.scene.seed ^ (depth as u32 * 31);
        let glass = (0.22..0.80).contains(&fx) && (0.18..0.74).contains(&fy);
        let wall = add(
            wall,
            0.05 * (value(x / self.unit * 9.0, y / self.unit * 9.0, seed) - 0.5),
        );
        if depth > 0 && glass && hash(column, row, seed) > 0.62 {
            return mix(
                wall,
                self.scene.light.sun,
                0.35 + 0.5 * hash(row, column, seed),
            );
        }
        wall
    }

    /// The sky upside down, broken by waves, darker towards the viewer.
    fn water(&self, x: f32, y: f32) -> Colour {
        let line = self.scene.horizon * self.height;
        let deep = (y - line) / (self.height - line);
        let (u, v) = (x / self.unit, deep);
        let scale = 26.0 / (0.12 + v);
        let wave = fractal(u * scale * 0.22, v.sqrt() * 90.0, 3, self.scene.seed ^ 9) - 0.5;
        let mirrored =
            (line - (y - line) * 0.75 + wave * self.unit * 0.10 * (0.3 + v)).clamp(0.0, line);
        let reflected = self.sky(x + wave * self.unit * 0.05, mirrored);
        let water = mix(reflected, self.scene.light.near, 0.22 + 0.38 * v);
        let column = ((x / self.unit)
            - self.scene.sun.0 * (self.ridges[0].tops.len() as f32 / self.unit))
            .abs();
        let glitter = step(0.06, 0.22, wave) * step(0.10 + 0.22 * v, 0.0, column);
        mix(
            add(water, 0.16 * wave),
            self.scene.light.sun,
            0.85 * glitter,
        )
    }

    fn sun_distance(&self, x: f32, y: f32) -> f32 {
        let width = self.ridges[0].tops.len() as f32;
        let (dx, dy) = (
            x - self.scene.sun.0 * width,
            y - self.scene.sun.1 * self.height,
        );
        (dx * dx + dy * dy).sqrt() / self.unit
    }
}

pub(super) fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    [
        lerp(a[0], b[0], t),
        lerp(a[1], b[1], t),
        lerp(a[2], b[2], t),
    ]
}

fn add(colour: Colour, light: f32) -> Colour {
    colour.map(|channel| channel + light)
}
