use std::net::IpAddr;

use url::{Host, Url};

use crate::{
    Error, Policy,
    address::{is_allowed, is_public},
};

/// The one answer to every question about where a name or an address leads, so that nobody can map
/// our network by asking.
pub(crate) const NOT_PERMITTED: &str = "its host is not a permitted public host";

const MAX_HOST_BYTES: usize = 253;

/// Names that mean something else inside every network (RFC 6761, RFC 6762, RFC 8375, RFC 7686, the
/// ICANN reservation of `internal`), and what Kubernetes calls its services.
const PRIVATE_SUFFIXES: [&str; 14] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "svc",
    "arpa",
    "onion",
    "test",
    "invalid",
];

/// Which addresses a target may turn out to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Public ones, and those the operator allows.
    Public,
    /// Only those the operator allows, because the URL is not one to show to the public.
    Allowed,
}

impl Policy {
    /// Judges a URL as far as it can be judged without asking DNS.
    pub(crate) fn admit(&self, url: &Url) -> Result<Reach, Error> {
        let host = self.well_formed(url).map_err(refused)?;
        self.listed(&host).map_err(refused)?;

        let judged = self.public_scheme_and_port(url).and_then(|()| match host {
            Host::Ipv4(ip) if is_public(ip.into()) => Ok(()),
            Host::Ipv6(ip) if is_public(ip.into()) => Ok(()),
            Host::Domain(name) if is_public_name(name) => Ok(()),
            _ => Err(NOT_PERMITTED),
        });
        match judged {
            Ok(()) => Ok(Reach::Public),
            Err(_) if self.may_be_allowed(&host) => Ok(Reach::Allowed),
            Err(reason) => Err(refused(reason)),
        }
    }

    /// Whether a connection to `ip` may be made for a target of that reach.
    pub(crate) fn permits(&self, ip: IpAddr, reach: Reach) -> bool {
        is_allowed(ip, &self.allow) || (reach == Reach::Public && is_public(ip))
    }

    fn well_formed<'a>(&self, url: &'a Url) -> Result<Host<&'a str>, &'static str> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err("its scheme must be https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not contain a user name or password");
        }
        if url.fragment().is_some() {
            return Err("it must not contain a fragment");
        }
        let host = url.host().ok_or("it must name a host")?;
        match host {
            Host::Domain(name) if name.len() > MAX_HOST_BYTES => Err("its host name is too long"),
            _ => Ok(host),
        }
    }

    fn listed(&self, host: &Host<&str>) -> Result<(), &'static str> {
        let Some(hosts) = &self.hosts else {
            return Ok(());
        };
        let name = host.to_string();
        let name = without_dot(&name);
        let listed = hosts.iter().any(|listed| match host {
            Host::Domain(_) => is_within(name, &listed.to_ascii_lowercase()),
            Host::Ipv4(_) | Host::Ipv6(_) => name.trim_matches(['[', ']']) == listed,
        });

        if listed { Ok(()) } else { Err(NOT_PERMITTED) }
    }

    fn public_scheme_and_port(&self, url: &Url) -> Result<(), &'static str> {
        if url.scheme() == "http" && self.https_only {
            return Err("its scheme must be https");
        }
        match url.port_or_known_default() {
            Some(443 | 8443) => Ok(()),
            Some(80) if !self.https_only => Ok(()),
            _ => Err("its port must be 443 or 8443"),
        }
    }

    fn may_be_allowed(&self, host: &Host<&str>) -> bool {
        match host {
            Host::Ipv4(ip) => is_allowed((*ip).into(), &self.allow),
            Host::Ipv6(ip) => is_allowed((*ip).into(), &self.allow),
            Host::Domain(_) => !self.allow.is_empty(),
        }
    }
}

fn refused(reason: &'static str) -> Error {
    Error::Refused { reason }
}

fn is_public_name(name: &str) -> bool {
    let name = without_dot(name);
    name.contains('.')
        && !PRIVATE_SUFFIXES
            .iter()
            .any(|suffix| is_within(name, suffix))
}

fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}
