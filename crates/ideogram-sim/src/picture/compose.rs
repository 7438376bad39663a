//! A picture from its subject and the pictures that came with it. Whatever is made from a source
//! shows the source; where a mask says what changes, every other pixel stays as it was.

use anyhow::Context;
use image::RgbImage;
use image::imageops::{FilterType, resize};

use super::paint::Canvas;
use super::scene::Scene;
use super::source::{decode, is_dark};
use super::{Layers, Subject, lettering, motif};
use crate::catalogue::{Mask, Size, Work};

/// Paints a picture; tens of milliseconds for a megapixel.
pub(super) fn compose(subject: &Subject, layers: &Layers) -> anyhow::Result<Canvas> {
    let mut canvas = match &layers.image {
        None => {
            let mut canvas = fresh(subject);
            letter(&mut canvas, subject);
            canvas
        }
        Some(source) => {
            let source = decode(source).context("a kept source image cannot be read")?;
            worked(subject, &source.into_rgb8(), layers)?
        }
    };
    if subject.transparent {
        canvas.cut_out(|x, y| is_middle(x, y, subject.size));
    }
    Ok(canvas)
}

fn worked(subject: &Subject, source: &RgbImage, layers: &Layers) -> anyhow::Result<Canvas> {
    let size = subject.size;
    Ok(match subject.work {
        Work::Repaint(mask) => {
            let changes = changes(mask, layers, size)?;
            let mut canvas = fresh(subject);
            letter(&mut canvas, subject);
            let changed = |x: u32, y: u32| changes[(y as usize) * size.0 as usize + x as usize];
            canvas.lay(&fitted(source, size), (0, 0), |x, y| {
                if changed(x, y) { 0.0 } else { 1.0 }
            });
            canvas
        }
        Work::Extend => {
            let mut canvas = fresh(subject);
            letter(&mut canvas, subject);
            let inner = within(source.dimensions(), size);
            let corner = ((size.0 - inner.0) / 2, (size.1 - inner.1) / 2);
            canvas.lay(&fitted(source, inner), corner, |_, _| 1.0);
            canvas
        }
        Work::Behind => {
            let mut canvas = fresh(subject);
            canvas.lay(&fitted(source, size), (0, 0), |x, y| {
                if is_middle(x, y, size) { 1.0 } else { 0.0 }
            });
            letter(&mut canvas, subject);
            canvas
        }
        Work::Blend(share) => blended(subject, source, share),
        Work::Draw | Work::Describe => blended(subject, source, 50),
    })
}

/// The source with so many percent of something new.
fn blended(subject: &Subject, source: &RgbImage, share: u8) -> Canvas {
    let source = fitted(source, subject.size);
    let mut canvas = if share == 0 {
        Canvas::of(source)
    } else {
        let mut canvas = fresh(subject);
        let opacity = 1.0 - f32::from(share.min(100)) / 100.0;
        canvas.lay(&source, (0, 0), |_, _| opacity);
        canvas
    };
    letter(&mut canvas, subject);
    canvas
}

fn fresh(subject: &Subject) -> Canvas {
    let scene = Scene::imagine(subject);
    let mut canvas = Canvas::paint(&scene, subject.size);
    motif::add(&mut canvas, &scene);
    canvas
}

fn letter(canvas: &mut Canvas, subject: &Subject) {
    if !subject.prompt.is_empty() {
        lettering::caption(canvas, &subject.prompt);
    }
    lettering::stamp(canvas);
}

/// Row by row, whether a pixel is to change.
fn changes(mask: Mask, layers: &Layers, (width, height): Size) -> anyhow::Result<Vec<bool>> {
    let image = layers.mask.as_ref().and_then(|bytes| decode(bytes));
    let image = image.context("a kept mask cannot be read")?;
    let scaled = resize(&image.into_rgba8(), width, height, FilterType::Nearest);
    let marked = scaled.pixels().map(|pixel| {
        let [red, green, blue, alpha] = pixel.0;
        match mask {
            Mask::Black | Mask::BlackOfTwo => is_dark([red, green, blue]),
            Mask::White => !is_dark([red, green, blue]),
            Mask::Transparent => alpha < 128,
        }
    });
    Ok(marked.collect())
}

fn fitted(source: &RgbImage, (width, height): Size) -> RgbImage {
    if source.dimensions() == (width, height) {
        source.clone()
    } else {
        resize(source, width, height, FilterType::Triangle)
    }
}

/// The largest size of this shape that fits.
fn within((width, height): Size, (most_wide, most_high): Size) -> Size {
    let scale = (f64::from(most_wide) / f64::from(width.max(1)))
        .min(f64::from(most_high) / f64::from(height.max(1)));
    let side = |length: u32, most: u32| ((f64::from(length) * scale) as u32).clamp(1, most);
    (side(width, most_wide), side(height, most_high))
}

/// Whether a pixel lies in the ellipse that stands for the thing in front.
fn is_middle(x: u32, y: u32, (width, height): Size) -> bool {
    let off = |at: u32, length: u32| (f64::from(at) + 0.5) / f64::from(length) * 2.0 - 1.0;
    off(x, width).powi(2) + off(y, height).powi(2) <= 0.85
}
