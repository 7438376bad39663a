//! A program under test runs in a process of its own; here it is this very test binary.

use std::time::Duration;

use testkit::Process;

const ARGS: [&str; 4] = ["--exact", "service", "--ignored", "--nocapture"];

/// Not a test: the program.
#[test]
#[ignore = "started by the other tests"]
fn service() {
    let Some(behaviour) = std::env::var_os("PROCESS_TEST") else {
        return;
    };
    let code = runtime::service_main("painter", async |_, life| {
        let brushes = life.health.component("brushes");
        anyhow::ensure!(behaviour != "broken", "out of paint");
        brushes.ready();
        eprintln!("painting");
        life.shutdown.cancelled().await;
        Ok(())
    });
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

#[tokio::test]
async fn it_starts_stops_and_starts_again() -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let mut process = Process::start(program, ARGS, [("PROCESS_TEST", "well")]).await?;
    let (pid, ops) = (process.pid(), process.ops());

    assert_eq!(process.kill().await?.code(), Some(128 + 9));
    process.restart().await?;
    assert_ne!(process.pid(), pid);
    assert_eq!(process.ops(), ops);

    assert_eq!(
        process.terminate(Duration::from_secs(10)).await?.code(),
        Some(0)
    );
    assert_eq!(process.log().matches("painting").count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_program_that_ends_early_is_an_error_with_its_log() -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let started = Process::start(program, ARGS, [("PROCESS_TEST", "broken")]).await;
    let said = started
        .err()
        .map(|err| format!("{err:#}"))
        .unwrap_or_default();
    assert!(said.contains("darkroom painter: out of paint"), "{said}");
    assert!(said.contains("it ended early: exit status: 1"), "{said}");
    Ok(())
}
