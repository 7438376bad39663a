//! Sizes in pixels, and which shape has which.

use domain::{AspectRatio, Resolution};

/// Width and height.
pub(crate) type Pixels = (u32, u32);

/// Width and height of a shape, upright or square; each may also be laid down.
pub(crate) type Ratio = (u32, u32);

/// What models 2.0 to 3.0 draw in which shape.
/// <https://docs.ideogram.ai/using-ideogram/generation-settings/aspect-ratio-and-dimensions>
pub(crate) const RATIOS: &[(Ratio, Pixels)] = &[
    ((1, 1), (1024, 1024)),
    ((4, 5), (896, 1120)),
    ((3, 4), (864, 1152)),
    ((2, 3), (832, 1248)),
    ((10, 16), (800, 1280)),
    ((9, 16), (736, 1312)),
    ((1, 2), (704, 1408)),
    ((1, 3), (512, 1536)),
];

/// The shapes of `POST /generate`, as models 2.0 and 2a draw them.
pub(crate) const LEGACY_RATIOS: &[(Ratio, Pixels)] = &[
    ((1, 1), (1024, 1024)),
    ((3, 4), (864, 1152)),
    ((2, 3), (832, 1248)),
    ((10, 16), (800, 1280)),
    ((9, 16), (736, 1312)),
    ((1, 3), (512, 1536)),
];

/// The shapes of `POST /generate`, as model 1.0 draws them.
pub(crate) const V1_RATIOS: &[(Ratio, Pixels)] = &[
    ((1, 1), (1024, 1024)),
    ((3, 4), (768, 1024)),
    ((2, 3), (768, 1152)),
    ((10, 16), (768, 1232)),
    ((9, 16), (720, 1280)),
    ((1, 3), (512, 1536)),
];

/// The shapes of model 3.0 by name.
pub(crate) const V3_RATIOS: &[Ratio] = &[
    (1, 1),
    (4, 5),
    (3, 4),
    (2, 3),
    (10, 16),
    (9, 16),
    (1, 2),
    (1, 3),
];

/// The shapes of model 4.0 by name.
pub(crate) const V4_RATIOS: &[Ratio] = &[
    (1, 1),
    (4, 5),
    (3, 4),
    (2, 3),
    (10, 16),
    (9, 16),
    (1, 2),
    (1, 3),
    (1, 4),
];

/// The shapes of Nano Banana Pro; GPT Image publishes no list, and is asked for these.
pub(crate) const COLON_RATIOS: &[Ratio] = &[(1, 1), (2, 3), (3, 4), (4, 5), (9, 16), (21, 9)];

/// The shapes of Nano Banana 2.
pub(crate) const NANO_RATIOS: &[Ratio] = &[
    (1, 1),
    (2, 3),
    (3, 4),
    (4, 5),
    (9, 16),
    (21, 9),
    (1, 4),
    (1, 8),
];

/// The shape of the list that is `wanted`, written as the list writes it, and its size.
pub(crate) fn shape(
    list: &[(Ratio, Pixels)],
    wanted: AspectRatio,
) -> Option<(AspectRatio, Resolution)> {
    list.iter()
        .flat_map(|&(ratio, pixels)| [(ratio, pixels), (lay(ratio), lay(pixels))])
        .find_map(|((width, height), pixels)| {
            let ratio = AspectRatio { width, height };
            same(wanted, (width, height)).then(|| (ratio, resolution(pixels)))
        })
}

/// The shape of the list that is `wanted`, written as the list writes it.
pub(crate) fn ratio(list: &[Ratio], wanted: AspectRatio) -> Option<AspectRatio> {
    list.iter()
        .flat_map(|&ratio| [ratio, lay(ratio)])
        .find(|&ratio| same(wanted, ratio))
        .map(|(width, height)| AspectRatio { width, height })
}

/// The sizes of the list that have exactly the shape that is `wanted`.
pub(crate) fn of_shape(list: &[Pixels], wanted: AspectRatio) -> impl Iterator<Item = Resolution> {
    list.iter()
        .copied()
        .filter(move |&pixels| same(wanted, pixels))
        .map(resolution)
}

/// Whether model 4.5 draws that size from pictures.
pub(crate) fn is_stepped(Resolution { width, height }: Resolution) -> bool {
    let (short, long) = (width.min(height), width.max(height));
    width.is_multiple_of(32)
        && height.is_multiple_of(32)
        && short >= 256
        && long <= 6 * short
        && u64::from(width) * u64::from(height) <= 2_048 * 2_048
}

/// The size of the list that differs least from `wanted` in its sides.
pub(crate) fn nearest(list: &[Pixels], wanted: Resolution) -> Option<Resolution> {
    let distance =
        |(width, height): Pixels| wanted.width.abs_diff(width) + wanted.height.abs_diff(height);
    list.iter()
        .copied()
        .min_by_key(|&pixels| distance(pixels))
        .map(resolution)
}

/// Whether the list has that size.
pub(crate) fn contains(list: &[Pixels], wanted: Resolution) -> bool {
    list.contains(&(wanted.width, wanted.height))
}

fn same(ratio: AspectRatio, (width, height): (u32, u32)) -> bool {
    u64::from(ratio.width) * u64::from(height) == u64::from(ratio.height) * u64::from(width)
}

const fn lay((width, height): (u32, u32)) -> (u32, u32) {
    (height, width)
}

const fn resolution((width, height): Pixels) -> Resolution {
    Resolution { width, height }
}

/// What `POST /generate` draws with model 2.0.
#[rustfmt::skip]
pub(crate) const LEGACY: &[Pixels] = &[
    (512, 1536), (576, 1408), (576, 1472), (576, 1536), (640, 1024), (640, 1344), (640, 1408),
    (640, 1472), (640, 1536), (704, 1152), (704, 1216), (704, 1280), (704, 1344), (704, 1408),
    (704, 1472), (720, 1280), (736, 1312), (768, 1024), (768, 1088), (768, 1152), (768, 1216),
    (768, 1232), (768, 1280), (768, 1344), (832, 960), (832, 1024), (832, 1088), (832, 1152),
    (832, 1216), (832, 1248), (864, 1152), (896, 960), (896, 1024), (896, 1088), (896, 1120),
    (896, 1152), (960, 832), (960, 896), (960, 1024), (960, 1088), (1024, 640), (1024, 768),
    (1024, 832), (1024, 896), (1024, 960), (1024, 1024), (1088, 768), (1088, 832), (1088, 896),
    (1088, 960), (1120, 896), (1152, 704), (1152, 768), (1152, 832), (1152, 864), (1152, 896),
    (1216, 704), (1216, 768), (1216, 832), (1232, 768), (1248, 832), (1280, 704), (1280, 720),
    (1280, 768), (1280, 800), (1312, 736), (1344, 640), (1344, 704), (1344, 768), (1408, 576),
    (1408, 640), (1408, 704), (1472, 576), (1472, 640), (1472, 704), (1536, 512), (1536, 576),
    (1536, 640),
];

/// What model 3.0 draws.
#[rustfmt::skip]
pub(crate) const V3: &[Pixels] = &[
    (512, 1536), (576, 1408), (576, 1472), (576, 1536), (640, 1344), (640, 1408), (640, 1472),
    (640, 1536), (704, 1152), (704, 1216), (704, 1280), (704, 1344), (704, 1408), (704, 1472),
    (736, 1312), (768, 1088), (768, 1216), (768, 1280), (768, 1344), (800, 1280), (832, 960),
    (832, 1024), (832, 1088), (832, 1152), (832, 1216), (832, 1248), (864, 1152), (896, 960),
    (896, 1024), (896, 1088), (896, 1120), (896, 1152), (960, 832), (960, 896), (960, 1024),
    (960, 1088), (1024, 832), (1024, 896), (1024, 960), (1024, 1024), (1088, 768), (1088, 832),
    (1088, 896), (1088, 960), (1120, 896), (1152, 704), (1152, 832), (1152, 864), (1152, 896),
    (1216, 704), (1216, 768), (1216, 832), (1248, 832), (1280, 704), (1280, 768), (1280, 800),
    (1312, 736), (1344, 640), (1344, 704), (1344, 768), (1408, 576), (1408, 640), (1408, 704),
    (1472, 576), (1472, 640), (1472, 704), (1536, 512), (1536, 576), (1536, 640),
];

/// What model 4.0 draws: around a million pixels first, then four times as many.
#[rustfmt::skip]
pub(crate) const V4: &[Pixels] = &[
    (1024, 1024), (896, 1120), (1120, 896), (864, 1152), (1152, 864), (832, 1248), (1248, 832),
    (800, 1280), (1280, 800), (720, 1280), (1280, 720), (720, 1440), (1440, 720), (512, 1536),
    (1536, 512), (2048, 2048), (1440, 2880), (2880, 1440), (1664, 2496), (2496, 1664), (1792, 2240),
    (2240, 1792), (1440, 2560), (2560, 1440), (1600, 2560), (2560, 1600), (1728, 2304),
    (2304, 1728), (1296, 3168), (3168, 1296), (1152, 2944), (2944, 1152), (1248, 3328),
    (3328, 1248), (1280, 3072), (3072, 1280), (1024, 3072), (3072, 1024),
];

/// What model 4.5 draws from a prompt alone, in the order of [`V4`].
#[rustfmt::skip]
pub(crate) const V45: &[Pixels] = &[
    (1024, 1024), (896, 1120), (1120, 896), (864, 1152), (1152, 864), (832, 1248), (1248, 832),
    (800, 1280), (1280, 800), (720, 1280), (1280, 720), (720, 1440), (1440, 720), (2048, 2048),
    (1440, 2880), (2880, 1440), (1664, 2496), (2496, 1664), (1792, 2240), (2240, 1792),
    (1440, 2560), (2560, 1440), (1600, 2560), (2560, 1600), (1728, 2304), (2304, 1728),
    (1296, 3168), (3168, 1296), (1152, 2944), (2944, 1152), (1248, 3328), (3328, 1248),
    (1280, 3072), (3072, 1280), (1024, 3072), (3072, 1024),
];
