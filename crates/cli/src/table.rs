//! Tables for people: columns as wide as they need to be.

use domain::Usd;
use serde_json::Value;

/// A table under its heads. Columns that begin with `>` in their head are aligned to the right.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self {
            heads: heads.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn text(&self) -> String {
        let names: Vec<String> = self
            .heads
            .iter()
            .map(|head| head.trim_start_matches('>').to_owned())
            .collect();
        let all = || std::iter::once(&names).chain(&self.rows);
        let length = |cell: &String| cell.chars().count();
        let widths: Vec<usize> = (0..names.len())
            .map(|column| {
                let cells = all().filter_map(|row| row.get(column));
                cells.map(length).max().unwrap_or(0)
            })
            .collect();

        let mut text = String::new();
        for row in all() {
            let cells = self.heads.iter().zip(&widths).zip(row);
            let cells = cells.map(|((head, width), cell)| match head.starts_with('>') {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// An amount of the API, which counts millionths of a dollar; `-` if there is none.
pub(crate) fn dollars(amount: &Value) -> String {
    match amount.as_i64() {
        Some(micros) => Usd::from_micros(micros).to_string(),
        None => "-".to_owned(),
    }
}

/// A text of the API in one line, without what would tell the terminal to do something; `-` if there
/// is none.
pub(crate) fn plain(text: &Value) -> String {
    let text = text.as_str().filter(|text| !text.is_empty());
    let line = |c: char| if c.is_control() { ' ' } else { c };
    text.unwrap_or("-").chars().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_stand_under_their_heads() {
        let mut table = Table::new(&["NAME", ">SPENT", "NOTE"]);
        table.row(vec!["été".into(), "$0.08".into(), "a".into()]);
        table.row(vec!["a longer one".into(), "$120.00".into(), "-".into()]);

        let expected = "NAME            SPENT  NOTE\n\
                        été             $0.08  a\n\
                        a longer one  $120.00  -\n";
        assert_eq!(table.text(), expected);
    }

    #[test]
    fn amounts_are_dollars_and_texts_are_harmless() {
        assert_eq!(dollars(&json!(80_000)), "$0.08");
        assert_eq!(dollars(&Value::Null), "-");
        assert_eq!(plain(&json!("a\u{1b}[2Jb\nc")), "a [2Jb c");
        assert_eq!(plain(&json!("")), "-");
    }
}
