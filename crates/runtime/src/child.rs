//! Child processes that cannot outlive us.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{ChildStdin, Command},
    time,
};

use crate::Error;

/// How long the wrapper may take to say the child's process id.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Where a child's standard output and standard error go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// To our standard error.
    Inherit,
    /// To the end of this file, which is created if need be.
    File(PathBuf),
    /// Nowhere.
    Null,
}

/// A running child process.
///
/// It ends when this value is dropped (SIGKILL), and also when our process ends in any way, SIGKILL
/// included: then it gets SIGTERM, and SIGKILL 5 seconds later. A wrapper (`child.sh`) sees to that;
/// it needs nothing but a POSIX `/bin/sh`. The child has its own process group, so that Ctrl-C in a
/// terminal reaches us first and we decide when it stops.
#[derive(Debug)]
pub struct Child {
    wrapper: tokio::process::Child,
    pid: Pid,
    /// The life line: the wrapper acts when this is closed.
    _line: Option<ChildStdin>,
}

impl Child {
    /// Starts `program` (a path; `PATH` is not searched) with `args`, our environment and, over it,
    /// `envs`. Its standard input is empty.
    ///
    /// # Errors
    ///
    /// [`Error::NoProgram`] if there is no such file, [`Error::Spawn`] if it cannot be started or
    /// the log file cannot be opened. A file that is there but cannot be executed shows only as an
    /// early end with code 126.
    pub async fn spawn(
        program: impl AsRef<Path>,
        args: impl IntoIterator<Item: AsRef<OsStr>>,
        envs: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
        log: Log,
    ) -> Result<Self, Error> {
        Self::spawn_patient(program, args, envs, log, Duration::ZERO).await
    }

    /// As [`spawn`](Self::spawn), for a program that looks after its own threads many thousand times a
    /// second: each of its sleeps may last longer by `slack`, so that it wakes less often for nothing
    /// (`PR_SET_TIMERSLACK(2const)`, on Linux only). Zero is the system's own, 50 µs.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn spawn_patient(
        program: impl AsRef<Path>,
        args: impl IntoIterator<Item: AsRef<OsStr>>,
        envs: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
        log: Log,
        slack: Duration,
    ) -> Result<Self, Error> {
        let program = program.as_ref();
        if !program.is_file() {
            return Err(Error::NoProgram(program.to_owned()));
        }
        let mut command = Command::new("/bin/sh");
        command.args(["-c", include_str!("child.sh"), "sh"]);
        command.arg(program).args(args).envs(envs).process_group(0);
        Self::start(command, log, slack)
            .await
            .map_err(|source| Error::Spawn {
                program: program.to_owned(),
                source,
            })
    }

    async fn start(mut command: Command, log: Log, slack: Duration) -> io::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(output(log)?);
        let mut wrapper = with_slack(slack, || command.spawn())?;
        let line = wrapper.stdin.take();
        let stdout = wrapper.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut said = String::new();
        time::timeout(START_LIMIT, BufReader::new(stdout).read_line(&mut said)).await??;
        let pid = said.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the wrapper did not say a process id"))?;
        Ok(Self {
            wrapper,
            pid,
            _line: line,
        })
    }

    /// The process id of the child itself, not of its wrapper.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until the child has ended. As in a shell, code 128 + n means that signal n ended it.
    ///
    /// # Errors
    ///
    /// If the system cannot say.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.wrapper.wait().await
    }

    /// How the child has ended, or `None` while it runs.
    ///
    /// # Errors
    ///
    /// If the system cannot say.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.wrapper.try_wait()
    }

    /// Asks the child to end (SIGTERM), and kills it if it still runs after `grace`.
    ///
    /// # Errors
    ///
    /// If the system cannot say how it ended.
    pub async fn terminate(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        match time::timeout(grace, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    /// Kills the child (SIGKILL) and waits until it is gone, with its ports and locks.
    ///
    /// # Errors
    ///
    /// If the system cannot say how it ended.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.wait().await
    }

    /// Signals the child unless it has ended. The wrapper reaps the child and ends at once, so as
    /// long as the wrapper runs the id is the child's.
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.try_wait()?.is_none() {
            match kill_process(self.pid, signal) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(err) => return Err(err.into()),
            }
        }
        Ok(())
    }
}

impl Drop for Child {
    /// Kills the child, its wrapper and all else in their process group. The runtime reaps them.
    fn drop(&mut self) {
        if let Ok(None) = self.wrapper.try_wait()
            && let Some(group) = self.wrapper.id()
            && let Some(group) = Pid::from_raw(group.cast_signed())
        {
            // Gone already is as good.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// Runs `spawn` on a thread with this timer slack, which its children inherit. Without it they only do
/// more work for the same, so a system that refuses is not asked twice.
#[cfg(target_os = "linux")]
fn with_slack<T>(slack: Duration, spawn: impl FnOnce() -> T) -> T {
    use rustix::thread::{current_timer_slack, set_current_timer_slack};

    let nanos = |slack: u64| std::num::NonZeroU64::new(slack);
    let Some(wanted) = u64::try_from(slack.as_nanos()).ok().and_then(nanos) else {
        return spawn();
    };
    let own = current_timer_slack();
    set_current_timer_slack(Some(wanted)).ok();
    let spawned = spawn();
    // Zero would be the default of the thread, which is what it inherited.
    set_current_timer_slack(own.ok().and_then(nanos)).ok();
    spawned
}

#[cfg(not(target_os = "linux"))]
fn with_slack<T>(_: Duration, spawn: impl FnOnce() -> T) -> T {
    spawn()
}

fn output(log: Log) -> io::Result<Stdio> {
    Ok(match log {
        Log::Inherit => Stdio::inherit(),
        Log::Null => Stdio::null(),
        Log::File(path) => {
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(path)?;
            Stdio::from(file)
        }
    })
}
