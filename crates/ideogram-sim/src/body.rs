//! Reads a request body into fields and files: JSON, or `multipart/form-data` (RFC 7578), whose
//! texts get the types that the route's fields have.

use std::collections::BTreeMap;

use axum::body::{Body as Incoming, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::{Map, Value};

use crate::answer::Refusal;
use crate::catalogue::{BodyKind, Kind, Route};

const MAX_JSON: usize = 1 << 20;
/// Fewer bytes than the files of the largest call may have together: this is one small process.
const MAX_MULTIPART: usize = 128 << 20;

/// What came in a body.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) fields: Map<String, Value>,
    pub(crate) files: BTreeMap<String, Vec<Bytes>>,
}

impl Body {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name) || self.files.contains_key(name)
    }

    /// Reads the body of a call of `route`.
    pub(crate) async fn read(
        route: &Route,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Self, Refusal> {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let read = if route.takes_multipart()
            && let Ok(boundary) = multer::parse_boundary(content_type)
        {
            Self::of_multipart(route, boundary, body).await?
        } else if route.body != BodyKind::Multipart && content_type.starts_with("application/json")
        {
            Self::of_json(body).await?
        } else {
            return Err(Refusal::problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "Invalid Content-type ({content_type}), expected {}",
                    expected(route.body)
                ),
            ));
        };
        match route.envelope {
            Some(envelope) => read.opened(envelope),
            None => Ok(read),
        }
    }

    async fn of_json(body: Incoming) -> Result<Self, Refusal> {
        let bytes = to_bytes(body, MAX_JSON)
            .await
            .map_err(|_| too_large(MAX_JSON))?;
        let bad = |detail: &str| Refusal::problem(StatusCode::BAD_REQUEST, detail);
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self {
                fields,
                files: BTreeMap::new(),
            }),
            Ok(_) => Err(bad("The body is not of type 'object'")),
            Err(_) => Err(bad("Request body is not valid JSON")),
        }
    }

    async fn of_multipart(
        route: &Route,
        boundary: String,
        body: Incoming,
    ) -> Result<Self, Refusal> {
        let limits = SizeLimit::new().whole_stream(MAX_MULTIPART as u64);
        let constraints = Constraints::new().size_limit(limits);
        let mut parts = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
        let mut read = Self::default();
        while let Some(mut part) = parts.next_field().await.map_err(malformed)? {
            let name = part.name().unwrap_or_default().to_owned();
            let kind = route.kind(&name);
            let is_file = matches!(kind, Some(Kind::Files(..)));
            let mut content = BytesMut::new();
            while let Some(chunk) = part.chunk().await.map_err(malformed)? {
                // What nobody asked for is read past, not kept.
                if is_file || content.len() + chunk.len() <= MAX_JSON {
                    content.extend_from_slice(&chunk);
                }
            }
            if is_file {
                read.files.entry(name).or_default().push(content.freeze());
            } else {
                read.insert(route, name, kind, &content)?;
            }
        }
        Ok(read)
    }

    /// Adds a text part: arrays are repeated names, objects are JSON text.
    fn insert(
        &mut self,
        route: &Route,
        name: String,
        kind: Option<Kind>,
        content: &[u8],
    ) -> Result<(), Refusal> {
        // An envelope is an object, and read as one.
        let is_envelope = route.envelope == Some(name.as_str());
        let Some(kind) = kind.or(is_envelope.then_some(Kind::Asset)) else {
            if route.tiers.iter().any(|tier| tier.field == name) {
                self.fields.insert(name, Value::from(utf8(content)?));
            }
            return Ok(());
        };
        let value = typed(kind, utf8(content)?);
        if matches!(kind, Kind::Codes | Kind::Assets(_) | Kind::ModelUris) {
            let list = self
                .fields
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(value);
            }
        } else {
            self.fields.insert(name, value);
        }
        Ok(())
    }

    /// The fields that lie in an object of their own.
    fn opened(mut self, envelope: &str) -> Result<Self, Refusal> {
        match self.fields.remove(envelope) {
            Some(Value::Object(fields)) => Ok(Self { fields, ..self }),
            Some(_) => Err(Refusal::schema("it is not of type 'object'", envelope)),
            None => Err(Refusal::problem(
                StatusCode::BAD_REQUEST,
                format!("'{envelope}' is a required property"),
            )),
        }
    }
}

/// The text in the type that the schema gives to the field; as text where it does not fit, so that
/// the schema check refuses it by name.
fn typed(kind: Kind, text: &str) -> Value {
    let parsed = match kind {
        Kind::Whole(..) => text.parse::<i64>().ok().map(Value::from),
        Kind::Number(..) => text.parse::<f64>().ok().map(Value::from),
        Kind::Flag { .. } => text.parse::<bool>().ok().map(Value::from),
        Kind::Palette(_) | Kind::Asset | Kind::Assets(_) | Kind::ModelUris => {
            serde_json::from_str(text).ok()
        }
        _ => None,
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn utf8(content: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(content)
        .map_err(|_| Refusal::problem(StatusCode::BAD_REQUEST, "A text part is not UTF-8."))
}

const fn expected(kind: BodyKind) -> &'static str {
    match kind {
        BodyKind::Json => "application/json",
        BodyKind::Multipart => "multipart/form-data",
        BodyKind::Either => "application/json or multipart/form-data",
    }
}

fn malformed(err: multer::Error) -> Refusal {
    match err {
        multer::Error::StreamSizeExceeded { .. } => too_large(MAX_MULTIPART),
        err => Refusal::problem(
            StatusCode::BAD_REQUEST,
            format!("The multipart body is malformed: {err}."),
        ),
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::problem(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The body is larger than {limit} bytes."),
    )
}
