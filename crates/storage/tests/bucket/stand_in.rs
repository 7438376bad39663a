//! A server that speaks just enough of the three protocols to say what a client has asked for, and
//! has moods.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, Method, Response, StatusCode, Uri},
};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use storage::Store;
use tokio::{net::TcpListener, task::JoinSet};

/// The key of the emulators of Azure, which everybody knows.
pub(crate) const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// A service account that needs no token.
const GOOGLE_KEY: &str = r#"{"client_email": "test@example.com", "private_key": "", "private_key_id": "", "disable_oauth": true}"#;

/// How the server misbehaves.
#[derive(Debug, Default)]
pub(crate) struct Moods {
    /// This many puts are answered 409, and nothing is stored.
    pub(crate) conflicts: usize,
    /// Puts go through whatever their conditions say.
    pub(crate) unconditional: bool,
    /// Every put is answered so.
    pub(crate) answer: Option<(StatusCode, &'static str)>,
}

/// One request that changes something.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

#[derive(Debug, Default)]
struct Bucket {
    moods: Moods,
    /// What a put has sent: its headers come back with the bytes.
    objects: HashMap<String, (HeaderMap, Bytes)>,
    asked: Vec<Asked>,
    puts: usize,
}

type Refusal = (StatusCode, &'static str);

impl Bucket {
    fn put(
        &mut self,
        path: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<StatusCode, Refusal> {
        self.puts += 1;
        if let Some(refusal) = self.moods.answer {
            return Err(refusal);
        }
        if self.puts <= self.moods.conflicts {
            return Err((StatusCode::CONFLICT, "ConditionalRequestConflict"));
        }
        let says = |name: &str, value: &str| headers.get(name).is_some_and(|said| said == value);
        let if_absent = says("if-none-match", "*") || says("x-goog-if-generation-match", "0");
        if if_absent && !self.moods.unconditional && self.objects.contains_key(&path) {
            // Azure, alone, has another status for this.
            return Err(match headers.contains_key("x-ms-version") {
                true => (StatusCode::CONFLICT, "BlobAlreadyExists"),
                false => (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
            });
        }
        self.objects.insert(path, (headers, body));
        Ok(StatusCode::CREATED)
    }
}

/// The server, while it is wanted.
pub(crate) struct StandIn {
    endpoint: String,
    bucket: Arc<Mutex<Bucket>>,
    _server: JoinSet<()>,
}

impl StandIn {
    pub(crate) async fn start(moods: Moods) -> anyhow::Result<Self> {
        let bucket = Arc::new(Mutex::new(Bucket {
            moods,
            ..Bucket::default()
        }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(answer).with_state(bucket.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Ok(Self {
            endpoint,
            bucket,
            _server: server,
        })
    }

    /// A store of the cloud that `scheme` belongs to, in the bucket `images` below `prod`.
    pub(crate) fn store(&self, scheme: &str) -> anyhow::Result<Store> {
        let store = Store::open(&format!("{scheme}://images/prod"), |name| {
            let value = match name {
                "AWS_ENDPOINT_URL" | "GOOGLE_BASE_URL" | "AZURE_STORAGE_ENDPOINT" => &self.endpoint,
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
                "GOOGLE_SERVICE_ACCOUNT_KEY" => GOOGLE_KEY,
                "AZURE_STORAGE_ACCOUNT_NAME" => "devstoreaccount1",
                "AZURE_STORAGE_ACCOUNT_KEY" => AZURE_KEY,
                _ => return None,
            };
            Some(value.to_owned())
        });
        Ok(store?)
    }

    /// All puts and deletes so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.asked.clone()
    }
}

async fn answer(
    State(bucket): State<Arc<Mutex<Bucket>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, Refusal> {
    let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
    // Google's client encodes more than it must, `/` included.
    let path = percent_decode_str(uri.path())
        .decode_utf8_lossy()
        .into_owned();
    let mut asked = Asked {
        method: method.clone(),
        path: path.clone(),
        headers: headers.clone(),
    };
    if method == Method::POST {
        asked.path = named_in_batch(&body).ok_or(NONE)?;
        bucket.objects.remove(&asked.path).ok_or(NONE)?;
        asked.method = Method::DELETE;
        bucket.asked.push(asked);
        return deleted_in_batch();
    }
    if method != Method::GET && method != Method::HEAD {
        bucket.asked.push(asked);
    }
    let mut response = Response::builder()
        .header("etag", "\"1\"")
        .header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    let mut content = Bytes::new();
    if method == Method::PUT {
        response = response.status(bucket.put(path, headers, body)?);
    } else if method == Method::DELETE {
        bucket.objects.remove(&path).ok_or(NONE)?;
        response = response.status(StatusCode::ACCEPTED);
    } else {
        let (headers, bytes) = bucket.objects.get(&path).ok_or(NONE)?;
        for (name, value) in headers.iter().filter(|(name, _)| comes_back(name)) {
            response = response.header(name, value);
        }
        content = bytes.clone();
    }
    response.body(content.into()).map_err(|_| BROKEN)
}

const NONE: Refusal = (StatusCode::NOT_FOUND, "none");
const BROKEN: Refusal = (StatusCode::INTERNAL_SERVER_ERROR, "no response");

/// The path in a request of Azure to delete blobs, which has just one here.
fn named_in_batch(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let line = body.lines().find(|line| line.starts_with("DELETE "))?;
    let path = line.split(' ').nth(1)?;
    Some(percent_decode_str(path).decode_utf8_lossy().into_owned())
}

fn deleted_in_batch() -> Result<Response<Body>, Refusal> {
    const PART: &str = "--part\r\ncontent-type: application/http\r\ncontent-id: 0\r\n\r\n\
                        HTTP/1.1 202 Accepted\r\n\r\n\r\n--part--\r\n";

    let response = Response::builder()
        .status(StatusCode::ACCEPTED)
        .header("content-type", "multipart/mixed; boundary=part");
    response.body(PART.into()).map_err(|_| BROKEN)
}

fn comes_back(name: &HeaderName) -> bool {
    name == "content-type" || name.as_str().contains("-meta-")
}
