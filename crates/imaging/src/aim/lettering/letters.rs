/// In pixels of the copy that is looked at.
const LEAST_HEIGHT: usize = 5;
const MOST_HEIGHT: usize = 76;

/// A connected set of strokes that may be a letter, or several that touch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
    /// The share of its box that is stroke.
    pub(super) fill: f32,
    /// Its mean brightness.
    pub(super) luma: f32,
    /// How far it stands out, 0 to 255.
    pub(super) contrast: f32,
}

impl Letter {
    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// The same in a picture whose rows are columns.
    pub(super) fn turned(self) -> Self {
        Self {
            left: self.top,
            top: self.left,
            right: self.bottom,
            bottom: self.right,
            ..self
        }
    }
}

/// All connected sets of strokes of at least `contrast` that have the size and the fill of a letter.
pub(super) fn letters(strokes: &[u8], luma: &[u8], width: usize, contrast: u8) -> Vec<Letter> {
    let mut open: Vec<bool> = strokes.iter().map(|&stroke| stroke >= contrast).collect();
    let mut stack = Vec::new();
    let mut letters = Vec::new();
    for start in 0..open.len() {
        if !std::mem::take(&mut open[start]) {
            continue;
        }
        stack.push(start);
        let mut set = Set::default();
        while let Some(at) = stack.pop() {
            let (x, y) = (at % width, at / width);
            set.add(x, y, luma[at], strokes[at]);
            for near_y in y.saturating_sub(1)..=y + 1 {
                for near_x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let near = near_y * width + near_x;
                    if near < open.len() && std::mem::take(&mut open[near]) {
                        stack.push(near);
                    }
                }
            }
        }
        letters.extend(set.letter());
    }
    letters
}

/// What is known of a connected set.
#[derive(Debug)]
struct Set {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    area: usize,
    luma: u64,
    contrast: u64,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            left: usize::MAX,
            top: usize::MAX,
            right: 0,
            bottom: 0,
            area: 0,
            luma: 0,
            contrast: 0,
        }
    }
}

impl Set {
    fn add(&mut self, x: usize, y: usize, luma: u8, contrast: u8) {
        self.left = self.left.min(x);
        self.top = self.top.min(y);
        self.right = self.right.max(x + 1);
        self.bottom = self.bottom.max(y + 1);
        self.area += 1;
        self.luma += u64::from(luma);
        self.contrast += u64::from(contrast);
    }

    fn letter(&self) -> Option<Letter> {
        let (width, height) = (self.right - self.left, self.bottom - self.top);
        let fill = self.area as f32 / (width * height) as f32;
        let sized = width.max(height) >= LEAST_HEIGHT && width.min(height) <= MOST_HEIGHT;
        (sized && self.area >= LEAST_HEIGHT && fill >= 0.1).then_some(Letter {
            left: self.left as f32,
            top: self.top as f32,
            right: self.right as f32,
            bottom: self.bottom as f32,
            fill,
            luma: self.luma as f32 / self.area as f32,
            contrast: self.contrast as f32 / self.area as f32,
        })
    }
}
