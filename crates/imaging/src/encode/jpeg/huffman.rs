/// The longest word that a JPEG may have.
const LONGEST: usize = 16;

/// A Huffman code: how many words there are of each length, their symbols in order, and by symbol the
/// word and its length.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) lengths: [u8; LONGEST],
    pub(super) symbols: Vec<u8>,
    pub(super) words: [(u16, u32); 256],
}

impl Code {
    /// The shortest code for symbols that occur this often (T.81, K.2).
    pub(super) fn best_for(counts: &[u32; 256]) -> Self {
        let mut symbols: Vec<u8> = (0..=255)
            .filter(|&symbol| counts[usize::from(symbol)] > 0)
            .collect();
        symbols.sort_by_key(|&symbol| std::cmp::Reverse(counts[usize::from(symbol)]));
        // One more, the rarest, gets the word of ones alone, which no symbol may have.
        let mut weights: Vec<u64> = symbols
            .iter()
            .map(|&symbol| counts[usize::from(symbol)].into())
            .collect();
        weights.push(0);
        let mut lengths = limited(&depths(&weights));
        if let Some(longest) = lengths.iter().rposition(|&count| count > 0) {
            lengths[longest] -= 1;
        }
        let mut words = [(0, 0); 256];
        let mut left = symbols.iter();
        let mut word = 0;
        for (length, &count) in (1..).zip(&lengths) {
            for &symbol in left.by_ref().take(count.into()) {
                words[usize::from(symbol)] = (word, length);
                word += 1;
            }
            word <<= 1;
        }
        Self {
            lengths,
            symbols,
            words,
        }
    }
}

/// How deep each weight lies in a tree that joins the two lightest again and again.
fn depths(weights: &[u64]) -> Vec<usize> {
    let mut trees: Vec<(u64, Vec<usize>)> = weights
        .iter()
        .enumerate()
        .map(|(index, &weight)| (weight, vec![index]))
        .collect();
    let mut depths = vec![0; weights.len()];
    trees.sort_by_key(|tree| std::cmp::Reverse(tree.0));
    while let (Some((a, mut leaves)), Some((b, others))) = (trees.pop(), trees.pop()) {
        leaves.extend(others);
        for &leaf in &leaves {
            depths[leaf] += 1;
        }
        let place = trees.partition_point(|tree| tree.0 > a + b);
        trees.insert(place, (a + b, leaves));
        if trees.len() == 1 {
            break;
        }
    }
    // A code of one word has words of one bit.
    depths.into_iter().map(|depth| depth.max(1)).collect()
}

/// How many words there are of each length, none longer than 16 bits (T.81, figure K.3).
fn limited(depths: &[usize]) -> [u8; LONGEST] {
    let deepest = depths.iter().copied().max().unwrap_or(0).max(LONGEST);
    let mut counts = vec![0usize; deepest + 1];
    for &depth in depths {
        counts[depth] += 1;
    }
    for length in (LONGEST + 1..=deepest).rev() {
        while counts[length] > 0 {
            // Two leaves move up: one to their parent's place, one beside a shorter word, made longer.
            let shorter = (1..length - 1).rev().find(|&shorter| counts[shorter] > 0);
            let Some(shorter) = shorter else { break };
            counts[length] -= 2;
            counts[length - 1] += 1;
            counts[shorter] -= 1;
            counts[shorter + 1] += 2;
        }
    }
    std::array::from_fn(|at| counts[at + 1] as u8)
}

/// Words written behind each other, with a zero after each byte of ones (T.81, F.1.2.3).
#[derive(Debug)]
pub(super) struct Bits<'a> {
    file: &'a mut Vec<u8>,
    /// The last of them, at the low end.
    waiting: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(file: &'a mut Vec<u8>) -> Self {
        Self {
            file,
            waiting: 0,
            count: 0,
        }
    }

    /// Adds a word of at most 32 bits.
    #[inline(always)]
    pub(super) fn push(&mut self, word: u64, length: u32) {
        self.waiting = self.waiting << length | word;
        self.count += length;
        if self.count >= 32 {
            self.count -= 32;
            let bytes = ((self.waiting >> self.count) as u32).to_be_bytes();
            self.bytes(&bytes);
        }
    }

    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) {
        if bytes.contains(&0xff) {
            for &byte in bytes {
                self.file.push(byte);
                if byte == 0xff {
                    self.file.push(0);
                }
            }
        } else {
            self.file.extend_from_slice(bytes);
        }
    }

    /// Fills the last byte up with ones.
    pub(super) fn finish(mut self) {
        let fill = (8 - self.count % 8) % 8;
        self.push((1 << fill) - 1, fill);
        let bytes = (self.waiting << (32 - self.count)) as u32;
        let count = self.count as usize / 8;
        self.bytes(&bytes.to_be_bytes()[..count]);
    }
}
