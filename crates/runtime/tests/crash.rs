//! A planned crash is a real one.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitStatus},
};

/// Not a test: the process that reaches the point three times.
#[test]
#[ignore = "started by the other tests"]
fn victim() {
    for _ in 0..3 {
        runtime::crash::point("after-put");
    }
}

fn run(plan: &str) -> std::io::Result<ExitStatus> {
    Command::new(std::env::current_exe()?)
        .args(["--exact", "victim", "--ignored"])
        .env("DARKROOM_CRASH_AT", plan)
        .status()
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "release builds have no crash points")]
fn the_process_dies_of_sigkill_at_the_planned_visit() -> std::io::Result<()> {
    const SIGKILL: i32 = 9;
    assert_eq!(run("after-put")?.signal(), Some(SIGKILL));
    assert_eq!(run("after-put:3")?.signal(), Some(SIGKILL));
    assert!(run("after-put:4")?.success());
    assert!(run("elsewhere")?.success());
    Ok(())
}
