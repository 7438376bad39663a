//! What exiftool, which shares no code with us, reads of a file.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

/// Whether there is no exiftool here. Then its tests pass without having read anything, and say so;
/// but where `DARKROOM_EXIFTOOL` is `required`, as in CI, they fail.
pub(crate) fn is_missing() -> bool {
    let found = Command::new("exiftool").arg("-ver").output();
    let is_missing = found.is_err_and(|err| err.kind() == ErrorKind::NotFound);
    let is_required =
        env::vars_os().any(|(name, word)| name == "DARKROOM_EXIFTOOL" && word == "required");
    if is_missing && !is_required {
        eprintln!(
            "skipped: exiftool reads the marks that our files carry and is missing: \
             apt-get install libimage-exiftool-perl, or brew install exiftool"
        );
    }
    is_missing && !is_required
}

/// The metadata of a file, one line a tag: its group, name and value.
#[derive(Debug)]
pub(crate) struct Tags(String);

impl Tags {
    pub(crate) fn read(file: &[u8]) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, file)?;
        let asked = "-XMP:all -EXIF:all -ICC_Profile:all -JUMBF:all -FileType -ImageSize -validate -warning";
        let output = Command::new("exiftool")
            .args(["-s", "-G1", "-a"])
            .args(asked.split(' '))
            .arg(&path)
            .output();
        fs::remove_file(&path)?;
        let output = output.context("cannot run exiftool")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "exiftool failed: {error}");
        Ok(Self(String::from_utf8(output.stdout)?))
    }

    /// Whether there is a tag of this name, such as `XMP-dc Identifier`, with this text in its value.
    pub(crate) fn has(&self, tag: &str, value: &str) -> bool {
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        self.0.lines().any(|line| {
            let Some((name, text)) = line.split_once(" : ") else {
                return false;
            };
            words(name).join(" ").replace(['[', ']'], "") == tag && text.contains(value)
        })
    }

    /// Whether there is any tag of a group whose name begins so.
    pub(crate) fn has_any(&self, group: &str) -> bool {
        let start = format!("[{group}");
        self.0.lines().any(|line| line.starts_with(&start))
    }

    /// What exiftool has against the file.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let complaint = |line: &&str| line.starts_with("[ExifTool]");
        self.0
            .lines()
            .filter(complaint)
            .map(str::to_owned)
            .collect()
    }

    /// All that must be in every file that we make or mark.
    pub(crate) fn check_marks(&self) -> Result<()> {
        let source = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
        for (tag, value) in [
            ("XMP-iptcExt DigitalSourceType", source),
            ("XMP-iptcExt AISystemUsed", "Ideogram"),
            ("XMP-iptcExt AISystemVersionUsed", "V_3"),
            ("XMP-iptcExt AIPromptInformation", "a <red> kite & dunes"),
            ("XMP-xmp CreatorTool", "Ideogram V_3"),
            ("XMP-xmp CreateDate", "2026:01:02 03:04:05Z"),
            ("XMP-dc Identifier", "gen_01"),
        ] {
            ensure!(self.has(tag, value), "no {tag} {value} in\n{}", self.0);
        }
        let mut complaints = self.complaints();
        complaints.retain(|complaint| complaint.contains("XMP"));
        ensure!(complaints.is_empty(), "{complaints:?}");
        Ok(())
    }
}
