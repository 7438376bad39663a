//! Who calls the provider, and when. One replica at a time, the one that holds the account's lease.
//!
//! The dispatcher's memory is nothing but what the ledger adds up to: who waits, what is in
//! progress, what is reserved. It is read when the lease is taken over, from where the last holder
//! took notes on, and kept up by the one task that decides. So deciding and counting are one step,
//! and a budget or the account's limit cannot be passed by doing two things at once.

mod commands;
mod desk;
mod doubt;
mod known;
mod links;
mod notices;
mod repeats;
mod store;
mod takeover;
mod unreadable;
mod wake;

use std::sync::Arc;

use bus::{Bus, Lease, Stage, Worker};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::attempt::Buyer;

use commands::{ENDPOINTS, Question, SERVICE};
use desk::Desk;
pub(crate) use doubt::Verdict;
use links::Links;
use wake::{News, Wake};

/// Questions and news on their way to the desk.
const INBOX: usize = 256;

/// What reaches the desk from outside.
enum Inbox {
    Question(Question),
    News(News),
    /// Whether the store is closed.
    Store(bool),
}

/// Dispatches while `lease` lasts. What `verdicts` say is done to the calls in doubt.
pub(crate) async fn dispatch(
    bus: &Bus,
    config: &Arc<Config>,
    buyer: Buyer,
    lease: Lease,
    verdicts: mpsc::Receiver<Verdict>,
) -> Result<(), bus::Error> {
    let end = lease.lost.clone();
    let links = Links::new(&buyer);
    let desk = Box::pin(Desk::take_over(
        bus.clone(),
        Arc::clone(config),
        buyer,
        lease,
    ));
    let Some(desk) = desk.await? else {
        return Ok(());
    };
    let (sender, inbox) = mpsc::channel(INBOX);

    let wake = Wake(sender.clone());
    let news = Worker::new(bus.clone(), Stage::Generate, config.wake_policy(), wake);
    let answering = bus.answer(SERVICE, &ENDPOINTS, end.clone(), |endpoint, body| {
        commands::ask(sender.clone(), &links, endpoint, body)
    });
    let (dispatched, woken, answered, ()) = tokio::join!(
        until_end(Box::pin(desk.run(inbox, verdicts)), &end),
        until_end(Box::pin(news.run(end.clone())), &end),
        until_end(Box::pin(answering), &end),
        store::watch(bus, sender.clone(), &end),
    );
    dispatched.and(woken).and(answered)
}

/// What ends ends everything.
async fn until_end(
    work: impl Future<Output = Result<(), bus::Error>>,
    end: &CancellationToken,
) -> Result<(), bus::Error> {
    let result = work.await;
    end.cancel();
    result
}

/// The bucket of what holds work back.
const GATES: &str = "gate";
/// The bucket of leases, notes and budgets.
const BOOKS: &str = "books";
