//! Pictures by URL.

use std::time::Duration;

use bytes::Bytes;
use domain::{Code, Invalid, Pinned};
use imaging::{Info, Limits, Mask};
use ring::digest::{SHA256, digest};
use storage::Key;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::{DOWNLOADS, PinError, Sources, unavailable};

/// The most that any route of the provider takes.
const MAX_BYTES: u64 = 50_000_000;
/// Before the second try, which is the last.
const PAUSE: Duration = Duration::from_millis(500);

/// Why nothing came.
struct Nothing {
    reason: String,
    code: Code,
    may_come: bool,
}

impl Sources {
    /// Copies what `url` gives into the store, once for equal bytes.
    pub(super) async fn copied(
        &self,
        field: &str,
        url: &Url,
        deadline: Instant,
    ) -> Result<Pinned, PinError> {
        let place = timeout_at(deadline, self.0.fetching.acquire()).await;
        let _place = place.map_err(later)?.map_err(later)?;
        let bytes = match timeout_at(deadline, self.downloaded(url)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(Nothing { reason, code, .. })) => {
                return Err(PinError::Refused(Invalid {
                    field: field.to_owned(),
                    code,
                    reason,
                }));
            }
            Err(_) => {
                let reason = format!("all pictures of a request must come within {DOWNLOADS:?}");
                return Err(unavailable(field, reason));
            }
        };
        let (info, sha256) = self.examined(field, bytes.clone()).await?;
        let size = bytes.len() as u64;
        let key = Key::source(&sha256, info.format.extension()).map_err(later)?;
        match self.0.store.put_new(&key, bytes).await {
            Ok(_) => {}
            Err(err) if err.is_permanent() => {
                return Err(PinError::Refused(Invalid {
                    field: field.to_owned(),
                    code: Code::StoreFailed,
                    reason: format!("cannot be stored: {err}"),
                }));
            }
            Err(err) => return Err(later(err)),
        }
        Ok(Pinned {
            key: key.to_string(),
            sha256,
            format: info.format.to_string(),
            bytes: size,
            width: info.width,
            height: info.height,
        })
    }

    async fn downloaded(&self, url: &Url) -> Result<Bytes, Nothing> {
        match self.download(url).await {
            Err(nothing) if nothing.may_come => {
                sleep(PAUSE).await;
                self.download(url).await
            }
            tried => tried,
        }
    }

    async fn download(&self, url: &Url) -> Result<Bytes, Nothing> {
        let nothing = |reason: String, code, may_come| {
            Err(Nothing {
                reason,
                code,
                may_come,
            })
        };
        match self.0.egress.get(url, MAX_BYTES).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(answer.bytes),
            Ok(answer) => {
                let status = answer.status;
                let reason = format!(
                    "cannot be fetched: its address answered {status}; check that anybody can read \
                     it there"
                );
                let may_come = status >= 500 || status == 429;
                nothing(reason, Code::SourceUnavailable, may_come)
            }
            Err(egress::Error::TooLarge { max_bytes }) => {
                let reason = format!("has more than {max_bytes} bytes; make it smaller");
                nothing(reason, Code::SourceUnavailable, false)
            }
            Err(egress::Error::Refused { reason }) => {
                let reason = format!("cannot be fetched from there: {reason}");
                nothing(reason, Code::InvalidField, false)
            }
            Err(err) => {
                let reason =
                    format!("cannot be fetched: {err}; check that anybody can read it there");
                nothing(reason, Code::SourceUnavailable, !err.is_permanent())
            }
        }
    }

    /// Makes sure that it is a whole picture, and a mask if it is to be one; with its digest.
    pub(super) async fn examined(
        &self,
        field: &str,
        bytes: Bytes,
    ) -> Result<(Info, String), PinError> {
        let is_mask = field == "mask";
        let examine = move || {
            let limits = Limits::default();
            imaging::inspect(&bytes, &limits)?;
            let info = imaging::verify_whole(&bytes)?;
            if is_mask {
                Mask::read(&bytes, &limits)?;
            }
            Ok((info, hex::encode(digest(&SHA256, &bytes))))
        };
        let examined = match is_mask {
            true => self.decoding(examine).await,
            false => runtime::blocking(examine).await.map_err(Into::into),
        };
        match examined.map_err(PinError::Later)? {
            Ok(examined) => Ok(examined),
            Err(err @ imaging::Error::OneColor { .. }) => {
                let invalid = Invalid::field(field, err.to_string());
                Err(PinError::Refused(invalid))
            }
            Err(err) => Err(unavailable(field, format!("is no usable picture: {err}"))),
        }
    }
}

pub(super) fn later(err: impl Into<bus::Source>) -> PinError {
    PinError::Later(err.into())
}
