//! One picture on its way from the provider's link into our store.

use std::sync::Arc;

use bus::Source;
use bytes::Bytes;
use domain::{
    Billed, Code, Failure, GenerationId, Image, ImageId, ImageState, Job, Phase, RenderedImage,
};
use imaging::Info;
use ring::digest::{SHA256, digest};
use runtime::crash;
use storage::{Key, Meta, Store};
use tokio::time::Instant;
use url::Url;

use crate::condition::Condition;
use crate::metrics;
use crate::places::{Places, Turn};

/// Gets pictures, each at most once at a time.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) client: egress::Client,
    pub(crate) store: Store,
    pub(crate) public_url: String,
    /// Pictures held in memory at once, over all jobs.
    pub(crate) places: Places,
    pub(crate) condition: Arc<Condition>,
}

/// Why a picture is not in the store.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It never will be.
    Never(Failure),
    /// It never will be by this link, which is dead.
    Dead(Failure),
    /// What the link gives is no whole picture. It may have been cut off on the way.
    Broken(Source, Failure),
    /// It may be, a little later.
    Again(Source, Failure),
}

impl Fetch {
    /// Makes the picture ours, or says that it was withheld. Done twice, it is stored once.
    pub(crate) async fn fetch(
        &self,
        job: &Job,
        rendered: &RenderedImage,
        turn: Turn,
    ) -> Result<Image, Trouble> {
        let id = job.id;
        let Some(link) = &rendered.link else {
            return Ok(blank(id, rendered, ImageState::Withheld));
        };
        let index = rendered.index;
        let _place = self.places.take(turn).await;
        let started = Instant::now();

        let bytes = self.download(link, index).await?;
        crash::point("uploader.after_download");
        let (info, sha256) = examine(bytes.clone(), index).await?;
        let size = bytes.len() as u64;
        let key = self.put(job, rendered, &info, &sha256, bytes).await?;
        crash::point("uploader.after_put");

        metrics::STORED.inc();
        metrics::BYTES.inc_by(size);
        metrics::SECONDS.observe(started.elapsed().as_secs_f64());
        Ok(Image {
            url: Some(format!("{}/assets/{key}", self.public_url)),
            key: Some(key.to_string()),
            width: info.width,
            height: info.height,
            format: info.format.to_string(),
            content_credentials: info.content_credentials,
            bytes: size,
            sha256,
            ..blank(id, rendered, ImageState::Stored)
        })
    }

    async fn download(&self, link: &Url, index: u32) -> Result<Bytes, Trouble> {
        let answer = match self.client.get(link, Store::MAX_BYTES).await {
            Ok(answer) => answer,
            Err(err @ egress::Error::TooLarge { .. }) => {
                let message = format!("image {index} is not taken: {err}");
                return Err(Trouble::Never(failure(Code::DownloadFailed, message)));
            }
            // A host that is not on our list is our mistake as long as the link lives.
            Err(err @ egress::Error::Refused { .. }) => {
                let message = format!(
                    "the link of image {index} leads where DARKROOM_IMAGE_HOSTS does not allow: {err}"
                );
                return Err(Trouble::Again(
                    err.into(),
                    failure(Code::DownloadFailed, message),
                ));
            }
            Err(err) => return Err(again(err, Code::DownloadFailed, index)),
        };
        let status = answer.status;
        let message = format!("the link of image {index} answered {status}");
        match status {
            200..=299 => Ok(answer.bytes),
            403 | 404 | 410 => {
                let message = format!("{message}: it is dead");
                Err(Trouble::Dead(failure(Code::DownloadFailed, message)))
            }
            _ => {
                let source = message.clone().into();
                Err(Trouble::Again(
                    source,
                    failure(Code::DownloadFailed, message),
                ))
            }
        }
    }

    async fn put(
        &self,
        job: &Job,
        rendered: &RenderedImage,
        info: &Info,
        sha256: &str,
        bytes: Bytes,
    ) -> Result<Key, Trouble> {
        let index = rendered.index;
        let never = |err: &dyn std::error::Error| {
            let message = format!("image {index} cannot be stored: {err}");
            Trouble::Never(failure(Code::StoreFailed, message))
        };
        let key = Key::generated(&job.id, index, sha256, info.format.extension())
            .map_err(|err| never(&err))?;
        let labels = job.labels(ImageId::of(job.id, index), rendered.seed);
        let meta = Meta::of(labels).map_err(|err| never(&err))?;
        match self.store.put_new_with(&key, bytes, &meta).await {
            Ok(_) => {
                self.condition.took();
                Ok(key)
            }
            Err(err) if err.is_permanent() => Err(never(&err)),
            Err(err @ storage::Error::Contended { .. }) => {
                Err(again(err, Code::StoreFailed, index))
            }
            Err(err) => {
                self.condition.refused(err.to_string());
                Err(again(err, Code::StoreFailed, index))
            }
        }
    }
}

/// Makes sure that a whole picture came, away from the threads that keep connections alive; with its
/// digest.
async fn examine(bytes: Bytes, index: u32) -> Result<(Info, String), Trouble> {
    let broken = |err: Source| {
        let message = format!("what the link of image {index} gives is no whole picture: {err}");
        Trouble::Broken(err, failure(Code::DownloadFailed, message))
    };
    let examine = move || {
        let info = imaging::verify_whole(&bytes)?;
        Ok::<_, imaging::Error>((info, hex::encode(digest(&SHA256, &bytes))))
    };
    match runtime::blocking(examine).await {
        Ok(Ok(examined)) => Ok(examined),
        Ok(Err(err)) => Err(broken(err.into())),
        Err(err @ runtime::Error::Panicked(_)) => Err(broken(err.into())),
        Err(err) => Err(again(err, Code::DownloadFailed, index)),
    }
}

/// The picture as far as it is known without its bytes.
pub(crate) fn blank(id: GenerationId, rendered: &RenderedImage, state: ImageState) -> Image {
    Image {
        id: ImageId::of(id, rendered.index),
        index: rendered.index,
        state,
        key: None,
        url: None,
        width: 0,
        height: 0,
        seed: rendered.seed,
        prompt: rendered.prompt.clone(),
        format: String::new(),
        bytes: 0,
        sha256: String::new(),
        derivatives: Vec::new(),
        error: None,
        traits: None,
        content_credentials: false,
    }
}

/// Whatever happens here, the picture was paid for.
pub(crate) fn failure(code: Code, message: String) -> Failure {
    Failure {
        code,
        message,
        phase: Phase::Download,
        billed: Billed::Yes,
    }
}

fn again(source: impl Into<Source>, code: Code, index: u32) -> Trouble {
    let source = source.into();
    let what = if code == Code::StoreFailed {
        "stored"
    } else {
        "fetched"
    };
    let message = format!("image {index} could not be {what} before its link died: {source}");
    Trouble::Again(source, failure(code, message))
}
