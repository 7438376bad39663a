//! The pictures that requests hand in: copied once, when a request is let in, and read for every
//! call.

mod copy;
mod ours;
mod recent;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::Ledger;
use bytes::Bytes;
use domain::{Code, Inputs, Invalid, Origin, Pinned, Source, Tenant};
use futures::{StreamExt, TryStreamExt, stream};
use ideogram::{Call, FilePart, Polarity};
use imaging::{Changed, Limits, Mask};
use storage::{Key, Store};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use recent::Recent;

/// Pictures of one request fetched at once.
const AT_ONCE: usize = 4;
/// Pictures fetched at once over all requests; each is held in memory.
const IN_ALL: usize = 8;
/// For the downloads of one request.
const DOWNLOADS: Duration = Duration::from_secs(100);
/// For everything that is done about the pictures of one request.
const TOTAL: Duration = Duration::from_secs(120);

/// What is handed in. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Sources(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    store: Store,
    egress: egress::Client,
    ledger: Ledger,
    fetching: Semaphore,
    /// Masks are decoded one at a time, since that takes memory.
    decoding: Semaphore,
    recent: Mutex<Recent>,
}

/// Why a request has no copies of its pictures.
#[derive(Debug)]
pub(crate) enum PinError {
    /// One of them cannot be had; the field says which.
    Refused(Invalid),
    /// Something of ours does not answer.
    Later(bus::Source),
}

/// Why the files of a call are not there.
#[derive(Debug)]
pub(crate) enum Missing {
    /// They never will be.
    Gone { code: Code, message: String },
    /// The store does not answer.
    Later(bus::Source),
}

impl Sources {
    pub(crate) fn new(store: Store, egress: egress::Client, ledger: Ledger) -> Self {
        Self(Arc::new(Shelf {
            store,
            egress,
            ledger,
            fetching: Semaphore::new(IN_ALL),
            decoding: Semaphore::new(1),
            recent: Mutex::default(),
        }))
    }

    /// Finds a copy of our own for each of `inputs` that has none yet, which does not change any
    /// more: what an URL gives now, or the original of a picture of ours.
    pub(crate) async fn pin(&self, inputs: &mut Inputs, tenant: &Tenant) -> Result<(), PinError> {
        let unpinned = named(inputs).filter(|(_, source)| source.pinned.is_none());
        let unpinned: Vec<_> = unpinned.collect();
        if unpinned.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let pinning = stream::iter(unpinned).map(Ok).try_for_each_concurrent(
            AT_ONCE,
            async |(field, source)| {
                let pinned = match &source.origin {
                    Origin::Url(url) => self.copied(&field, url, start + DOWNLOADS).await,
                    Origin::Image(id) => self.ours(&field, *id, tenant).await,
                };
                source.pinned = Some(pinned?);
                Ok(())
            },
        );
        timeout_at(start + TOTAL, pinning)
            .await
            .unwrap_or_else(|elapsed| Err(PinError::Later(elapsed.into())))
    }

    /// The bytes of [`Call::files`], in that order, masks as the route reads them.
    pub(crate) async fn files(&self, call: &Call) -> Result<Vec<Bytes>, Missing> {
        let mut files = Vec::with_capacity(call.files().len());
        for part in call.files() {
            files.push(self.file(part).await?);
        }
        Ok(files)
    }

    async fn file(&self, part: &FilePart) -> Result<Bytes, Missing> {
        let Some(pinned) = &part.pinned else {
            return Err(gone(part, "was never copied; ask again"));
        };
        if let Some(bytes) = self.recent().get(&pinned.key, part.polarity) {
            return Ok(bytes);
        }
        let bytes = self.stored(part, pinned).await?;
        let bytes = match part.polarity {
            Some(polarity) => self.converted(part, polarity, bytes).await?,
            None => bytes,
        };
        self.recent()
            .put(pinned.key.clone(), part.polarity, bytes.clone());
        Ok(bytes)
    }

    async fn stored(&self, part: &FilePart, pinned: &Pinned) -> Result<Bytes, Missing> {
        let key = Key::parse(&pinned.key).map_err(|err| gone(part, &err.to_string()))?;
        match self.0.store.get(&key).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(gone(part, "was deleted from the store; hand it in again")),
            Err(err) if err.is_permanent() => Err(gone(part, &err.to_string())),
            Err(err) => Err(Missing::Later(err.into())),
        }
    }

    async fn converted(
        &self,
        part: &FilePart,
        polarity: Polarity,
        bytes: Bytes,
    ) -> Result<Bytes, Missing> {
        let changed = match polarity {
            Polarity::BlackChanges => Changed::Black,
            Polarity::WhiteChanges => Changed::White,
            Polarity::TransparentChanges => Changed::Transparent,
        };
        let convert = move || Mask::read(&bytes, &Limits::default())?.png(changed);
        match self.decoding(convert).await.map_err(Missing::Later)? {
            Ok(png) => Ok(png.into()),
            Err(err) => Err(gone(part, &format!("cannot be used: {err}"))),
        }
    }

    /// Works on pixels, when its turn comes.
    async fn decoding<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, bus::Source> {
        let _place = self.0.decoding.acquire().await?;
        Ok(runtime::blocking(work).await?)
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All pictures of a request, by the names by which a user finds them: `sourceImages[1]`.
fn named(inputs: &mut Inputs) -> impl Iterator<Item = (String, &mut Source)> {
    let mut last = ("", 0);
    inputs.iter_mut().map(move |(field, source)| {
        last = (field, if last.0 == field { last.1 + 1 } else { 0 });
        let name = match field {
            "sourceImages" | "styleReferences" => format!("{field}[{}]", last.1),
            _ => field.to_owned(),
        };
        (name, source)
    })
}

fn gone(part: &FilePart, why: &str) -> Missing {
    Missing::Gone {
        code: Code::SourceUnavailable,
        message: format!("the picture for `{}` {why}", part.field),
    }
}

fn unavailable(field: &str, reason: impl Into<String>) -> PinError {
    PinError::Refused(Invalid {
        field: field.to_owned(),
        code: Code::SourceUnavailable,
        reason: reason.into(),
    })
}
