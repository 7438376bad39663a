//! Who may ask: everything needs a key, if there are any, but pictures, the first page, and what is
//! signed by its sender.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::Response;
use url::{Host, Url};

use crate::api::App;
use crate::caller::{Caller, Permission};
use crate::problem::Problem;

/// What needs no key: the name of a picture cannot be guessed, and a webhook is signed.
const OPEN: [&str; 2] = ["/assets/", "/webhooks/"];

/// Lets through who may ask, and notes whose the request is.
pub(crate) async fn guard(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = request.uri().path();
    if path == "/" || OPEN.iter().any(|prefix| path.starts_with(prefix)) {
        return Ok(next.run(request).await);
    }
    let caller = if app.keys.is_empty() {
        refuse_other_sites(&request, &app.public_url)?;
        Arc::new(Caller::local())
    } else {
        let caller = app.keys.caller(request.headers());
        caller.ok_or_else(|| {
            Problem::unauthorized("send a key: `Authorization: Bearer dk_…` or `Api-Key: dk_…`")
        })?
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Lets through whose key allows it.
pub(crate) async fn need(
    State(permission): State<Permission>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    caller.needs(permission)?;
    Ok(next.run(request).await)
}

/// Without keys, loopback is the only wall, and any web page that the user looks at is inside it:
/// it could spend money by a form (an `Origin` of its own) or through a name that it points at us
/// (a `Host` of its own).
fn refuse_other_sites(request: &Request, public_url: &str) -> Result<(), Problem> {
    let headers = request.headers();
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let named = named.or_else(|| request.uri().authority().map(Authority::as_str));
    let host = named.and_then(|authority| Url::parse(&format!("http://{authority}")).ok());
    let origin = headers
        .get(ORIGIN)
        .map(|origin| Url::parse(origin.to_str().unwrap_or_default()).ok());

    let public = Url::parse(public_url).ok();
    let is_ours = |url: &Option<Url>| match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.ends_with(".localhost")
                || public.as_ref().and_then(Url::host_str) == Some(name)
        }
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    };
    if is_ours(&host) && origin.as_ref().is_none_or(is_ours) {
        return Ok(());
    }
    Err(Problem::unauthorized(
        "without keys only this machine may ask, and not for another site; set DARKROOM_API_KEYS, \
         or DARKROOM_PUBLIC_URL if this is the gateway's own name",
    ))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_refused(host: &str, origin: Option<&str>) -> anyhow::Result<bool> {
        let mut request = Request::builder().uri("/v1/generations").header(HOST, host);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let request = request.body(Body::empty())?;
        Ok(refuse_other_sites(&request, "https://pictures.example").is_err())
    }

    #[test]
    fn web_pages_of_others_are_refused_and_tools_are_not() -> anyhow::Result<()> {
        assert!(!is_refused("127.0.0.1:8080", None)?);
        assert!(!is_refused(
            "localhost:8080",
            Some("http://localhost:8080")
        )?);
        assert!(!is_refused("[::1]:8080", None)?);
        assert!(!is_refused(
            "pictures.example",
            Some("https://pictures.example")
        )?);

        assert!(is_refused("127.0.0.1:8080", Some("https://evil.example"))?);
        assert!(is_refused("127.0.0.1:8080", Some("null"))?);
        assert!(is_refused("rebound.evil.example:8080", None)?);
        assert!(is_refused("10.0.0.7:8080", None)?);
        Ok(())
    }
}
