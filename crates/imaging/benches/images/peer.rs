use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Where the peer writes what it has cut.
pub(crate) const OUTPUT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/sharp");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sharp");

/// Milliseconds for one source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
}

impl Took {
    pub(crate) const NEVER: Self = Self {
        cpu: f64::MAX,
        wall: f64::MAX,
    };

    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.min(other.cpu),
            wall: self.wall.min(other.wall),
        }
    }
}

/// A node process that waits for work, so that its start is no part of what is measured.
#[derive(Debug)]
pub(crate) struct Peer {
    node: Child,
    tell: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start() -> Result<Self> {
        fs::create_dir_all(OUTPUT)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(format!("{SCRIPTS}/{file}"), format!("{OUTPUT}/{file}"))?;
        }
        if !Path::new(OUTPUT).join("node_modules/sharp").exists() {
            let npm = Command::new("npm").arg("ci").current_dir(OUTPUT).status();
            ensure!(
                npm.context("cannot run npm")?.success(),
                "npm cannot install sharp"
            );
        }
        let mut node = Command::new("node")
            .args([&format!("{SCRIPTS}/cut.mjs"), OUTPUT, OUTPUT, "2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run node")?;
        Ok(Self {
            tell: node.stdin.take().context("no stdin")?,
            hear: BufReader::new(node.stdout.take().context("no stdout")?),
            node,
        })
    }

    /// Lets it cut one source twice, and takes the better.
    pub(crate) fn turn(&mut self, source: &[u8]) -> Result<Took> {
        let path = format!("{OUTPUT}/source");
        fs::write(&path, source)?;
        writeln!(self.tell, "{path}")?;
        let mut line = String::new();
        self.hear.read_line(&mut line)?;
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        ensure!(!numbers.is_empty(), "sharp has given up");
        let (pairs, _) = numbers.as_chunks::<2>();
        let took = pairs.iter().map(|&[cpu, wall]| Took { cpu, wall });
        Ok(took.fold(Took::NEVER, Took::least))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already, and nobody is left to be told.
        drop(self.node.kill());
        drop(self.node.wait());
    }
}
