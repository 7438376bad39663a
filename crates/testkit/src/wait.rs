use std::time::Duration;

use anyhow::bail;
use tokio::time::{self, Instant};

/// The only nap in our tests: long enough to leave the processor to those we wait for.
const STEP: Duration = Duration::from_millis(20);

/// Asks `probe` every 20 ms until it says yes. `what` completes the sentence "waited for …".
///
/// # Errors
///
/// If `limit` is over first.
pub async fn wait_until(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> bool,
) -> anyhow::Result<()> {
    wait_for(limit, what, async || probe().await.then_some(())).await
}

/// Asks `probe` every 20 ms until it gives something, and returns that. `what` completes the
/// sentence "waited for …".
///
/// # Errors
///
/// If `limit` is over first, even in the middle of a question.
pub async fn wait_for<T>(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match time::timeout_at(deadline, probe()).await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) if Instant::now() < deadline => time::sleep(STEP).await,
            Ok(None) | Err(_) => bail!("waited for {what} in vain, {limit:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::{wait_for, wait_until};

    #[tokio::test]
    async fn it_asks_until_the_answer_is_yes() -> anyhow::Result<()> {
        let mut asked = 0;
        let answer = wait_for(Duration::from_secs(10), "three questions", async || {
            asked += 1;
            (asked == 3).then_some("yes")
        });
        assert_eq!(answer.await?, "yes");
        Ok(())
    }

    #[tokio::test]
    async fn it_gives_up_even_on_a_question_without_an_answer() {
        let outcome = wait_until(Duration::from_millis(50), "nothing", pending).await;
        let said = outcome.err().map(|err| err.to_string());
        assert_eq!(said.as_deref(), Some("waited for nothing in vain, 50ms"));
    }
}
