use super::letters::Letter;

/// How much larger one of two neighbours may be.
const MOST_RATIO: f32 = 2.0;
/// The space between two neighbours, in heights: wide enough for the space between two words.
const MOST_GAP: f32 = 1.5;
/// How far an inclined letter reaches over the next, in heights; things thrown together lie over each
/// other anyhow.
const MOST_OVERLAP: f32 = 0.3;
/// How much neighbours may differ in brightness.
const MOST_SHADE: f32 = 45.0;
/// Letters of a line; two alone are found everywhere.
const LEAST_LETTERS: f32 = 3.0;
const MOST_LETTERS: f32 = 24.0;
const MOST_TOUCHING: f32 = 4.0;
/// What a line is worth that runs from top to bottom, which few do.
const UPRIGHT: f64 = 0.6;
/// Letters of a line that is neither short nor long.
const USUAL: f32 = 7.0;
/// How far letters stand out, of 255, that are neither bold nor faint.
const CLEAR: f32 = 55.0;
/// How much further one of two neighbours may stand out.
const MOST_CLEARER: f32 = 1.8;

/// A line of what looks like lettering, in fractions of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
    /// What should stay free around it, in fractions of the width and of the height.
    pub(crate) margin: (f64, f64),
    /// About how many letters it has, more where they stand out and less where they hardly do.
    pub(crate) weight: f64,
}

/// Joins letters to lines from left to right, and what remains from top to bottom.
pub(super) fn lines(letters: Vec<Letter>, width: usize, height: usize) -> Vec<Line> {
    let size = (width as f64, height as f64);
    let (flat, rest) = grouped(letters);
    let (upright, _) = grouped(rest.into_iter().map(Letter::turned).collect());
    let upright = upright
        .into_iter()
        .map(|group| group.into_iter().map(Letter::turned).collect());
    let upright = upright.map(|group: Vec<Letter>| {
        let line = line(&group, size);
        let weight = line.weight * UPRIGHT;
        Line { weight, ..line }
    });
    let flat = flat.iter().map(|group| line(group, size));
    flat.chain(upright).collect()
}

/// The groups that look like a line, and all letters that belong to none.
fn grouped(mut letters: Vec<Letter>) -> (Vec<Vec<Letter>>, Vec<Letter>) {
    letters.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut groups: Vec<usize> = (0..letters.len()).collect();
    for (index, letter) in letters.iter().enumerate() {
        let reach = letter.right + MOST_GAP * MOST_RATIO * letter.height();
        let near = letters.iter().enumerate().skip(index + 1);
        for (other, second) in near.take_while(|(_, second)| second.left <= reach) {
            if neighbours(letter, second) {
                let (a, b) = (root(&groups, index), root(&groups, other));
                groups[a.max(b)] = a.min(b);
            }
        }
    }
    let mut sets: Vec<Vec<Letter>> = vec![Vec::new(); letters.len()];
    for (index, letter) in letters.iter().enumerate() {
        sets[root(&groups, index)].push(*letter);
    }
    let sets = sets.into_iter().filter(|set| !set.is_empty());
    let (lines, rest): (Vec<_>, Vec<_>) = sets.partition(|set| looks_like_a_line(set));
    (lines, rest.concat())
}

fn root(groups: &[usize], mut at: usize) -> usize {
    while groups[at] != at {
        at = groups[at];
    }
    at
}

/// Whether `right` continues the line of `left`, which begins further to the left.
fn neighbours(left: &Letter, right: &Letter) -> bool {
    let (tall, low) = (
        left.height().max(right.height()),
        left.height().min(right.height()),
    );
    let beside = ((left.top + left.bottom) - (right.top + right.bottom)).abs() / 2.0;
    tall <= MOST_RATIO * low
        && (-MOST_OVERLAP * low..=MOST_GAP * tall).contains(&(right.left - left.right))
        && beside <= 0.5 * tall
        && (left.luma - right.luma).abs() <= MOST_SHADE
        && left.contrast <= MOST_CLEARER * right.contrast
        && right.contrast <= MOST_CLEARER * left.contrast
}

fn looks_like_a_line(letters: &[Letter]) -> bool {
    let count: f32 = letters.iter().map(worth).sum();
    let height = mean(letters, Letter::height);
    let left = letters.iter().map(|one| one.left).fold(f32::MAX, f32::min);
    let right = letters.iter().map(|one| one.right).fold(0.0, f32::max);
    let fill = mean(letters, |one| one.fill);
    // Three or four that happen to stand in a row must be the more alike.
    let strict = ((count - 1.0) / 5.0).clamp(0.5, 1.0);
    count >= LEAST_LETTERS
        && height >= 5.0
        && right - left >= 1.5 * height
        && (0.2..0.9).contains(&fill)
        && letters.iter().map(Letter::width).sum::<f32>() >= 0.35 * (right - left)
        && deviation(letters, Letter::height) <= 0.45 * strict * height
        && straight(letters, height * strict)
        && varied(letters)
}

/// About how many letters a set is: those that touch are as many as they are wide, about, but a
/// tangle of anything is as wide.
fn worth(letter: &Letter) -> f32 {
    let ratio = letter.width() / letter.height().max(1.0);
    if ratio > 2.0 && letter.fill < 0.8 {
        (ratio / 0.8).min(MOST_TOUCHING)
    } else if ratio > 2.5 {
        0.0
    } else {
        1.0
    }
}

/// Whether the middles of the letters lie on one line, which may be a little inclined.
fn straight(letters: &[Letter], height: f32) -> bool {
    let x = |one: &Letter| (one.left + one.right) / 2.0;
    let y = |one: &Letter| (one.top + one.bottom) / 2.0;
    let (mean_x, mean_y) = (mean(letters, x), mean(letters, y));
    let (mut both, mut along) = (0.0, 0.0);
    for one in letters {
        both += (x(one) - mean_x) * (y(one) - mean_y);
        along += (x(one) - mean_x).powi(2);
    }
    let slope = both / along.max(1.0);
    let off = deviation(letters, |one| y(one) - slope * x(one));
    slope.abs() <= 0.5 && off <= 0.3 * height
}

/// Whether the letters differ, which the dots, bars and tiles of a pattern do not.
fn varied(letters: &[Letter]) -> bool {
    let area = |one: &Letter| one.fill * one.width() * one.height();
    letters.len() < 4
        || deviation(letters, area) >= 0.08 * mean(letters, area)
        || deviation(letters, Letter::width) >= 0.08 * mean(letters, Letter::width)
}

fn mean(letters: &[Letter], of: impl Fn(&Letter) -> f32) -> f32 {
    letters.iter().map(of).sum::<f32>() / letters.len() as f32
}

fn deviation(letters: &[Letter], of: impl Fn(&Letter) -> f32) -> f32 {
    let middle = mean(letters, &of);
    mean(letters, |one| (of(one) - middle).powi(2)).sqrt()
}

fn line(letters: &[Letter], (width, height): (f64, f64)) -> Line {
    let least = |of: fn(&Letter) -> f32| letters.iter().map(of).fold(f32::MAX, f32::min);
    let most = |of: fn(&Letter) -> f32| letters.iter().map(of).fold(0.0, f32::max);
    let size = mean(letters, |one| one.height().min(one.width() * 1.5));
    let (size, count) = (f64::from(size), letters.iter().map(worth).sum::<f32>());
    // Chance makes up short lines and faint ones, hardly ever long or bold ones.
    let boldness = (mean(letters, |one| one.contrast) / CLEAR)
        .powi(2)
        .clamp(0.2, 3.0);
    let length = (count / USUAL).clamp(0.4, 1.5);
    Line {
        left: f64::from(least(|one| one.left)) / width,
        top: f64::from(least(|one| one.top)) / height,
        right: f64::from(most(|one| one.right)) / width,
        bottom: f64::from(most(|one| one.bottom)) / height,
        margin: (size / width, size / height),
        weight: f64::from(count.min(MOST_LETTERS) * boldness * length),
    }
}

/// The lines, where two that cover about the same are one: two copies have shown it, or two contrasts.
pub(super) fn merged(mut lines: Vec<Line>) -> Vec<Line> {
    const SAME: f64 = 0.4;
    lines.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut kept: Vec<Line> = Vec::new();
    for line in lines {
        match kept.iter_mut().find(|other| likeness(&line, other) > SAME) {
            Some(other) => {
                other.left = other.left.min(line.left);
                other.top = other.top.min(line.top);
                other.right = other.right.max(line.right);
                other.bottom = other.bottom.max(line.bottom);
            }
            None => kept.push(line),
        }
    }
    kept
}

/// What two boxes share, as a part of what they cover together.
fn likeness(a: &Line, b: &Line) -> f64 {
    let area = |line: &Line| (line.right - line.left) * (line.bottom - line.top);
    let across = a.right.min(b.right) - a.left.max(b.left);
    let down = a.bottom.min(b.bottom) - a.top.max(b.top);
    let shared = across.max(0.0) * down.max(0.0);
    shared / (area(a) + area(b) - shared)
}
