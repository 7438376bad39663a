//! `GET /assets/{key}?download`: the file that people keep. It says itself where it comes from, and
//! has a name that one finds again.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::{Generation, GenerationId, ImageId, Job, Tenant};
use futures::stream;
use imaging::Provenance;
use ring::digest::{SHA256, digest};
use storage::{Head, Key, Meta};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tracing::warn;
use url::form_urlencoded;

use crate::api::App;
use crate::assets::{self, FOREVER};
use crate::caller::Permission;
use crate::find;
use crate::problem::Problem;
use crate::range;

/// What all downloads may hold in memory at once, in MiB: each holds its file twice for a moment.
static ROOM: Semaphore = Semaphore::const_new(256);
const MIB: u64 = 1 << 20;
/// How long one waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is handed to a connection at a time.
const PIECE: usize = 64 << 10;
/// As much of a prompt as is in the name of a file, in characters.
const NAME: usize = 60;
/// Whoever may know the prompt gets another file than whoever may not.
const BY_WHOM: HeaderValue = HeaderValue::from_static("authorization, api-key");
const FOREVER_FOR_ONE: HeaderValue =
    HeaderValue::from_static("private, max-age=31536000, immutable");

/// What a key says.
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    id: GenerationId,
    index: u32,
    /// None for an original.
    preset: Option<&'a str>,
    extension: &'a str,
}

/// Where a file comes from, as far as its reader may know.
#[derive(Debug, PartialEq)]
struct Origin {
    provenance: Option<Provenance>,
    /// Of what the name of the file is made.
    title: String,
    /// Whether the reader was told what others would not be.
    is_private: bool,
}

/// Whether a query asks for the file and not for the picture.
pub(crate) fn is_wanted(query: Option<&str>) -> bool {
    let query = query.unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "download")
}

pub(crate) async fn download(
    app: &App,
    key: &Key,
    head: Head,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let named = Named::read(key).ok_or_else(assets::none)?;
    let origin = origin(app, &named, &head.meta, headers).await?;
    let room = room(head.size).await?;
    let bytes = app.store.get(key).await?.ok_or_else(assets::none)?;
    let bytes = marked(key, bytes, origin.provenance.clone()).await;

    let sha256 = digest(&SHA256, &bytes);
    let etag = format!("\"{}\"", hex::encode(&sha256.as_ref()[..16]));
    let fixed = fixed(app, key, &named, &origin, &etag);
    if range::is_known(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let length = HeaderValue::from(bytes.len());
    let mut response = body(bytes, room).into_response();
    response.headers_mut().extend(fixed);
    response.headers_mut().insert(CONTENT_LENGTH, length);
    Ok(response)
}

/// What is told of the file: to its tenant everything, to all others what is kept beside it.
async fn origin(
    app: &App,
    named: &Named<'_>,
    meta: &Meta,
    headers: &HeaderMap,
) -> Result<Origin, Problem> {
    if let Some(tenant) = tenant(app, headers)
        && let Some(found) = find::find(app, &tenant, named.id).await?
        && let Some(origin) = Origin::of(&found.generation, named, !app.keys.is_empty())
    {
        return Ok(origin);
    }
    Ok(Origin {
        provenance: Provenance::of_labels(|name| meta.get(name)),
        title: named.id.to_string(),
        is_private: false,
    })
}

/// Who reads. Pictures need no key; what was asked for does, where there are any.
fn tenant(app: &App, headers: &HeaderMap) -> Option<Tenant> {
    if app.keys.is_empty() {
        return Some(Tenant::default());
    }
    let caller = app.keys.caller(headers)?;
    caller.needs(Permission::Read).ok()?;
    Some(caller.tenant.clone())
}

impl Origin {
    fn of(generation: &Generation, named: &Named<'_>, is_private: bool) -> Option<Self> {
        let job = generation.job.as_ref()?;
        let id = ImageId::of(job.id, named.index);
        let seed = generation.image(id).and_then(|image| image.seed);
        let request = &job.request;
        Some(Self {
            provenance: Some(Provenance {
                prompt: Some(asked(job, seed)),
                ..Provenance::of(job, id)
            }),
            title: match &request.campaign {
                Some(campaign) => format!("{campaign} {}", request.prompt),
                None => request.prompt.clone(),
            },
            is_private,
        })
    }
}

/// What the picture can be asked for with once more.
fn asked(job: &Job, seed: Option<i64>) -> String {
    let seed = seed.map_or_else(String::new, |seed| format!("\nseed: {seed}"));
    format!("{}{seed}", job.request.prompt)
}

async fn room(size: u64) -> Result<SemaphorePermit<'static>, Problem> {
    let full = || Problem::busy("too many files are being downloaded; try again");
    let need = u32::try_from(2 * (size / MIB + 1)).map_err(|_| full())?;
    let room = timeout(PATIENCE, ROOM.acquire_many(need)).await;
    room.map_err(|_| full())?.map_err(|_| full())
}

/// The file with its marks. No pixel is looked at. One that takes no mark stays as it is: an AVIF,
/// which got its own when it was cut, and what is no whole image.
async fn marked(key: &Key, bytes: Bytes, provenance: Option<Provenance>) -> Bytes {
    let Some(provenance) = provenance else {
        return bytes;
    };
    let original = bytes.clone();
    let marking = move || {
        let marked = imaging::with_provenance(&bytes, &provenance)?;
        Ok::<_, imaging::Error>(Bytes::from(marked.into_owned()))
    };
    match runtime::blocking(marking).await {
        Ok(Ok(marked)) => marked,
        Ok(Err(imaging::Error::Unsupported { .. })) => original,
        Ok(Err(err)) => {
            warn!(error = &err as &dyn std::error::Error, %key, "not marked");
            original
        }
        Err(err) => {
            warn!(error = &err as &dyn std::error::Error, %key, "not marked");
            original
        }
    }
}

/// In pieces, so that the room is given back when nearly all of it is on its way, and not before.
fn body(bytes: Bytes, room: SemaphorePermit<'static>) -> Body {
    let pieces = stream::unfold((bytes, room), async |(mut bytes, room)| {
        if bytes.is_empty() {
            return None;
        }
        let piece = bytes.split_to(PIECE.min(bytes.len()));
        Some((Ok::<_, Infallible>(piece), (bytes, room)))
    });
    Body::from_stream(pieces)
}

/// The headers that say what the file is.
fn fixed(app: &App, key: &Key, named: &Named<'_>, origin: &Origin, etag: &str) -> HeaderMap {
    let cache = match origin.is_private {
        true => FOREVER_FOR_ONE,
        false => FOREVER,
    };
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(key.content_type())),
        (CACHE_CONTROL, cache),
        (ACCEPT_RANGES, HeaderValue::from_static("none")),
        assets::POLICY,
    ]);
    if !app.keys.is_empty() {
        headers.insert(VARY, BY_WHOM);
    }
    headers.extend(assets::header(ETAG, etag));
    headers.extend(assets::header(
        CONTENT_DISPOSITION,
        &disposition(named, &origin.title),
    ));
    headers
}

impl<'a> Named<'a> {
    /// Reads the keys that [`Key::generated`] and [`Key::derived`] make.
    fn read(key: &'a Key) -> Option<Self> {
        let mut segments = key.as_str().split('/').skip(1);
        let id = segments.next()?.parse().ok()?;
        let first = segments.next()?;
        let index = first.split_once('-')?.0.parse().ok()?;
        let cut = segments.next();
        let (stem, extension) = cut.unwrap_or(first).rsplit_once('.')?;
        Some(Self {
            id,
            index,
            // Without its version.
            preset: cut.and_then(|_| Some(stem.rsplit_once('-')?.0)),
            extension,
        })
    }
}

/// A name for the file, once in ASCII and, if that says less, once in full (RFC 6266 §4.3).
fn disposition(named: &Named<'_>, title: &str) -> String {
    let full = file_name(named, &slug(title, char::is_alphanumeric));
    let plain = file_name(named, &slug(title, |char| char.is_ascii_alphanumeric()));
    if full == plain {
        return format!("attachment; filename=\"{plain}\"");
    }
    let full: String = form_urlencoded::byte_serialize(full.as_bytes()).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}")
}

fn file_name(named: &Named<'_>, slug: &str) -> String {
    let Named {
        id,
        index,
        preset,
        extension,
    } = named;
    let title = match slug {
        "" => id.to_string(),
        slug => slug.to_owned(),
    };
    let preset = preset.map_or_else(String::new, |preset| format!("-{preset}"));
    format!("{title}-{index}{preset}.{extension}")
}

/// The words of `text`, in small letters and joined by `-`.
fn slug(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut slug = String::new();
    let mut room = NAME;
    for char in text.chars() {
        if keeps(char) || char == '_' {
            slug.extend(char.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        room -= 1;
        if room == 0 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "gen_01h455vb4pex5vsknk084sn02q";

    fn named(key: &str, title: &str) -> anyhow::Result<Option<String>> {
        let key = Key::parse(key)?;
        Ok(Named::read(&key).map(|named| disposition(&named, title)))
    }

    #[test]
    fn a_file_is_named_after_what_was_asked_for() -> anyhow::Result<()> {
        let original = format!("generated/{ID}/0-0123456789ab.png");
        let cut = format!("derived/{ID}/12-0123456789ab/og-image-9f8e.jpg");
        for (key, title, name) in [
            (
                &original,
                "A red kite, over dunes!",
                "a-red-kite-over-dunes-0.png".to_owned(),
            ),
            (&cut, "A red kite", "a-red-kite-12-og-image.jpg".to_owned()),
            (&original, "\"; x=\r\n../..", "x-0.png".to_owned()),
            (&original, "", format!("{ID}-0.png")),
            (
                &original,
                &"ab ".repeat(99),
                format!("{}-0.png", ["ab"; 20].join("-")),
            ),
        ] {
            let expected = format!("attachment; filename=\"{name}\"");
            assert_eq!(named(key, title)?, Some(expected), "{title}");
        }
        let full = "filename*=UTF-8''%E5%87%A7-%E8%B5%A4-0.png";
        let expected = format!("attachment; filename=\"{ID}-0.png\"; {full}");
        assert_eq!(named(&original, "凧 赤")?, Some(expected));
        Ok(())
    }

    #[test]
    fn keys_of_another_shape_name_no_file() -> anyhow::Result<()> {
        for key in [
            "generated/elsewhere/0-0123456789ab.png".to_owned(),
            format!("generated/{ID}/x-0123456789ab.png"),
            format!("generated/{ID}/0.png"),
            format!("generated/{ID}/0-0123456789ab"),
            "sources/0011.png".to_owned(),
        ] {
            assert_eq!(named(&key, "a kite")?, None, "{key}");
        }
        Ok(())
    }

    #[test]
    fn a_download_is_asked_for_by_name() {
        for (query, wanted) in [
            (Some("download"), true),
            (Some("v=1&download=1"), true),
            (Some("downloads"), false),
            (None, false),
        ] {
            assert_eq!(is_wanted(query), wanted, "{query:?}");
        }
    }
}
