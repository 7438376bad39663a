//! What a prompt makes one think of: a land, a light, and something in it.

use super::Subject;

/// Red, green and blue between 0 and 1.
pub(super) type Colour = [f32; 3];

/// The lie of the land.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Land {
    Dunes,
    Mountains,
    Forest,
    City,
    Sea,
}

/// What stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motif {
    Kite,
    Balloon,
    Boat,
    Birds,
}

/// The colours of a time of day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Light {
    pub(super) zenith: Colour,
    pub(super) horizon: Colour,
    pub(super) sun: Colour,
    pub(super) far: Colour,
    pub(super) near: Colour,
    pub(super) accent: Colour,
}

/// All that is decided before the first stroke.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) seed: u32,
    pub(super) land: Land,
    pub(super) light: Light,
    pub(super) night: bool,
    pub(super) motif: Motif,
    /// Where the land begins, from the top.
    pub(super) horizon: f32,
    /// The middle of the sun or moon.
    pub(super) sun: (f32, f32),
}

const NIGHT: Light = light([0x0b1030, 0x46568f, 0xf3f1dc, 0x36427a, 0x080b18, 0xffd166]);
const DESERT: [Light; 2] = [
    light([0x3f8fc4, 0xfbe3b4, 0xfff6dc, 0xe3b277, 0x9a5426, 0xd62828]),
    light([0x473a7a, 0xf9a66c, 0xffe7b0, 0xd08159, 0x5c2a2c, 0xe63946]),
];
const DAYS: [Light; 6] = [
    light([0x2b2f66, 0xf7a579, 0xffe3a9, 0xa4687f, 0x26182f, 0xe63946]),
    light([0x1f6680, 0xf6cba9, 0xfff1d6, 0x6f9ca6, 0x10323c, 0xf25f5c]),
    light([0x3f92d8, 0xe3f3fb, 0xfffbe6, 0x93bda0, 0x24502f, 0xff6b6b]),
    light([0x6a4c93, 0xffbcc6, 0xfff0f3, 0xb382a6, 0x35204a, 0xffca3a]),
    light([0x6f90b8, 0xeef3f9, 0xffffff, 0xa6bbd2, 0x2f4358, 0xe4572e]),
    light([0x14506b, 0xf4d58d, 0xfff3c4, 0x708d81, 0x0f2a2c, 0xbf0603]),
];
const LANDS: [Land; 5] = [
    Land::Mountains,
    Land::Dunes,
    Land::Forest,
    Land::Sea,
    Land::City,
];

impl Scene {
    /// Decides by the words of the prompt, and by lot where they say nothing.
    pub(super) fn imagine(subject: &Subject) -> Self {
        let key = subject.key;
        let says = words(&subject.prompt);
        let land = land(&says).unwrap_or(LANDS[usize::from(key[4]) % LANDS.len()]);
        let night = says(&["night", "moon", "star", "midnight"]);
        let mut light = match land {
            _ if night => NIGHT,
            Land::Dunes => DESERT[usize::from(key[5]) % DESERT.len()],
            _ => DAYS[usize::from(key[5]) % DAYS.len()],
        };
        if let Some(accent) = accent(&says) {
            light.accent = accent;
        }
        let lot = |byte: u8| f32::from(byte) / 255.0;
        Self {
            seed: u32::from_be_bytes([key[0], key[1], key[2], key[3]]),
            land,
            light,
            night,
            motif: motif(&says),
            horizon: 0.50 + 0.10 * lot(key[6]),
            sun: (0.18 + 0.64 * lot(key[7]), 0.20 + 0.18 * lot(key[8])),
        }
    }
}

/// A test whether one of some words begins a word of the prompt.
fn words(prompt: &str) -> impl Fn(&[&str]) -> bool {
    let lower = prompt.to_lowercase();
    let words: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_owned)
        .collect();
    move |starts| {
        words
            .iter()
            .any(|word| starts.iter().any(|start| word.starts_with(start)))
    }
}

fn land(says: &impl Fn(&[&str]) -> bool) -> Option<Land> {
    [
        (Land::Dunes, ["dune", "desert", "sand", "sahara"]),
        (Land::Sea, ["sea", "ocean", "lake", "harbo"]),
        (Land::City, ["city", "skyline", "tower", "street"]),
        (Land::Forest, ["forest", "tree", "pine", "wood"]),
        (Land::Mountains, ["mountain", "alp", "peak", "hill"]),
        (Land::Sea, ["boat", "ship", "sail", "coast"]),
    ]
    .into_iter()
    .find_map(|(land, starts)| says(&starts).then_some(land))
}

fn motif(says: &impl Fn(&[&str]) -> bool) -> Motif {
    match () {
        () if says(&["kite"]) => Motif::Kite,
        () if says(&["balloon"]) => Motif::Balloon,
        () if says(&["boat", "ship", "sail", "yacht"]) => Motif::Boat,
        () => Motif::Birds,
    }
}

fn accent(says: &impl Fn(&[&str]) -> bool) -> Option<Colour> {
    [
        ("red", 0x00d8_2a2a),
        ("blue", 0x002a_6fd8),
        ("green", 0x002f_9e5b),
        ("yellow", 0x00f6_c82f),
        ("orange", 0x00f3_8a2a),
        ("purple", 0x007b_3fb5),
        ("pink", 0x00f2_7ba8),
        ("white", 0x00f7_f7f2),
        ("black", 0x001b_1b1f),
    ]
    .into_iter()
    .find_map(|(name, hex)| says(&[name]).then_some(colour(hex)))
}

const fn light(hex: [u32; 6]) -> Light {
    Light {
        zenith: colour(hex[0]),
        horizon: colour(hex[1]),
        sun: colour(hex[2]),
        far: colour(hex[3]),
        near: colour(hex[4]),
        accent: colour(hex[5]),
    }
}

const fn colour(hex: u32) -> Colour {
    [
        ((hex >> 16) & 0xff) as f32 / 255.0,
        ((hex >> 8) & 0xff) as f32 / 255.0,
        (hex & 0xff) as f32 / 255.0,
    ]
}
