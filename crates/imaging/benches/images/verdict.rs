use anyhow::{Result, ensure};

/// Figures with their bars, told in one line at the end.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    figures: Vec<String>,
    missed: Vec<String>,
}

impl Verdict {
    pub(crate) fn at_most(&mut self, name: &str, value: f64, bar: f64) {
        self.add(format!("{name} {value:.3} (at most {bar})"), value <= bar);
    }

    pub(crate) fn at_least(&mut self, name: &str, value: f64, bar: f64) {
        self.add(format!("{name} {value:.4} (at least {bar})"), value >= bar);
    }

    fn add(&mut self, figure: String, holds: bool) {
        if !holds {
            self.missed.push(figure.clone());
        }
        self.figures.push(figure);
    }

    /// Prints the last line; an error where a bar does not hold.
    pub(crate) fn given(self) -> Result<()> {
        println!("against sharp: {}", self.figures.join(", "));
        ensure!(self.missed.is_empty(), "missed: {}", self.missed.join(", "));
        Ok(())
    }
}
