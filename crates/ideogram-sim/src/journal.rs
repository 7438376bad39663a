//! A file of JSON lines from which a restarted simulator knows its jobs again: first the master
//! seed, then one line for each accepted job. A last line that was cut off is dropped.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, ensure};

use crate::job::Job;
use crate::keys::{Master, master};

/// The open file, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Journal(Option<Mutex<File>>);

/// What a journal knew.
pub(crate) struct Remembered {
    pub(crate) journal: Journal,
    pub(crate) master: Master,
    pub(crate) jobs: Vec<Job>,
}

/// Opens or creates the journal, and reads the last `max` jobs.
pub(crate) fn open(path: Option<&Path>, max: usize) -> anyhow::Result<Remembered> {
    let Some(path) = path else {
        return Ok(Remembered {
            journal: Journal::default(),
            master: master()?,
            jobs: Vec::new(),
        });
    };
    read(path, max).with_context(|| format!("cannot use the journal `{}`", path.display()))
}

fn read(path: &Path, max: usize) -> anyhow::Result<Remembered> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut reader = BufReader::new(&mut file);

    let mut line = String::new();
    let mut good = reader.read_line(&mut line)? as u64;
    if good == 0 || !line.ends_with('\n') {
        file.set_len(0)?;
        let master = master()?;
        write_line(&mut file, &serde_json::to_string(&master)?)?;
        return Ok(Remembered {
            journal: Journal(Some(Mutex::new(file))),
            master,
            jobs: Vec::new(),
        });
    }
    let master = serde_json::from_str(&line).context("its first line is not a journal's")?;

    let mut jobs = std::collections::VecDeque::new();
    loop {
        line.clear();
        let length = reader.read_line(&mut line)? as u64;
        if length == 0 || !line.ends_with('\n') {
            break;
        }
        good += length;
        jobs.push_back(
            serde_json::from_str(&line).with_context(|| format!("damaged before byte {good}"))?,
        );
        if jobs.len() > max {
            jobs.pop_front();
        }
    }
    drop(reader);
    ensure!(
        file.metadata()?.len() >= good,
        "the file shrank while it was read"
    );
    file.set_len(good)?;
    file.seek(std::io::SeekFrom::End(0))?;
    Ok(Remembered {
        journal: Journal(Some(Mutex::new(file))),
        master,
        jobs: jobs.into(),
    })
}

impl Journal {
    /// Appends an accepted job. A failure is logged: the job goes on, but not past a restart.
    pub(crate) fn append(&self, job: &Job) {
        let Some(file) = &self.0 else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_string(job)
            .map_err(std::io::Error::from)
            .and_then(|line| write_line(&mut file, &line));
        if let Err(err) = written {
            tracing::warn!(
                error = &err as &dyn std::error::Error,
                "cannot write the journal"
            );
        }
    }
}

/// One write for the whole line, so that a kill leaves at most the last line cut off.
fn write_line(file: &mut File, line: &str) -> std::io::Result<()> {
    file.write_all(format!("{line}\n").as_bytes())
}
