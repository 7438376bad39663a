use crate::Error;
use crate::raster::Raster;

/// A picture without alpha that is made some rows at a time, so that all of it is never in memory.
pub(crate) trait Strips {
    /// Width and height of the whole.
    fn size(&self) -> (u32, u32);

    /// The next rows, a multiple of 16 of them but at the end; none after the last.
    fn next(&mut self) -> Result<Option<&[u8]>, Error>;
}

/// A picture that is there already, in one strip.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    raster: &'a Raster,
    given: bool,
}

impl<'a> Whole<'a> {
    pub(crate) fn new(raster: &'a Raster) -> Self {
        Self {
            raster,
            given: false,
        }
    }
}

impl Strips for Whole<'_> {
    fn size(&self) -> (u32, u32) {
        (self.raster.width, self.raster.height)
    }

    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        let first = !std::mem::replace(&mut self.given, true);
        Ok(first.then_some(self.raster.pixels.as_slice()))
    }
}
