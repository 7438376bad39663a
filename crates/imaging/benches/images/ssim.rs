/// The mean structural similarity (Wang 2004) in squares of 8 pixels, 4 apart.
pub(crate) fn ssim(a: &[f32], b: &[f32], width: usize) -> f64 {
    const SIDE: usize = 8;
    let height = a.len() / width;
    let (mut sum, mut count) = (0.0, 0.0);
    for top in (0..height - SIDE).step_by(4) {
        for left in (0..width - SIDE).step_by(4) {
            let rows = top..top + SIDE;
            let rows = rows.map(|row| row * width + left..row * width + left + SIDE);
            sum += square(rows.map(|row| (&a[row.clone()], &b[row])), SIDE * SIDE);
            count += 1.0;
        }
    }
    sum / count
}

fn square<'a>(rows: impl Iterator<Item = (&'a [f32], &'a [f32])>, pixels: usize) -> f64 {
    const C1: f64 = 6.5025;
    const C2: f64 = 58.5225;
    let mut sums = [0.0; 5];
    for (&a, &b) in rows.flat_map(|(a, b)| a.iter().zip(b)) {
        let (a, b) = (f64::from(a), f64::from(b));
        for (sum, part) in sums.iter_mut().zip([a, b, a * a, b * b, a * b]) {
            *sum += part;
        }
    }
    let [ma, mb, aa, bb, ab] = sums.map(|sum| sum / pixels as f64);
    let (va, vb, cov) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
    (2.0 * ma * mb + C1) * (2.0 * cov + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2))
}
