use super::Encoded;
use crate::Error;

/// The first attempt included.
const MOST_ATTEMPTS: u32 = 6;
/// Below this, pictures are not worth their bytes.
const LEAST_QUALITY: u8 = 10;

/// Encodes with the highest quality up to `quality` that stays within `most` bytes, as far as six
/// attempts can tell. If none does, the smallest file is returned and called over budget: a picture
/// that is a little too large is of more use than none.
pub(super) fn within(
    most: Option<usize>,
    quality: u8,
    encode: impl Fn(u8) -> Result<Vec<u8>, Error>,
) -> Result<Encoded, Error> {
    let attempt = |quality| -> Result<Encoded, Error> {
        let bytes = encode(quality)?;
        Ok(Encoded {
            over_budget: most.is_some_and(|most| bytes.len() > most),
            quality: Some(quality),
            bytes,
        })
    };
    let mut best = attempt(quality)?;
    if !best.over_budget {
        return Ok(best);
    }
    // The least is taken to fit until the last attempt shows that it does not.
    let (mut low, mut high) = (LEAST_QUALITY.min(quality), quality);
    for left in (1..MOST_ATTEMPTS).rev() {
        let middle = match (best.over_budget, left) {
            (true, 1) => low,
            _ => low + (high - low) / 2,
        };
        let known = middle == low && !best.over_budget;
        if known || middle >= high {
            break;
        }
        let encoded = attempt(middle)?;
        if encoded.over_budget {
            high = middle;
        } else {
            low = middle;
        }
        if !encoded.over_budget || best.over_budget {
            best = encoded;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Ten bytes for each point of quality; returns quality, whether over budget, and attempts.
    fn searched(most: usize, quality: u8) -> Result<(Option<u8>, bool, u32), Error> {
        let attempts = Cell::new(0);
        let encoded = within(Some(most), quality, |quality| {
            attempts.set(attempts.get() + 1);
            Ok(vec![0; 10 * usize::from(quality)])
        })?;
        Ok((encoded.quality, encoded.over_budget, attempts.get()))
    }

    #[test]
    fn what_fits_is_encoded_once() -> Result<(), Error> {
        assert_eq!(searched(800, 80)?, (Some(80), false, 1));
        Ok(())
    }

    #[test]
    fn the_best_quality_that_fits_is_found_within_a_few_points() -> Result<(), Error> {
        for most in (105..800).step_by(7) {
            let (quality, over, attempts) = searched(most, 80)?;
            let ideal = (most / 10) as u8;
            let quality = quality.unwrap_or(0);
            assert!(!over && attempts <= 6, "{most}: {attempts} attempts");
            assert!(
                quality <= ideal && quality + 5 >= ideal,
                "{most}: {quality}"
            );
        }
        Ok(())
    }

    #[test]
    fn what_can_never_fit_comes_as_small_as_may_be_and_says_so() -> Result<(), Error> {
        assert_eq!(searched(50, 80)?, (Some(10), true, 6));
        assert_eq!(searched(10, 5)?, (Some(5), true, 1));
        Ok(())
    }
}
