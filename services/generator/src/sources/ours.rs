//! Pictures by our own ids.

use bus::Entry;
use domain::{Code, Event, Image, ImageId, ImageState, Invalid, Job, Pinned, Tenant};
use storage::Key;

use super::copy::later;
use super::{PinError, Sources, unavailable};

impl Sources {
    /// Finds the original of a picture of `tenant`. It is not copied: it does not change either.
    pub(super) async fn ours(
        &self,
        field: &str,
        id: ImageId,
        tenant: &Tenant,
    ) -> Result<Pinned, PinError> {
        let entries = match self.0.ledger.picture(id).await {
            Ok(entries) => entries,
            Err(err @ bus::Error::Decode { .. }) => {
                return Err(unavailable(field, format!("cannot be looked up: {err}")));
            }
            Err(err) => return Err(later(err)),
        };
        let known = entries.iter().rev().find_map(told);
        let Some((_, image)) = known.filter(|(job, _)| job.tenant == *tenant) else {
            let reason = format!(
                "there is no image {id}; one that was made just now can be used after its \
                 image.ready, one that was withheld never"
            );
            return Err(unavailable(field, reason));
        };
        let key = usable(field, image)?;
        match self.0.store.head(&key).await {
            Ok(Some(_)) => {}
            Ok(None) => return Err(unavailable(field, format!("image {id} was deleted"))),
            Err(err) => return Err(later(err)),
        }
        if field == "mask" {
            let bytes = self.0.store.get(&key).await.map_err(later)?;
            self.examined(field, bytes.unwrap_or_default()).await?;
        }
        Ok(Pinned {
            key: key.to_string(),
            sha256: image.sha256.clone(),
            format: image.format.clone(),
            bytes: image.bytes,
            width: image.width,
            height: image.height,
        })
    }
}

fn told(entry: &Entry) -> Option<(&Job, &Image)> {
    match &entry.event {
        Event::ImageReady(event) => Some((&event.job, &event.image)),
        Event::ImageFailed(event) => Some((&event.job, &event.image)),
        Event::ImageRecovered(event) => Some((&event.job, &event.image)),
        _ => None,
    }
}

/// Where its bytes are, if they can be used.
fn usable(field: &str, image: &Image) -> Result<Key, PinError> {
    let id = image.id;
    let why = match image.state {
        ImageState::Stored | ImageState::Ready => None,
        ImageState::Undecodable => Some("cannot be decoded"),
        ImageState::Withheld => Some("was withheld by the provider"),
        ImageState::DownloadFailed => Some("could not be fetched from the provider"),
        ImageState::Deleted => Some("was deleted"),
    };
    if let Some(why) = why {
        return Err(unavailable(field, format!("image {id} {why}")));
    }
    let key = image.key.as_deref().map(Key::parse);
    key.and_then(Result::ok).ok_or_else(|| {
        PinError::Refused(Invalid {
            field: field.to_owned(),
            code: Code::SourceUnavailable,
            reason: format!("image {id} has no file"),
        })
    })
}
