use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};

/// Where the scripts are, and what they depend on.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/seed");
/// Where they are copied to, beside the packages from npm.
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/seed");

const SCRIPTS: [&str; 4] = ["queue.mjs", "produce.mjs", "worker.mjs", "api.mjs"];

/// The programs that the seed's design runs on.
pub(crate) struct Tools {
    pub(crate) node: PathBuf,
    pub(crate) redis: PathBuf,
    /// The folder with the scripts, ready to run.
    pub(crate) scripts: PathBuf,
}

impl Tools {
    /// Finds the programs and installs the packages, once for each version of the lock file.
    ///
    /// # Errors
    ///
    /// If something is missing; it says what.
    pub(crate) fn ready() -> Result<Self> {
        let node = program("node", "install Node.js 20 or newer")?;
        let npm = program("npm", "install Node.js 20 or newer")?;
        let redis = program("redis-server", "install Redis 7")?;
        install(&npm)?;
        for script in SCRIPTS {
            fs::copy(
                format!("{SOURCE}/{script}"),
                format!("{INSTALLED}/{script}"),
            )?;
        }
        let scripts = PathBuf::from(INSTALLED);
        Ok(Self {
            node,
            redis,
            scripts,
        })
    }
}

fn program(name: &str, remedy: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    found.with_context(|| format!("there is no {name}: {remedy}"))
}

/// Not with `npm ci`: it refuses a lock file without the builds for every platform that a package
/// names as optional, and not every registry has them. What the lock file has is installed as it says.
///
/// npm writes a list of what it has installed last, so an install that was cut short is done again.
fn install(npm: &Path) -> Result<()> {
    fs::create_dir_all(INSTALLED)?;
    let lock = fs::read(format!("{SOURCE}/package-lock.json"))?;
    let copy = format!("{INSTALLED}/package-lock.json");
    let modules = Path::new(INSTALLED).join("node_modules");
    if modules.join(".package-lock.json").exists() && fs::read(&copy).is_ok_and(|of| of == lock) {
        return Ok(());
    }
    if modules.exists() {
        fs::remove_dir_all(modules)?;
    }
    fs::copy(
        format!("{SOURCE}/package.json"),
        format!("{INSTALLED}/package.json"),
    )?;
    fs::write(copy, lock)?;
    let status = Command::new(npm)
        .args([
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ])
        .current_dir(INSTALLED)
        .status()
        .context("npm cannot be run")?;
    ensure!(status.success(), "npm cannot install BullMQ");
    Ok(())
}
