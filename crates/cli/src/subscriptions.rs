//! Durable subscriptions for the services of others.

use anyhow::bail;
use bus::{Bus, Config};
use runtime::Env;

use crate::args::{Subscriptions, SubscriptionsVerb};

/// What can be subscribed to, and the subjects behind it.
const EVENTS: [(&str, &str); 5] = [
    ("completed", "generation.completed.*"),
    ("failed", "generation.failed.*"),
    ("ready", "generation.ready.*"),
    ("image-ready", "image.ready.*"),
    ("image-failed", "image.failed.*"),
];

pub(crate) async fn run(env: &Env, args: &Subscriptions) -> anyhow::Result<()> {
    let SubscriptionsVerb::Add { name, events } = &args.verb;
    let mut filters = Vec::new();
    for event in events {
        let Some((_, subject)) = EVENTS.iter().find(|(known, _)| known == event) else {
            let known = EVENTS.map(|(known, _)| known).join(", ");
            bail!("--events: there is no `{event}`; there are {known}");
        };
        filters.push((*subject).to_owned());
    }
    let bus = Bus::connect(&Config::from_env(env, "subscriptions")?).await?;
    bus.subscribe(name, filters).await?;
    println!("consumer `{name}` on stream EVENTS; read it with");
    println!("  nats consumer next EVENTS {name} --count 10");
    Ok(())
}
