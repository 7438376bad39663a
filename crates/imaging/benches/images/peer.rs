use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::PRESETS;
use crate::took::Took;

/// Where the peer is installed and writes what it has cut.
const OUTPUT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/sharp");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sharp");

/// A node process that waits for work, so that its start is no part of what is measured.
#[derive(Debug)]
pub(crate) struct Peer {
    node: Child,
    tell: ChildStdin,
    hear: BufReader<ChildStdout>,
}

/// How it is to work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) format: &'static str,
    /// How many threads libvips may use for one image.
    pub(crate) concurrency: usize,
    /// How many sources are worked on at a time.
    pub(crate) in_flight: usize,
}

impl Way {
    pub(crate) fn alone(format: &'static str) -> Self {
        Self {
            format,
            concurrency: 1,
            in_flight: 1,
        }
    }
}

impl Peer {
    pub(crate) fn start() -> Result<Self> {
        install()?;
        let mut node = Command::new("node")
            .args([&format!("{SCRIPTS}/cut.mjs"), OUTPUT, OUTPUT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run node, which the peer needs: install Node.js 20 or newer")?;
        Ok(Self {
            tell: node.stdin.take().context("no stdin")?,
            hear: BufReader::new(node.stdout.take().context("no stdout")?),
            node,
        })
    }

    /// Lets it cut sources that [`kept`] has put somewhere.
    pub(crate) fn turn(&mut self, way: Way, sources: &[PathBuf]) -> Result<Took> {
        let Way {
            format,
            concurrency,
            in_flight,
        } = way;
        let paths: Vec<_> = sources.iter().map(|path| path.to_string_lossy()).collect();
        let line = format!("{format} {concurrency} {in_flight} {}", paths.join(" "));
        writeln!(self.tell, "{line}")?;
        let mut line = String::new();
        self.hear.read_line(&mut line)?;
        let (cpu, wall) = line.trim().split_once(' ').context("sharp has given up")?;
        Ok(Took {
            cpu: cpu.parse()?,
            wall: wall.parse()?,
        })
    }

    /// What it has cut from the last source, in the order of [`PRESETS`].
    pub(crate) fn files() -> Result<Vec<Vec<u8>>> {
        let read = |name| Ok(fs::read(format!("{OUTPUT}/{name}"))?);
        PRESETS.into_iter().map(read).collect()
    }
}

/// Puts a source where the peer finds it.
pub(crate) fn kept(index: usize, source: &[u8]) -> Result<PathBuf> {
    let path = Path::new(OUTPUT).join(format!("source-{index}"));
    fs::write(&path, source)?;
    Ok(path)
}

/// From the lock file beside, once for each version.
fn install() -> Result<()> {
    fs::create_dir_all(OUTPUT)?;
    let lock = fs::read(format!("{SCRIPTS}/package-lock.json"))?;
    let installed = Path::new(OUTPUT).join("node_modules/sharp").exists()
        && fs::read(format!("{OUTPUT}/package-lock.json")).is_ok_and(|of| of == lock);
    if installed {
        return Ok(());
    }
    fs::copy(
        format!("{SCRIPTS}/package.json"),
        format!("{OUTPUT}/package.json"),
    )?;
    fs::write(format!("{OUTPUT}/package-lock.json"), lock)?;
    let npm = Command::new("npm").arg("ci").current_dir(OUTPUT).status();
    let npm =
        npm.context("cannot run npm, which installs the peer: install Node.js 20 or newer")?;
    ensure!(npm.success(), "npm cannot install sharp");
    Ok(())
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already, and nobody is left to be told.
        drop(self.node.kill());
        drop(self.node.wait());
    }
}
