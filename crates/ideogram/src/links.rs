//! Links to images: how long they live, and where they may lead.

use std::time::Duration;

use jiff::Timestamp;
use url::{Host, Url};

/// The hosts that images come from, each with everything below it.
///
/// The second was seen by others in older answers. Neither is sent the key.
pub const IMAGE_HOSTS: &[&str] = &["ideogram.ai", "d2gu96o5zk2m7w.cloudfront.net"];

/// Whether a link leads to one of [`IMAGE_HOSTS`] by https.
#[must_use]
pub fn is_image_host(link: &Url) -> bool {
    let Some(Host::Domain(host)) = link.host() else {
        return false;
    };
    link.scheme() == "https"
        && IMAGE_HOSTS.iter().any(|known| {
            host.strip_suffix(known)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// When a link dies: at its own `exp`, in unix seconds, if it has one, else `default_ttl` after it
/// was `created`.
///
/// The provider documents 24 hours for v2 and no number for the rest.
#[must_use]
pub fn expires_at(link: &Url, created: Timestamp, default_ttl: Duration) -> Timestamp {
    let exp = link.query_pairs().find_map(|(name, value)| {
        (name == "exp")
            .then(|| Timestamp::from_second(value.parse().ok()?).ok())
            .flatten()
    });
    exp.unwrap_or_else(|| created.checked_add(default_ttl).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_dies_when_it_says_so_or_after_the_default() -> anyhow::Result<()> {
        const DAY: Duration = Duration::from_hours(24);
        let created: Timestamp = "2026-11-21T10:00:00Z".parse()?;
        let base = "https://ideogram.ai/api/images/ephemeral/x.png";

        for (query, dies) in [
            ("?exp=1795341600&sig=00", "2026-11-22T10:00:00Z"),
            ("?sig=00&exp=1795259600", "2026-11-21T11:13:20Z"),
            ("?sig=00", "2026-11-22T10:00:00Z"),
            ("", "2026-11-22T10:00:00Z"),
            ("?exp=soon", "2026-11-22T10:00:00Z"),
            ("?exp=99999999999999999", "2026-11-22T10:00:00Z"),
            ("?expires=1", "2026-11-22T10:00:00Z"),
        ] {
            let link = Url::parse(&format!("{base}{query}"))?;
            assert_eq!(expires_at(&link, created, DAY), dies.parse()?, "{query}");
        }
        assert_eq!(
            expires_at(&Url::parse(base)?, created, Duration::MAX),
            Timestamp::MAX
        );
        Ok(())
    }

    #[test]
    fn only_the_providers_hosts_and_those_below_them_have_images() -> anyhow::Result<()> {
        for good in [
            "https://ideogram.ai/x.png",
            "https://api.ideogram.ai/x",
            "https://IDEOGRAM.AI/x",
        ] {
            assert!(is_image_host(&Url::parse(good)?), "{good}");
        }
        for bad in [
            "http://ideogram.ai/x.png",
            "https://notideogram.ai/",
            "https://ideogram.ai.evil.test/",
            "https://ideogram.ai@evil.test/",
            "https://127.0.0.1/",
            "file:///etc/passwd",
        ] {
            assert!(!is_image_host(&Url::parse(bad)?), "{bad}");
        }
        Ok(())
    }
}
