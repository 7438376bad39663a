//! The last few files, for calls that share them.

use std::collections::VecDeque;

use bytes::Bytes;
use ideogram::Polarity;

const MAX_FILES: usize = 64;
const MAX_BYTES: usize = 64_000_000;

/// Files as they are sent, the last used last.
#[derive(Debug, Default)]
pub(super) struct Recent {
    files: VecDeque<File>,
    bytes: usize,
}

#[derive(Debug)]
struct File {
    key: String,
    polarity: Option<Polarity>,
    bytes: Bytes,
}

impl Recent {
    pub(super) fn get(&mut self, key: &str, polarity: Option<Polarity>) -> Option<Bytes> {
        let is_it = |file: &File| file.key == key && file.polarity == polarity;
        let file = self.files.iter().position(is_it)?;
        let file = self.files.remove(file)?;
        let bytes = file.bytes.clone();
        self.files.push_back(file);
        Some(bytes)
    }

    /// Keeps it as long as nothing newer needs the room.
    pub(super) fn put(&mut self, key: String, polarity: Option<Polarity>, bytes: Bytes) {
        if bytes.len() > MAX_BYTES || self.get(&key, polarity).is_some() {
            return;
        }
        self.bytes += bytes.len();
        self.files.push_back(File {
            key,
            polarity,
            bytes,
        });
        while self.bytes > MAX_BYTES || self.files.len() > MAX_FILES {
            let oldest = self.files.pop_front();
            self.bytes -= oldest.map_or(self.bytes, |file| file.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut recent = Recent::default();
        let third = Bytes::from(vec![0; MAX_BYTES / 3]);
        for key in ["a", "b", "c"] {
            recent.put(key.to_owned(), None, third.clone());
        }
        assert!(recent.get("a", None).is_some());

        recent.put("d".to_owned(), None, third.clone());

        let has = |recent: &mut Recent, key| recent.get(key, None).is_some();
        assert!(!has(&mut recent, "b"));
        assert!(["a", "c", "d"].iter().all(|key| has(&mut recent, key)));
        assert_eq!(recent.bytes, 3 * third.len());
    }

    #[test]
    fn neither_bytes_nor_files_pile_up() {
        let mut recent = Recent::default();
        recent.put("large".to_owned(), None, vec![0; MAX_BYTES + 1].into());
        assert!(recent.get("large", None).is_none());

        for n in 0..2 * MAX_FILES {
            recent.put(n.to_string(), None, Bytes::from_static(b"tiny"));
        }
        assert_eq!(
            (recent.files.len(), recent.bytes),
            (MAX_FILES, 4 * MAX_FILES)
        );
    }

    #[test]
    fn each_polarity_of_a_mask_is_a_file_of_its_own() {
        let mut recent = Recent::default();
        let black = Some(Polarity::BlackChanges);
        recent.put("mask".to_owned(), black, Bytes::from_static(b"black"));

        assert_eq!(recent.get("mask", Some(Polarity::TransparentChanges)), None);
        assert_eq!(recent.get("mask", None), None);
        assert_eq!(
            recent.get("mask", black).as_deref(),
            Some(b"black".as_slice())
        );
    }
}
