//! The body of a request: JSON, or multipart where files go with it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::RequestBuilder;
use reqwest::multipart::Part;

use crate::plan::{FilePart, Role};
use crate::{Call, Error};

/// The slowest upload that is waited for, so that it is not taken for a lost answer.
const BYTES_PER_SECOND: u64 = 1_000_000;

/// Puts the body of `call` into `request`. The bytes are not copied, and their length goes ahead.
pub(crate) fn load(
    request: RequestBuilder,
    call: &Call,
    files: &[Bytes],
) -> Result<RequestBuilder, Error> {
    let needed = call.files();
    if needed.len() != files.len() {
        let reason = format!("{} are needed, not {}", needed.len(), files.len());
        return Err(invalid("files", reason));
    }
    if files.is_empty() {
        return Ok(request.json(call.fields()));
    }
    let mut form = call
        .fields()
        .parts()
        .map_err(|err| invalid("files", err.to_string()))?;
    for (file, bytes) in needed.iter().zip(files) {
        form = form.part(file.field, part(file, bytes)?);
    }
    Ok(request.multipart(form))
}

/// How long such an upload may take.
pub(crate) fn time(files: &[Bytes]) -> Duration {
    let bytes: u64 = files.iter().map(|bytes| bytes.len() as u64).sum();
    Duration::from_secs(bytes / BYTES_PER_SECOND)
}

fn part(file: &FilePart, bytes: &Bytes) -> Result<Part, Error> {
    let length = bytes.len() as u64;
    if length > file.max_bytes {
        let reason = format!("has {length} bytes; at most {} are taken", file.max_bytes);
        return Err(invalid(file.field, reason));
    }
    let Some((media_type, extension)) = format(bytes) else {
        let reason = "is neither PNG nor JPEG nor WebP".to_owned();
        return Err(invalid(file.field, reason));
    };
    Part::stream_with_length(bytes.clone(), length)
        .file_name(format!("{}.{extension}", name(file.role)))
        .mime_str(media_type)
        .map_err(Error::Build)
}

/// By the first bytes, which is how the provider tells, too.
fn format(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(("image/png", "png"))
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some(("image/jpeg", "jpg"))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(("image/webp", "webp"))
    } else {
        None
    }
}

/// What a requester called it is no business of the provider's.
const fn name(role: Role) -> &'static str {
    match role {
        Role::Source(_) => "source",
        Role::Mask | Role::CharacterMask => "mask",
        Role::StyleReference(_) => "style",
        Role::Character => "character",
    }
}

const fn invalid(field: &'static str, reason: String) -> Error {
    Error::File { field, reason }
}
