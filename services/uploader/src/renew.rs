//! Links that died before their pictures were ours: the provider is asked for others, once.

use std::time::Duration;

use bus::{Bus, Source};
use domain::{Rendered, RenderedImage};
use jiff::{SignedDuration, Timestamp};
use tokio::time;
use url::Url;
use wire::{ask, v1};

/// How long an answer may take, the provider's included.
const LIMIT: Duration = Duration::from_secs(6);
/// How long after the death of the links somebody is looked for who can ask the provider.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// What came of asking.
pub(crate) enum Renewed {
    /// The same pictures with other links. Nobody is asked for them again.
    Links(Box<Rendered>),
    /// There are none, and why.
    None(String),
    /// Nobody can say at the moment.
    Later(Source),
}

/// Asks the generator, which asks the provider, what links there are for `rendered`.
pub(crate) async fn renew(bus: &Bus, rendered: Rendered) -> Renewed {
    let Some(provider_id) = rendered.provider_id.clone() else {
        return Renewed::None("there is no name to ask for other links by".to_owned());
    };
    let question = v1::LinksQuery {
        id: rendered.job.id.to_string(),
        provider_id,
    };
    let asking = bus.ask(ask::LINKS, ask::write(&question));
    let answer = match time::timeout(LIMIT, asking).await {
        Ok(Ok(answer)) => ask::read(&answer).map_err(Source::from),
        Ok(Err(bus::Error::Refused { status, reason, .. })) if (400..500).contains(&status) => {
            return Renewed::None(reason);
        }
        Ok(Err(err)) => Err(err.into()),
        Err(err) => Err(err.into()),
    };
    let lost_at = rendered.expires_at.saturating_add(PATIENCE);
    match answer.and_then(|links| read(&rendered, links)) {
        Ok(fresh) => Renewed::Links(Box::new(fresh)),
        Err(source) if lost_at.is_ok_and(|at| at <= Timestamp::now()) => {
            Renewed::None(format!("nobody said what other links there are: {source}"))
        }
        Err(source) => Renewed::Later(source),
    }
}

/// `rendered` with the links of the answer. It has no name any more by which the provider could be
/// asked, so that nobody asks twice, whoever gets it and however often it is handled.
fn read(rendered: &Rendered, links: v1::Links) -> Result<Rendered, Source> {
    let expires_at = links.expires_at.parse()?;
    let image = |(known, fresh): (&RenderedImage, v1::RenderedImage)| {
        let link = fresh.link.as_deref().map(str::parse::<Url>).transpose()?;
        Ok::<_, Source>(RenderedImage {
            // A picture that is withheld now had a link before: let that one be tried.
            link: link.or_else(|| known.link.clone()),
            ..known.clone()
        })
    };
    if links.images.len() != rendered.images.len() {
        let (now, then) = (links.images.len(), rendered.images.len());
        return Err(format!("there are {now} links now, and were {then} images").into());
    }
    let images = rendered.images.iter().zip(links.images).map(image);
    Ok(Rendered {
        images: images.collect::<Result<_, _>>()?,
        provider_id: None,
        expires_at,
        ..rendered.clone()
    })
}
