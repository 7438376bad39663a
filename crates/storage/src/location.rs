use std::path::PathBuf;

use object_store::path::Path;
use url::Url;

use crate::Error;

/// Where a storage URL leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Folder(PathBuf),
    Bucket {
        cloud: Cloud,
        name: String,
        prefix: Path,
    },
}

/// Who keeps a bucket, or what speaks like them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cloud {
    S3,
    Google,
    Azure,
}

impl Cloud {
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }

    const fn form(self) -> &'static str {
        match self {
            Self::S3 => "a bucket is s3://bucket or s3://bucket/prefix, with credentials in AWS_*",
            Self::Google => {
                "a bucket is gs://bucket or gs://bucket/prefix, with credentials in GOOGLE_*"
            }
            Self::Azure => {
                "a container is az://container or az://container/prefix, with account and credentials in AZURE_*"
            }
        }
    }
}

impl Location {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        match url.split_once("://") {
            Some(("file", path)) => folder(url, path),
            Some(("s3", _)) => bucket(Cloud::S3, url),
            Some(("gs", _)) => bucket(Cloud::Google, url),
            Some(("az", _)) => bucket(Cloud::Azure, url),
            Some((scheme, _)) => Err(Error::Scheme(scheme.to_owned())),
            None => Err(Error::Url(
                "it must begin with file://, s3://, gs:// or az://",
            )),
        }
    }
}

/// Reads the address below which the outside finds the objects.
pub(crate) fn public(url: &str) -> Result<Url, Error> {
    const FORM: &str = "a public URL is https://host or https://host/path, without a query";

    let mut url = Url::parse(url).map_err(|_| Error::Url(FORM))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !plain || !matches!(url.scheme(), "http" | "https") {
        return Err(Error::Url(FORM));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
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

fn bucket(cloud: Cloud, url: &str) -> Result<Location, Error> {
    let wrong = || Error::Url(cloud.form());

    let url = Url::parse(url).map_err(|_| wrong())?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.host_str() {
        Some(name) if plain && !name.is_empty() => Ok(Location::Bucket {
            cloud,
            name: name.to_owned(),
            prefix: Path::from_url_path(url.path()).map_err(|_| wrong())?,
        }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_told_apart() -> anyhow::Result<()> {
        let bucket = |cloud, name: &str, prefix: &str| Location::Bucket {
            cloud,
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
            ("s3://images", bucket(Cloud::S3, "images", "")),
            ("s3://images/", bucket(Cloud::S3, "images", "")),
            (
                "s3://images/prod/eu/",
                bucket(Cloud::S3, "images", "prod/eu"),
            ),
            (
                "gs://my_images/prod",
                bucket(Cloud::Google, "my_images", "prod"),
            ),
            ("az://images", bucket(Cloud::Azure, "images", "")),
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
            "gs://",
            "gs://secret@images",
            "az:///secret",
            "az://images?sig=secret",
            "https://images.s3.amazonaws.com",
        ] {
            let message =
                Location::parse(url).map_or_else(|err| err.to_string(), |_| String::new());

            assert!(
                ["file://", "s3://", "gs://", "az://"]
                    .iter()
                    .any(|form| message.contains(form)),
                "{url}: {message}"
            );
            assert!(!message.contains("secret"), "{url}: {message}");
        }
    }

    #[test]
    fn a_public_url_is_an_address_to_which_keys_are_added() -> anyhow::Result<()> {
        for (url, base) in [
            ("https://cdn.example.com", "https://cdn.example.com/"),
            (
                "https://cdn.example.com/a/b",
                "https://cdn.example.com/a/b/",
            ),
            ("http://127.0.0.1:9000/c/", "http://127.0.0.1:9000/c/"),
        ] {
            assert_eq!(public(url)?.as_str(), base);
        }
        for url in [
            "",
            "cdn.example.com",
            "ftp://cdn.example.com",
            "https://me:secret@cdn.example.com",
            "https://cdn.example.com/?token=secret",
            "https://cdn.example.com/#secret",
        ] {
            let message = public(url).map_or_else(|err| err.to_string(), |url| url.to_string());

            assert!(
                message.contains("a public URL is https://host"),
                "{message}"
            );
            assert!(!message.contains("secret"), "{message}");
        }
        Ok(())
    }
}
