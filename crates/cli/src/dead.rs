//! What nobody could handle: looking at it, putting it back, throwing it away.

use anyhow::bail;
use bus::{Bus, Config, DeadFilter, DeadLetter, Error, Stage};
use domain::GenerationId;
use runtime::Env;
use serde_json::json;

use crate::args::{Dead, DeadVerb};
use crate::table::Table;

/// Dead letters asked for at once.
const PAGE: usize = 100;
/// Letters of a reason that a list shows.
const GLANCE: usize = 70;

pub(crate) async fn run(env: &Env, args: &Dead) -> anyhow::Result<()> {
    let bus = Bus::connect(&Config::from_env(env, "dead")?).await?;
    let done = match args.verb {
        DeadVerb::List { stage, json } => list(&bus, stage, json).await,
        DeadVerb::Show { sequence } => show(&bus, sequence).await,
        DeadVerb::Replay {
            sequence: Some(sequence),
            ..
        } => replay(&bus, sequence).await,
        DeadVerb::Replay { stage, .. } => replay_all(&bus, stage).await,
        DeadVerb::Discard { sequence } => discard(&bus, sequence).await,
    };
    bus.close().await;
    done
}

async fn list(bus: &Bus, stage: Option<Stage>, json: bool) -> anyhow::Result<()> {
    let mut table = Table::new(&[">NUMBER", "STAGE", "GIVEN UP AT", "ABOUT", "WHY"]);
    let (mut after, mut count) = (0, 0);
    loop {
        let letters = page(bus, stage, after).await?;
        let Some(last) = letters.last() else { break };
        after = last.sequence;
        count += letters.len();
        for letter in &letters {
            match json {
                true => println!("{}", line(letter)),
                false => table.row(row(letter)),
            }
        }
    }
    match (json, count) {
        (true, _) => {}
        (false, 0) => println!("no dead letters"),
        (false, _) => print!("{}", table.text()),
    }
    Ok(())
}

async fn page(bus: &Bus, stage: Option<Stage>, after: u64) -> Result<Vec<DeadLetter>, Error> {
    bus.dead_letters(DeadFilter {
        stage,
        after_sequence: after,
        limit: PAGE,
    })
    .await
}

fn line(letter: &DeadLetter) -> serde_json::Value {
    json!({
        "sequence": letter.sequence,
        "stage": letter.stage,
        "key": letter.key,
        "reason": letter.reason,
        "origin": letter.origin,
        "storedAt": letter.stored_at.to_string(),
        "bytes": letter.body.len(),
    })
}

fn row(letter: &DeadLetter) -> Vec<String> {
    let why: String = visible(&letter.reason).chars().take(GLANCE).collect();
    vec![
        letter.sequence.to_string(),
        visible(&letter.stage),
        letter.stored_at.to_string(),
        visible(&letter.key),
        why,
    ]
}

async fn show(bus: &Bus, sequence: u64) -> anyhow::Result<()> {
    let letter = bus.dead_letter(sequence).await?;
    println!(
        "given up at {} by {}",
        letter.stored_at,
        visible(&letter.stage)
    );
    println!("came in on  {}", visible(&letter.origin));
    println!("because     {}", visible(&letter.reason));
    println!();
    for (name, value) in &letter.headers {
        println!("{}: {}", visible(name), visible(value));
    }
    println!();
    println!("{}", visible(&String::from_utf8_lossy(&letter.body)));
    Ok(())
}

async fn replay(bus: &Bus, sequence: u64) -> anyhow::Result<()> {
    let name = bus.replay_dead(sequence).await?;
    println!("{}", at_work(sequence, name));
    Ok(())
}

/// A request that was told as failed goes on under another name.
fn at_work(sequence: u64, name: Option<GenerationId>) -> String {
    match name {
        Some(name) => format!("{sequence} is at work again as {name}"),
        None => format!("{sequence} is at work again"),
    }
}

/// All that there are at the beginning: what dies again meanwhile is not replayed for ever.
async fn replay_all(bus: &Bus, stage: Option<Stage>) -> anyhow::Result<()> {
    let mut sequences = Vec::new();
    while let page = page(bus, stage, sequences.last().copied().unwrap_or(0)).await?
        && !page.is_empty()
    {
        sequences.extend(page.iter().map(|letter| letter.sequence));
    }
    let (mut replayed, mut left) = (0, 0);
    for sequence in sequences {
        match bus.replay_dead(sequence).await {
            Ok(name) => {
                replayed += 1;
                if name.is_some() {
                    println!("{}", at_work(sequence, name));
                }
            }
            // Somebody else was faster.
            Err(Error::Absent { .. }) => {}
            Err(err @ Error::Unreplayable { .. }) => {
                eprintln!("{err}");
                left += 1;
            }
            Err(err) => return Err(err.into()),
        }
    }
    println!("{replayed} are at work again");
    if left > 0 {
        bail!("{left} cannot be replayed; `dead discard` throws them away");
    }
    Ok(())
}

async fn discard(bus: &Bus, sequence: u64) -> anyhow::Result<()> {
    bus.discard_dead(sequence).await?;
    println!("{sequence} is thrown away");
    Ok(())
}

/// What a message says may steer a terminal; this does not.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() && c != '\n' || is_bidirectional(c) {
            true => visible.extend(c.escape_unicode()),
            false => visible.push(c),
        }
    }
    visible
}

/// Characters that make text read otherwise than it is.
const fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;

    #[test]
    fn nothing_is_replayed_that_was_not_named() {
        let parsed = |args: &[&str]| {
            Args::try_parse_from(["darkroom", "dead", "replay"].iter().chain(args)).is_ok()
        };
        for good in [&["7"][..], &["--stage", "upload"], &["--all"]] {
            assert!(parsed(good), "{good:?}");
        }
        for bad in [&[][..], &["7", "--all"], &["--stage", "uploader"], &["x"]] {
            assert!(!parsed(bad), "{bad:?}");
        }
    }

    #[test]
    fn what_would_steer_a_terminal_is_shown_instead() {
        assert_eq!(
            visible("a\u{1b}[2Jb\r\u{7}\u{9b}"),
            r"a\u{1b}[2Jb\u{d}\u{7}\u{9b}"
        );
        assert_eq!(visible("\u{202e}txt"), r"\u{202e}txt");
        assert_eq!(visible("{\n  \"ü\": 1\n}"), "{\n  \"ü\": 1\n}");
    }
}
