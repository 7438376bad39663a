//! Children end with us, whatever ends us.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::Context as _;
use runtime::{Child, child::Log};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time,
};

const SH: &str = "/bin/sh";
const NONE: [(&str, &str); 0] = [];
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the process exists and still runs (a zombie does not).
fn runs(pid: u32) -> bool {
    rustix::process::Pid::from_raw(pid.cast_signed())
        .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
        && !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

async fn until_gone(pid: u32) -> anyhow::Result<()> {
    let gone = async {
        while runs(pid) {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    time::timeout(PATIENCE, gone)
        .await
        .with_context(|| format!("process {pid} still runs"))
}

/// A child that says `ready` in `log` once its traps are set, and then stays.
async fn staying(traps: &str, log: &Path) -> anyhow::Result<Child> {
    let script = format!("{traps}; echo ready; while :; do sleep 0.05; done");
    let child = Child::spawn(SH, ["-c", &script], NONE, Log::File(log.into())).await?;
    let ready = async {
        while !fs::read_to_string(log).is_ok_and(|log| log.contains("ready")) {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    time::timeout(PATIENCE, ready)
        .await
        .context("the child says nothing")?;
    Ok(child)
}

#[tokio::test]
async fn output_arguments_environment_and_exit_code_pass_through() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("log");
    let args = [
        "-c",
        "echo \"$1 $COLOUR $$\"; echo err >&2; exit 7",
        "sh",
        "a b",
    ];
    let envs = [("COLOUR", "blue")];
    let mut child = Child::spawn(SH, args, envs, Log::File(log.clone())).await?;
    let pid = child.pid();
    assert_eq!(child.wait().await?.code(), Some(7));
    assert_eq!(fs::read_to_string(log)?, format!("a b blue {pid}\nerr\n"));
    Ok(())
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let outcome = Child::spawn("/nowhere/at-all", [""; 0], NONE, Log::Null).await;
    let said = outcome.err().map(|err| err.to_string()).unwrap_or_default();
    assert_eq!(said, "cannot run `/nowhere/at-all`: no such file");
}

#[tokio::test]
async fn terminate_lets_the_child_end_in_its_own_way() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut child = staying("trap 'exit 3' TERM", &dir.path().join("log")).await?;
    assert_eq!(child.terminate(PATIENCE).await?.code(), Some(3));
    assert!(!runs(child.pid()));
    Ok(())
}

#[tokio::test]
async fn terminate_kills_a_child_that_does_not_listen() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut child = staying("trap '' TERM", &dir.path().join("log")).await?;
    let status = child.terminate(Duration::from_millis(100)).await?;
    assert_eq!(status.code(), Some(128 + 9));
    assert!(!runs(child.pid()));
    Ok(())
}

#[tokio::test]
async fn dropping_it_ends_the_child() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let child = staying("trap '' TERM", &dir.path().join("log")).await?;
    let pid = child.pid();
    assert!(runs(pid));
    // A terminal's Ctrl-C goes to our process group; the child shall not be in it.
    let group = rustix::process::getpgid(rustix::process::Pid::from_raw(pid.cast_signed()))?;
    assert_ne!(group, rustix::process::getpgrp());
    drop(child);
    until_gone(pid).await
}

#[tokio::test]
async fn a_killed_parent_takes_its_child_along() -> anyhow::Result<()> {
    for traps in [":", "trap '' TERM"] {
        // Ours, not the parent's, who will not live to remove it.
        let dir = tempfile::tempdir()?;
        let mut parent = Command::new(std::env::current_exe()?)
            .args(["--exact", "parent", "--ignored", "--nocapture"])
            .env("CHILD_TEST_TRAPS", traps)
            .env("CHILD_TEST_LOG", dir.path().join("log"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = parent.stdout.take().context("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let child = loop {
            let line = time::timeout(PATIENCE, lines.next_line()).await??;
            let line = line.context("the parent ended early")?;
            if let Some((_, pid)) = line.split_once("child is ") {
                break pid.parse()?;
            }
        };
        assert!(runs(child));
        parent.kill().await?;
        until_gone(child).await?;
    }
    Ok(())
}

/// Not a test: the parent of the test above, which runs it in a process of its own.
#[tokio::test]
#[ignore = "started by another test"]
async fn parent() -> anyhow::Result<()> {
    let traps = std::env::var_os("CHILD_TEST_TRAPS");
    let log = std::env::var_os("CHILD_TEST_LOG");
    let (Some(traps), Some(log)) = (traps, log) else {
        return Ok(());
    };
    let mut child = staying(&traps.to_string_lossy(), log.as_ref()).await?;
    println!("child is {}", child.pid());
    child.wait().await?;
    Ok(())
}

/// Its sleeps may last longer, and ours stay as they were.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_patient_child_is_woken_less_often() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("log");
    let own = rustix::thread::current_timer_slack()?;
    let args = ["-c", "cat /proc/$$/timerslack_ns"];
    let slack = Duration::from_millis(2);

    let mut child = Child::spawn_patient(SH, args, NONE, Log::File(log.clone()), slack).await?;

    assert!(child.wait().await?.success());
    assert_eq!(fs::read_to_string(&log)?.trim(), "2000000");
    assert_eq!(rustix::thread::current_timer_slack()?, own);
    Ok(())
}
