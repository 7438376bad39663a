use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The IPv4 ranges that lead nowhere public: those of the IANA special-purpose registry (RFC 6890)
/// that are not globally reachable, multicast, reserved, and one cloud's service inside its machines.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([168, 63, 129, 16], 32),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// All that is global unicast in IPv6 today.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// The parts of it that are not: protocol assignments (Teredo, ORCHID and benchmarking among them),
/// documentation, 6to4.
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

/// The well-known prefix under which a NAT64 gateway offers IPv4 (RFC 6052).
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// Never reached, whatever the operator allows: link-local, and the places where clouds hand
/// credentials to anybody who asks.
const FORBIDDEN: [IpNet; 6] = [
    IpNet::V4(v4([169, 254, 0, 0], 16)),
    IpNet::V4(v4([168, 63, 129, 16], 32)),
    IpNet::V4(v4([100, 100, 100, 200], 32)),
    IpNet::V6(v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10)),
    IpNet::V6(v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32)),
    IpNet::V6(v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128)),
];

/// Whether packets to `ip` go to a host on the public internet.
///
/// IPv6 addresses that stand for an IPv4 one are judged by it (v4-mapped, NAT64) or refused
/// altogether (v4-compatible, 6to4, Teredo, ISATAP, local-use NAT64).
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) if NAT64.contains(&ip) => is_public_v4(low_half_of_nat64(ip)),
        IpAddr::V6(ip) => {
            GLOBAL_V6.contains(&ip)
                && !SPECIAL_V6.iter().any(|net| net.contains(&ip))
                && !is_isatap(ip)
        }
    }
}

/// Whether `ip` lies in one of the operator's networks and is not forbidden for all.
pub(crate) fn is_allowed(ip: IpAddr, allow: &[IpNet]) -> bool {
    let ip = ip.to_canonical();
    let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&ip));

    within(allow) && !within(&FORBIDDEN)
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|net| net.contains(&ip))
}

fn low_half_of_nat64(ip: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = ip.octets();
    Ipv4Addr::new(a, b, c, d)
}

/// The interface identifier of RFC 5214 §6.1, with either setting of the universal and group bits.
fn is_isatap(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    segments[4] & 0xfcff == 0 && segments[5] == 0x5efe
}

const fn v4(address: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = address;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(address: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = address;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same judgement written another way: as bounds of 32-bit numbers, first and last.
    const NOT_PUBLIC: [(u32, u32); 16] = [
        (0x0000_0000, 0x00ff_ffff),
        (0x0a00_0000, 0x0aff_ffff),
        (0x6440_0000, 0x647f_ffff),
        (0x7f00_0000, 0x7fff_ffff),
        (0xa83f_8110, 0xa83f_8110),
        (0xa9fe_0000, 0xa9fe_ffff),
        (0xac10_0000, 0xac1f_ffff),
        (0xc000_0000, 0xc000_00ff),
        (0xc000_0200, 0xc000_02ff),
        (0xc058_6300, 0xc058_63ff),
        (0xc0a8_0000, 0xc0a8_ffff),
        (0xc612_0000, 0xc613_ffff),
        (0xc633_6400, 0xc633_64ff),
        (0xcb00_7100, 0xcb00_71ff),
        (0xe000_0000, 0xefff_ffff),
        (0xf000_0000, 0xffff_ffff),
    ];

    fn expected(bits: u32) -> bool {
        !NOT_PUBLIC
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&bits))
    }

    #[test]
    fn every_16_bit_network_is_judged_like_an_independent_table() {
        let hosts = [
            0x0000, 0x00ff, 0x0200, 0x02ff, 0x6300, 0x63ff, 0x6400, 0x7100, 0x8110, 0xffff,
        ];
        for network in 0..=0xffff_u32 {
            for host in hosts {
                let bits = (network << 16) | host;

                assert_eq!(
                    is_public_v4(Ipv4Addr::from(bits)),
                    expected(bits),
                    "{bits:x}"
                );
            }
        }
    }

    #[test]
    fn every_bound_is_exact_in_every_form_that_stands_for_ipv4() {
        let bounds = NOT_PUBLIC
            .iter()
            .flat_map(|(first, last)| [first.wrapping_sub(1), *first, *last, last.wrapping_add(1)]);
        for bits in bounds {
            let ip = Ipv4Addr::from(bits);
            let [.., high, low] = ip.to_ipv6_mapped().segments();
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);

            assert_eq!(is_public(ip.into()), expected(bits), "{ip}");
            assert_eq!(
                is_public(ip.to_ipv6_mapped().into()),
                expected(bits),
                "mapped {ip}"
            );
            assert_eq!(is_public(nat64.into()), expected(bits), "NAT64 {ip}");
        }
    }

    #[test]
    fn forms_that_hide_ipv4_elsewhere_are_refused_even_with_a_public_address() -> anyhow::Result<()>
    {
        for text in [
            "::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808::1",
            "2606:4700::5efe:8.8.8.8",
            "2606:4700::200:5efe:8.8.8.8",
            "2606:4700::300:5efe:8.8.8.8",
        ] {
            assert!(!is_public(text.parse()?), "{text}");
        }
        Ok(())
    }

    #[test]
    fn outside_global_unicast_nothing_is_public() {
        for first in 0..=0xffff_u16 {
            // Of 2001::/16 and 3fff::/16 only the beginning is taken; 1234 is behind it.
            let ip = Ipv6Addr::new(first, 0x1234, 0, 0, 0, 0, 0, 1);
            let expected = (0x2000..0x4000).contains(&first) && first != 0x2002;

            assert_eq!(is_public(ip.into()), expected, "{ip}");
        }
    }

    #[test]
    fn the_operator_cannot_allow_the_metadata_service() -> anyhow::Result<()> {
        let everything: [IpNet; 2] = ["0.0.0.0/0".parse()?, "::/0".parse()?];
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            assert!(!is_allowed(text.parse()?, &everything), "{text}");
        }
        for text in ["10.0.0.1", "127.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(is_allowed(text.parse()?, &everything), "{text}");
            assert!(!is_allowed(text.parse()?, &[]), "{text}");
        }
        Ok(())
    }
}
