use reqwest::{
    Response,
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use url::Url;

use crate::Error;

/// Where a redirect leads, or `None` if the response is none.
pub(crate) fn redirect_target(response: &Response, url: &Url) -> Result<Option<Url>, Error> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = text(response, LOCATION) else {
        return Ok(None);
    };
    let mut next = url.join(&location).map_err(|_| Error::Refused {
        reason: "it redirects to something that is not a URL",
    })?;
    // A fragment is for the reader of a document (RFC 9110 §10.2.2); there is none here.
    next.set_fragment(None);
    Ok(Some(next))
}

/// The value of a header, if it is text.
pub(crate) fn text(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// The headers of a request, or the name of the first that is none.
pub(crate) fn header_map<N: AsRef<str>, V: AsRef<str>>(
    headers: &[(N, V)],
) -> Result<HeaderMap, Error> {
    headers
        .iter()
        .map(|(name, value)| {
            let invalid = || Error::Header(name.as_ref().to_owned());
            let value = HeaderValue::from_str(value.as_ref()).map_err(|_| invalid())?;
            let name: HeaderName = name.as_ref().parse().map_err(|_| invalid())?;
            Ok((name, value))
        })
        .collect()
}
