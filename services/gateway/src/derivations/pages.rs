//! Generations as the historian tells of them, page by page.

use domain::{Generation, GenerationId, Tenant};
use futures::{StreamExt, TryStreamExt, stream};
use wire::{ask, v1};

use super::wanted::Wanted;
use crate::api::App;
use crate::find;
use crate::problem::Problem;

/// As many generations as are asked for at once; fewer where they do not fit into one answer.
const PAGE: u32 = 100;
/// Those that are named are asked for so many at a time.
const AT_ONCE: usize = 8;

/// What is meant, page by page.
pub(super) struct Pages<'a> {
    source: Source<'a>,
    place: Place<'a>,
}

/// Where the next page begins.
enum Place<'a> {
    /// Among those that are named.
    Named(std::slice::Chunks<'a, GenerationId>),
    /// Among those that are found, the newest first.
    Found {
        limit: u32,
        cursor: Option<String>,
    },
    Over,
}

/// Who is asked, and for what.
struct Source<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    wanted: &'a Wanted,
}

impl<'a> Pages<'a> {
    pub(super) fn of(app: &'a App, tenant: &'a Tenant, wanted: &'a Wanted) -> Self {
        let place = match &wanted.ids {
            Some(ids) => Place::Named(ids.chunks(PAGE as usize)),
            None => Place::Found {
                limit: PAGE,
                cursor: None,
            },
        };
        let source = Source {
            app,
            tenant,
            wanted,
        };
        Self { source, place }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Vec<Generation>>, Problem> {
        match &mut self.place {
            Place::Named(chunks) => {
                let Some(ids) = chunks.next() else {
                    return Ok(None);
                };
                let found = stream::iter(ids.to_vec()).map(|id| self.source.get(id));
                let found = found.buffered(AT_ONCE);
                found.try_collect().await.map(Some)
            }
            Place::Found { limit, cursor } => {
                let page = self.source.page(limit, cursor.clone()).await?;
                match page.cursor {
                    Some(next) => *cursor = Some(next),
                    None => self.place = Place::Over,
                }
                let generations = page.items.into_iter().map(Generation::try_from);
                let generations = generations.collect::<Result<Vec<_>, _>>()?;
                let meant = |generation: &Generation| self.source.is_meant(generation);
                Ok(Some(generations.into_iter().filter(meant).collect()))
            }
            Place::Over => Ok(None),
        }
    }
}

impl Source<'_> {
    /// The page at `cursor`; smaller ones from then on, if an answer is larger than a message may be
    /// and so does not come.
    async fn page(
        &self,
        limit: &mut u32,
        cursor: Option<String>,
    ) -> Result<v1::HistoryPage, Problem> {
        loop {
            match self.search(*limit, cursor.clone()).await {
                Err(bus::Error::Unanswered { .. }) if *limit > 1 => *limit = (*limit / 8).max(1),
                page => return Ok(page?),
            }
        }
    }

    async fn search(
        &self,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<v1::HistoryPage, bus::Error> {
        let wanted = self.wanted;
        let question = v1::HistorySearch {
            tenant: self.tenant.to_string(),
            q: wanted.q.clone(),
            model: wanted.model.map(|model| model.to_string()),
            campaign: wanted.campaign.clone(),
            from: wanted.from.map(|at| at.to_string()),
            to: Some(wanted.to.to_string()),
            cursor,
            limit: Some(limit),
            ..v1::HistorySearch::default()
        };
        let bus = &self.app.bus;
        let answer = bus.ask(ask::HISTORY_SEARCH, ask::write(&question)).await?;
        ask::read(&answer).map_err(|source| bus::Error::Read {
            what: ask::HISTORY_SEARCH.to_owned(),
            source: source.into(),
        })
    }

    async fn get(&self, id: GenerationId) -> Result<Generation, Problem> {
        let found = find::find(self.app, self.tenant, id).await?;
        let found = found.map(|found| found.generation);
        found.ok_or_else(|| Problem::not_found(format!("there is no generation {id}")))
    }

    fn is_meant(&self, generation: &Generation) -> bool {
        let tagged = |tag: &String| {
            let job = generation.job.as_ref();
            job.is_some_and(|job| job.request.tags.contains(tag))
        };
        generation.tenant == *self.tenant && self.wanted.tag.as_ref().is_none_or(tagged)
    }
}
