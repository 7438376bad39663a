//! Group commit: what is put into a folder at the same time goes to its disk together.
//!
//! To flush a file is to wait for its bytes, and for blocks of inodes and names, which it shares with
//! the files that were made just before and after it. So all files of a group are written, and the disk
//! is told to begin with them, before the first is waited for; and each folder is flushed once. The
//! guarantee is the same, for six tenths of the CPU (ext4, four or more pictures and their metadata).

use std::{
    collections::VecDeque,
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tempfile::{Builder, NamedTempFile};
use tokio::sync::oneshot;

use crate::folder::{UNFINISHED, remove_unfinished, unfinished};

/// The most that is written together: each takes two open files.
const MOST: usize = 32;
/// How many bytes, so that the last is not kept waiting for the first.
const BYTES: usize = 64 << 20;
/// How often the folders of an object are made when others take them away, because they are empty.
const MAX_RACES: u32 = 16;

/// An object that waits for being written.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) file: PathBuf,
    pub(crate) bytes: Bytes,
    /// What is kept beside it, and where.
    pub(crate) beside: Option<(PathBuf, String)>,
    /// Whether its name was free.
    pub(crate) created: oneshot::Sender<io::Result<bool>>,
}

/// Who waits while others are written.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    puts: VecDeque<Pending>,
    /// Somebody writes, or is about to.
    led: bool,
}

/// The right, and the duty, to write what waits, group by group. If it is dropped before nothing is
/// left, those who wait hear of it.
#[derive(Debug)]
pub(crate) struct Lead {
    queue: Arc<Queue>,
    over: bool,
}

/// An object whose bytes are on their way to the disk, under names that nobody looks for.
struct Begun {
    /// Its folder was there before, so a death may have left something in it.
    visited: bool,
    /// What is beside it first; nothing if the object is there already.
    files: Vec<(NamedTempFile, PathBuf)>,
}

impl Queue {
    /// Adds `put`; whoever gets the lead has it written.
    pub(crate) fn add(self: &Arc<Self>, put: Pending) -> Option<Lead> {
        let mut waiting = self.lock();
        waiting.puts.push_back(put);
        let lead = !std::mem::replace(&mut waiting.led, true);
        lead.then(|| Lead {
            queue: Arc::clone(self),
            over: false,
        })
    }

    /// What a thread leaves that dies with the lock is whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came while one group was written is the next: nobody waits for company.
impl Iterator for Lead {
    type Item = Vec<Pending>;

    fn next(&mut self) -> Option<Vec<Pending>> {
        let mut waiting = self.queue.lock();
        let mut group = Vec::new();
        let mut bytes = 0;
        while group.len() < MOST && bytes < BYTES {
            let Some(put) = waiting.puts.pop_front() else {
                break;
            };
            bytes += put.bytes.len();
            group.push(put);
        }
        self.over = group.is_empty();
        waiting.led = !self.over;
        (!self.over).then_some(group)
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.over {
            let mut waiting = self.queue.lock();
            waiting.puts.clear();
            waiting.led = false;
        }
    }
}

/// Writes a group, and tells each whether its name was free. An object has its name only when all of it
/// is on disk, and what is beside it before it; `flush` makes the names on the way to it survive a power
/// cut.
pub(crate) fn write(group: Vec<Pending>, mut flush: impl FnMut(&Path) -> io::Result<()>) {
    let begun: Vec<_> = group.iter().map(Begun::begin).collect();
    let synced = begun.into_iter().map(|begun| begun.and_then(Begun::sync));
    let synced: Vec<_> = synced.collect();
    let named = synced.into_iter().map(|begun| begun.and_then(Begun::name));
    let named: Vec<_> = named.collect();

    let mut settle = |file: &Path, (created, visited): (bool, bool)| {
        if visited {
            remove_unfinished(file)?;
        }
        if created {
            flush(file)?;
        }
        Ok(created)
    };
    for (put, named) in group.into_iter().zip(named) {
        let created = named.and_then(|named| settle(&put.file, named));
        // Whoever asked may have gone.
        put.created.send(created).ok();
    }
}

impl Begun {
    fn begin(put: &Pending) -> io::Result<Self> {
        // In a new folder there is nothing to look for.
        let visited = !made(&put.file)?;
        let mut files = Vec::with_capacity(2);
        if !(visited && put.file.exists()) {
            let prefix = unfinished(&put.file);
            if let Some((beside, json)) = &put.beside {
                files.push((begin(beside, &prefix, json.as_bytes())?, beside.clone()));
            }
            files.push((begin(&put.file, &prefix, &put.bytes)?, put.file.clone()));
        }
        Ok(Self { visited, files })
    }

    fn sync(self) -> io::Result<Self> {
        for (file, _) in &self.files {
            file.as_file().sync_all()?;
        }
        Ok(self)
    }

    /// Whether the object's name was free, and whether its folder was there.
    fn name(self) -> io::Result<(bool, bool)> {
        let mut created = false;
        for (file, path) in self.files {
            created = name(file, &path)?;
        }
        Ok((created, self.visited))
    }
}

/// Writes a file that has no lasting name yet, and has the disk begin with it.
fn begin(path: &Path, prefix: &str, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(path);
    let mut unfinished = Builder::new();
    unfinished.prefix(prefix).suffix(UNFINISHED);
    // As any file, less what the process's mask forbids.
    unfinished.permissions(Permissions::from_mode(0o666));
    let mut races = 0;
    let mut file = loop {
        match unfinished.tempfile_in(folder) {
            Err(err) if err.kind() == io::ErrorKind::NotFound && races < MAX_RACES => {
                fs::create_dir_all(folder)?;
                races += 1;
            }
            file => break file?,
        }
    };
    file.write_all(bytes)?;
    // What is not needed in memory is written at once, if it was not yet. Only advice: the flush sees
    // to it that it is done.
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file.as_file(), 0, None, rustix::fs::Advice::DontNeed).ok();
    Ok(file)
}

/// Gives a file its name unless something has it, and tells whether nothing had.
fn name(file: NamedTempFile, path: &Path) -> io::Result<bool> {
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(err) if err.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // Whoever was faster has tidied up.
        Err(err) if err.error.kind() == io::ErrorKind::NotFound && path.exists() => Ok(false),
        Err(err) => Err(err.error),
    }
}

/// Makes the folder of `file`, and tells whether nobody has been there before us.
fn made(file: &Path) -> io::Result<bool> {
    let folder = file.parent().unwrap_or(file);
    match fs::create_dir(folder) {
        Ok(()) => Ok(true),
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map(|()| false)
        }
        Err(err) => Err(err),
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use tempfile::TempDir;

    use super::*;

    type Created = oneshot::Receiver<io::Result<bool>>;

    fn put(file: PathBuf, bytes: &'static [u8]) -> (Pending, Created) {
        let (created, told) = oneshot::channel();
        let beside = Some((file.with_extension("meta"), "{}".to_owned()));
        let bytes = Bytes::from_static(bytes);
        let put = Pending {
            file,
            bytes,
            beside,
            created,
        };
        (put, told)
    }

    /// Writes `files` as one group. What each was told, and which were flushed.
    fn together(files: &[PathBuf]) -> (Vec<io::Result<bool>>, Vec<PathBuf>) {
        let (puts, told): (Vec<_>, Vec<_>) =
            files.iter().map(|file| put(file.clone(), b"kite")).unzip();
        let mut flushed = Vec::new();
        write(puts, |file| {
            flushed.push(file.to_owned());
            Ok(())
        });
        let told = told.into_iter().map(|told| match told.blocking_recv() {
            Ok(told) => told,
            Err(err) => Err(io::Error::other(err)),
        });
        (told.collect(), flushed)
    }

    #[test]
    fn each_is_told_of_its_own() -> io::Result<()> {
        let root = TempDir::new()?;
        let [one, two, not_one] = ["one", "two", "file"].map(|name| root.path().join(name));
        fs::write(&not_one, "no folder")?;
        let files = [
            one.join("0.png"),
            not_one.join("0.png"),
            one.join("1.png"),
            one.join("0.png"),
            two.join("0.png"),
        ];

        let (told, flushed) = together(&files);

        let told: Vec<_> = told.into_iter().map(Result::ok).collect();
        assert_eq!(
            told,
            [Some(true), None, Some(true), Some(false), Some(true)]
        );
        assert_eq!(flushed, [0, 2, 4].map(|n: usize| files[n].clone()));
        assert_eq!(fs::read_dir(one)?.count(), 4, "two, and what is beside");
        Ok(())
    }

    /// Adds so many, and returns who leads of them.
    fn add(queue: &Arc<Queue>, count: usize) -> Vec<Lead> {
        let puts = iter::repeat_with(|| put(PathBuf::new(), b"").0);
        puts.take(count).filter_map(|put| queue.add(put)).collect()
    }

    #[test]
    fn who_comes_while_others_are_written_is_in_the_next_group() {
        let queue = Arc::default();
        let mut leads = add(&queue, 1);
        assert_eq!(leads[0].next().map(|group| group.len()), Some(1));
        assert!(add(&queue, MOST + 1).is_empty(), "one leads");
        assert_eq!(leads[0].next().map(|group| group.len()), Some(MOST));
        assert_eq!(leads[0].next().map(|group| group.len()), Some(1));
        assert!(leads[0].next().is_none());

        assert_eq!(add(&queue, 2).len(), 1, "somebody leads again");
    }

    #[test]
    fn a_lead_that_is_given_up_leaves_nobody_waiting() {
        let queue = Arc::<Queue>::default();
        let (first, told) = put(PathBuf::new(), b"");
        drop(queue.add(first));

        assert!(told.blocking_recv().is_err());
        assert!(queue.add(put(PathBuf::new(), b"").0).is_some());
    }
}
