/// Half the side of the square that no stroke fills: strokes are at most twice this wide.
const RADIUS: usize = 4;
/// Whether letters are lighter or darker than what they stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polarity {
    Bright,
    Dark,
}

/// How far each pixel stands out as part of something thin: the top-hat of mathematical morphology.
/// What is wider than the square in both directions vanishes, however much it differs.
pub(super) fn strokes(luma: &[u8], width: usize, polarity: Polarity) -> Vec<u8> {
    let luma: Vec<u8> = match polarity {
        Polarity::Bright => luma.to_vec(),
        Polarity::Dark => luma.iter().map(|value| 255 - value).collect(),
    };
    let eroded = over_squares(&luma, width, u8::min);
    let opened = over_squares(&eroded, width, u8::max);
    luma.iter().zip(opened).map(|(a, b)| a - b).collect()
}

/// The least or the greatest value in the square around each pixel.
fn over_squares(values: &[u8], width: usize, pick: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let mut rows = values.to_vec();
    for (to, from) in rows.chunks_exact_mut(width).zip(values.chunks_exact(width)) {
        for shift in 1..=RADIUS.min(width - 1) {
            fold(&mut to[shift..], from, &pick);
            fold(to, &from[shift..], &pick);
        }
    }
    let mut squares = rows.clone();
    let height = values.len() / width;
    for shift in 1..=RADIUS.min(height - 1) {
        fold(&mut squares[shift * width..], &rows, &pick);
        fold(&mut squares, &rows[shift * width..], &pick);
    }
    squares
}

fn fold(to: &mut [u8], from: &[u8], pick: impl Fn(u8, u8) -> u8) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = pick(*to, *from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bright bar of some width on a dark ground of 40x20.
    fn marked(bar: usize, polarity: Polarity) -> usize {
        let luma: Vec<u8> = (0..800)
            .map(|at| {
                if (10..10 + bar).contains(&(at % 40)) {
                    200
                } else {
                    20
                }
            })
            .collect();
        let strokes = strokes(&luma, 40, polarity);
        strokes.iter().filter(|&&stroke| stroke > 100).count() / 20
    }

    #[test]
    fn only_thin_things_are_strokes() {
        assert_eq!(marked(1, Polarity::Bright), 1);
        assert_eq!(marked(8, Polarity::Bright), 8);
        assert_eq!(marked(9, Polarity::Bright), 0);
        assert_eq!(marked(3, Polarity::Dark), 0);
    }

    #[test]
    fn the_smallest_pictures_have_squares_too() {
        assert_eq!(strokes(&[7], 1, Polarity::Bright), [0]);
        assert_eq!(strokes(&[0, 255], 1, Polarity::Dark).len(), 2);
    }
}
