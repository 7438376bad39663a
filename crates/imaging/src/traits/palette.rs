use super::Swatch;

const COLORS: usize = 5;
/// Clusters hardly move after this many steps, and no picture takes longer.
const STEPS: usize = 12;
/// Squared distance in Oklab below which the eye sees one colour.
const SAME: f32 = 0.02 * 0.02;

type Lab = [f32; 3];

/// A colour and how many pixels it has, in pixels of full opacity.
#[derive(Debug, Clone, Copy)]
struct Sample {
    lab: Lab,
    weight: f32,
}

/// At most five colours of these pixels in straight RGBA, by k-means in Oklab. The clusters start as
/// the parts of a repeated cut through the widest of them, so no chance is involved.
pub(super) fn palette(pixels: &[[u8; 4]]) -> Vec<Swatch> {
    let samples: Vec<Sample> = pixels
        .iter()
        .filter(|pixel| pixel[3] > 0)
        .map(|&[r, g, b, a]| Sample {
            lab: oklab([r, g, b]),
            weight: f32::from(a) / 255.0,
        })
        .collect();
    let total: f32 = samples.iter().map(|sample| sample.weight).sum();
    let mut centres = start(&samples);
    let mut clusters = Vec::new();
    for _ in 0..STEPS {
        clusters = assigned(&samples, &centres);
        centres = clusters.iter().map(|(centre, _)| *centre).collect();
    }
    let mut swatches: Vec<Swatch> = clusters
        .into_iter()
        .map(|(lab, weight)| Swatch {
            rgb: srgb(lab),
            oklab: lab,
            weight: weight / total,
        })
        .collect();
    swatches.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    swatches
}

/// Halves the group with the most spread, at the mean of its widest axis, until there are enough.
fn start(samples: &[Sample]) -> Vec<Lab> {
    let mut groups = vec![samples.to_vec()];
    while groups.len() < COLORS {
        let widest = groups
            .iter()
            .map(|group| spread(group))
            .enumerate()
            .max_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        let Some((index, (axis, spread))) = widest else {
            break;
        };
        if spread <= SAME {
            break;
        }
        let group = groups.swap_remove(index);
        let mean = mean(&group).0[axis];
        let (low, high) = group.into_iter().partition(|one| one.lab[axis] < mean);
        groups.extend([low, high]);
    }
    groups
        .iter()
        .filter(|group| !group.is_empty())
        .map(|group| mean(group).0)
        .collect()
}

/// The axis along which a group varies most, and how much it does over all of its pixels.
fn spread(group: &[Sample]) -> (usize, f32) {
    let (centre, _) = mean(group);
    let mut sums = [0.0; 3];
    for sample in group {
        for (axis, sum) in sums.iter_mut().enumerate() {
            *sum += sample.weight * (sample.lab[axis] - centre[axis]).powi(2);
        }
    }
    let axis = (0..3).fold(
        0,
        |best, axis| if sums[axis] > sums[best] { axis } else { best },
    );
    (axis, sums[axis])
}

/// The mean of a group, and its weight.
fn mean(group: &[Sample]) -> (Lab, f32) {
    let mut sum = [0.0; 3];
    let mut weight = 0.0;
    for sample in group {
        for (sum, part) in sum.iter_mut().zip(sample.lab) {
            *sum += part * sample.weight;
        }
        weight += sample.weight;
    }
    (sum.map(|sum| sum / weight.max(f32::MIN_POSITIVE)), weight)
}

/// The means of what is nearest to each centre, with its weight; centres that attract nothing or
/// another centre's colour are gone.
fn assigned(samples: &[Sample], centres: &[Lab]) -> Vec<(Lab, f32)> {
    let mut groups = vec![Vec::new(); centres.len()];
    for sample in samples {
        let nearest = (0..centres.len()).min_by(|&a, &b| {
            distance(sample.lab, centres[a]).total_cmp(&distance(sample.lab, centres[b]))
        });
        if let Some(nearest) = nearest {
            groups[nearest].push(*sample);
        }
    }
    let mut kept: Vec<(Lab, f32)> = Vec::new();
    for group in groups.iter().filter(|group| !group.is_empty()) {
        let (centre, weight) = mean(group);
        match kept
            .iter_mut()
            .find(|(other, _)| distance(*other, centre) < SAME)
        {
            Some((_, sum)) => *sum += weight,
            None => kept.push((centre, weight)),
        }
    }
    kept
}

fn distance(a: Lab, b: Lab) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// Ottosson's matrices, as CSS Color 4, section 9 has them.
fn oklab(rgb: [u8; 3]) -> Lab {
    let [r, g, b] = rgb.map(|channel| {
        let encoded = f32::from(channel) / 255.0;
        if encoded <= 0.040_45 {
            encoded / 12.92
        } else {
            ((encoded + 0.055) / 1.055).powf(2.4)
        }
    });
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

fn srgb([lightness, a, b]: Lab) -> [u8; 3] {
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
    .map(|linear| {
        let encoded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_survive_the_way_through_oklab() {
        for rgb in [[0, 0, 0], [255; 3], [255, 0, 0], [1, 2, 3], [18, 200, 90]] {
            assert_eq!(srgb(oklab(rgb)), rgb);
        }
        // CSS Color 4 lists oklab(0.628 0.225 0.126) for red.
        let [l, a, b] = oklab([255, 0, 0]);
        assert!((l - 0.628).abs() < 1e-3 && (a - 0.225).abs() < 1e-3 && (b - 0.126).abs() < 1e-3);
    }

    #[test]
    fn five_flat_colours_are_found_with_their_shares() {
        let flat: [([u8; 4], usize); 5] = [
            ([250, 250, 250, 255], 400),
            ([200, 30, 30, 255], 300),
            ([20, 40, 160, 255], 200),
            ([30, 160, 60, 255], 60),
            ([10, 10, 10, 255], 40),
        ];
        let pixels: Vec<_> = flat
            .iter()
            .flat_map(|&(color, count)| std::iter::repeat_n(color, count))
            .collect();

        let found = palette(&pixels);
        assert_eq!(found.len(), 5);
        for (swatch, (color, count)) in found.iter().zip(flat) {
            assert_eq!(swatch.rgb, color[..3]);
            assert!((swatch.weight - count as f32 / 1000.0).abs() < 1e-4);
        }
    }

    #[test]
    fn fewer_colours_give_fewer_swatches() {
        assert_eq!(palette(&[[5, 6, 7, 255]; 64]).len(), 1);
        assert_eq!(palette(&[[5, 6, 7, 255], [250, 6, 7, 255]]).len(), 2);
        assert!(palette(&[[5, 6, 7, 0]; 64]).is_empty());
        assert!(palette(&[]).is_empty());
    }
}
