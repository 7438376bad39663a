use std::{path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
};
use url::Url;

use crate::Error;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// The variables that are looked up for S3; their meaning is that of the AWS SDKs.
const AWS_VARIABLES: [&str; 25] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ALLOW_HTTP",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_IMDSV1_FALLBACK",
    "AWS_METADATA_ENDPOINT",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_CHECKSUM_ALGORITHM",
    "AWS_UNSIGNED_PAYLOAD",
    "AWS_REQUEST_PAYER",
];

/// Where a storage URL leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Folder(PathBuf),
    Bucket { name: String, prefix: Path },
}

impl Location {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        match url.split_once("://") {
            Some(("file", path)) => folder(url, path),
            Some(("s3", _)) => bucket(url),
            Some((scheme, _)) => Err(Error::Scheme(scheme.to_owned())),
            None => Err(Error::Url("it must begin with file:// or s3://")),
        }
    }
}

/// Builds the client of a bucket from what `env` answers for the `AWS_*` variables.
pub(crate) fn s3(name: &str, env: impl Fn(&str) -> Option<String>) -> Result<Arc<AmazonS3>, Error> {
    // Fails only if there is a provider already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());

    let options = ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_client_options(options)
        // Objects are deleted one by one, and not every server knows the bulk request.
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: MAX_RETRIES,
            retry_timeout: RETRY_TIMEOUT,
        });
    for variable in AWS_VARIABLES {
        let Some(value) = env(variable).filter(|value| !value.is_empty()) else {
            continue;
        };
        let key: AmazonS3ConfigKey = variable
            .to_ascii_lowercase()
            .parse()
            .map_err(|err: object_store::Error| Error::Configuration(err.into()))?;
        // Whoever writes an endpoint with http means it.
        if variable.starts_with("AWS_ENDPOINT") && value.starts_with("http://") {
            builder = builder.with_allow_http(true);
        }
        builder = builder.with_config(key, value);
    }

    let s3 = builder
        .build()
        .map_err(|err| Error::Configuration(err.into()))?;
    Ok(Arc::new(s3))
}

fn folder(url: &str, path: &str) -> Result<Location, Error> {
    const FORMS: &str = "a folder is file:///absolute/path or file://./relative/path";

    if path.starts_with("./") || path.starts_with("../") {
        return Ok(Location::Folder(PathBuf::from(path)));
    }
    if !path.starts_with('/') {
        return Err(Error::Url(FORMS));
    }
    Url::parse(url)
        .ok()
        .and_then(|url| url.to_file_path().ok())
        .map(Location::Folder)
        .ok_or(Error::Url(FORMS))
}

fn bucket(url: &str) -> Result<Location, Error> {
    const FORM: &str = "a bucket is s3://bucket or s3://bucket/prefix, with credentials in AWS_*";

    let url = Url::parse(url).map_err(|_| Error::Url(FORM))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.host_str() {
        Some(name) if plain && !name.is_empty() => Ok(Location::Bucket {
            name: name.to_owned(),
            prefix: Path::from_url_path(url.path()).map_err(|_| Error::Url(FORM))?,
        }),
        _ => Err(Error::Url(FORM)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_told_apart() -> anyhow::Result<()> {
        let bucket = |name: &str, prefix: &str| Location::Bucket {
            name: name.to_owned(),
            prefix: Path::from(prefix),
        };
        for (url, location) in [
            (
                "file:///var/lib/darkroom",
                Location::Folder("/var/lib/darkroom".into()),
            ),
            ("file:///my%20data/", Location::Folder("/my data/".into())),
            (
                "file://./darkroom-data",
                Location::Folder("./darkroom-data".into()),
            ),
            ("file://../data", Location::Folder("../data".into())),
            ("s3://images", bucket("images", "")),
            ("s3://images/", bucket("images", "")),
            ("s3://images/prod/eu/", bucket("images", "prod/eu")),
        ] {
            assert_eq!(Location::parse(url)?, location, "{url}");
        }
        Ok(())
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_repeated() {
        for url in [
            "",
            "/var/lib/darkroom",
            "file:/var/lib",
            "file://data",
            "file://host/data",
            "s3://",
            "s3:///prefix",
            "s3://secret:secret@images",
            "s3://images:9000",
            "s3://images/?region=secret",
            "s3://images/a//b",
            "gs://images/secret",
            "az://images",
            "https://images.s3.amazonaws.com",
        ] {
            let message =
                Location::parse(url).map_or_else(|err| err.to_string(), |_| String::new());

            assert!(
                message.contains("file://") || message.contains("s3://"),
                "{url}: {message}"
            );
            assert!(!message.contains("secret"), "{url}: {message}");
        }
    }
}
