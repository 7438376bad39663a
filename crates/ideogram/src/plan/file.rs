//! The files of a call.

use domain::Pinned;

/// Which of a request's pictures a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A source, by its place in the request.
    Source(usize),
    /// Which part of the first source to change.
    Mask,
    /// A reference for the style, by its place in the request.
    StyleReference(usize),
    /// The person to draw.
    Character,
    /// Which part of the character reference shows the person.
    CharacterMask,
}

/// Which pixels of a mask a route changes. Ours are black for change and white for keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// The black ones, as ours; every route for inpainting.
    BlackChanges,
    /// The white ones.
    WhiteChanges,
    /// The transparent ones: the mask must have an alpha channel, so be PNG or WebP.
    TransparentChanges,
}

/// A file that a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// The field that it goes into.
    pub field: &'static str,
    /// Which picture it is.
    pub role: Role,
    /// Which pixels the route changes; of the mask of a source only. A character's mask goes as it
    /// is: the provider does not say how it is read.
    pub polarity: Option<Polarity>,
    /// The most bytes the route takes, after conversion.
    pub max_bytes: u64,
    /// Our copy, if the request has one already.
    pub pinned: Option<Pinned>,
}
