use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::Error;

pub(crate) const EXCERPT_BYTES: usize = 16 * 1024;
/// How much is set aside on the word of a `Content-Length`; what really comes is added as it comes.
const MAX_RESERVED: u64 = 1024 * 1024;

/// Reads the whole body, which must not be longer than `max_bytes`.
pub(crate) async fn whole(mut response: Response, max_bytes: u64) -> Result<Bytes, Error> {
    let announced = response.content_length().unwrap_or(0);
    if announced > max_bytes {
        return Err(Error::TooLarge { max_bytes });
    }

    let mut body = BytesMut::with_capacity(announced.min(MAX_RESERVED) as usize);
    while let Some(chunk) = response.chunk().await.map_err(Error::reading)? {
        if (body.len() + chunk.len()) as u64 > max_bytes {
            return Err(Error::TooLarge { max_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads the beginning of the body, for a person to look at: at most 16 KiB, and whatever came until
/// `deadline` or until the connection broke.
pub(crate) async fn excerpt(mut response: Response, deadline: Instant) -> Bytes {
    let mut excerpt = BytesMut::new();
    while excerpt.len() < EXCERPT_BYTES {
        let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await else {
            break;
        };
        let wanted = chunk.len().min(EXCERPT_BYTES - excerpt.len());
        excerpt.extend_from_slice(&chunk[..wanted]);
    }
    excerpt.freeze()
}
