use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

/// Whom a [`Client`](crate::Client) may ask, and for how long.
///
/// The default asks nobody but public hosts by https, follows no redirect, connects within 5 s and
/// is done within 15 s.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Networks the operator opened. Inside them any port will do, and http; link-local addresses and
    /// the metadata services of clouds stay closed.
    pub allow: Vec<IpNet>,
    /// Whether http is refused outside `allow`.
    pub https_only: bool,
    /// If set, only these hosts and their subdomains. Addresses must be listed literally. It narrows
    /// `allow` too.
    pub hosts: Option<Vec<String>>,
    /// How many redirects a download follows, each checked like the first URL. A callback follows
    /// none.
    pub max_redirects: usize,
    /// For name resolution, TCP and TLS together; resolution alone never takes more than 5 s.
    pub connect_timeout: Duration,
    /// For everything together, redirects and body included.
    pub total_timeout: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            https_only: true,
            hosts: None,
            max_redirects: 0,
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(15),
        }
    }
}

/// A piece of the operator's list is no network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a network: write an address or CIDR such as 10.0.0.0/8, separated by commas")]
pub struct InvalidNetwork(String);

/// Reads networks separated by commas, for [`Policy::allow`]. A bare address is a network of one.
///
/// # Errors
///
/// [`InvalidNetwork`] repeats the piece that cannot be read.
pub fn parse_networks(list: &str) -> Result<Vec<IpNet>, InvalidNetwork> {
    list.split(',')
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            piece
                .parse()
                .or_else(|_| piece.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| InvalidNetwork(piece.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_networks_is_read() -> anyhow::Result<()> {
        let networks = parse_networks(" 10.0.0.0/8, 127.0.0.1,,fd00::/8 ,::1")?;

        let written: Vec<String> = networks.iter().map(ToString::to_string).collect();
        assert_eq!(
            written,
            ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8", "::1/128"]
        );
        assert!(parse_networks(" ")?.is_empty());
        Ok(())
    }

    #[test]
    fn the_piece_that_is_no_network_is_named() {
        for piece in ["10.0.0.0/33", "localhost", "10.0.0", "*"] {
            let message = parse_networks(&format!("::1,{piece}"))
                .map_or_else(|err| err.to_string(), |_| String::new());

            assert!(
                message.starts_with(&format!("`{piece}` is not a network")),
                "{message}"
            );
        }
    }
}
