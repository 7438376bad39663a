//! Which URLs are taken at all: a table of the ways to write an address.

use egress::{Client, Error, Policy, parse_networks};
use url::Url;

/// Each of these is a URL, and none may be asked.
const REFUSED: &str = "
    https://127.0.0.1/ https://127.0.0.1:443/ https://127.0.0.1:8443/ https://127.0.0.1./
    https://127.1/ https://127.0.1/ https://127.255.255.255/ https://0/ https://0.0.0.0/
    https://2130706433/ https://0x7f000001/ https://017700000001/ https://0x7f.1/ https://0177.1/
    https://0x7f.0x0.0x0.0x1/ https://0177.0.0.01/ https://127.0.0.0x1/ https://00000177.0.0.1/
    https://127.0.256/ https://127.65536/ https://0X7F000001/
    https://①②⑦.⓪.⓪.①/ https://１２７.０.０.１/ https://127。0。0。1/ https://127．0．0．1/
    https://127｡0｡0｡1/ https://%31%32%37.0.0.1/ https://127%2e0%2e0%2e1/ https://%31%36%39.254.169.254/
    https://169.254.169.254/ https://169.254.169.254/latest/meta-data/ https://0xA9FEA9FE/
    https://2852039166/ https://169.254.43518/ https://0251.0376.0251.0376/ https://169.254.170.2/
    https://169.254.0.1/ https://168.63.129.16/ https://100.100.100.200/ https://192.0.0.192/
    https://10.0.0.1/ https://10.255.255.255/ https://10.1/ https://0xa000001/ https://167772161/
    https://172.16.0.1/ https://172.31.255.255/ https://192.168.0.1/ https://192.168.1/
    https://192.168.255.255/ https://0xc0a80001/ https://3232235521/ https://100.64.0.1/
    https://100.127.255.255/ https://192.0.0.1/ https://192.0.2.1/ https://192.88.99.1/
    https://198.18.0.1/ https://198.19.255.255/ https://198.51.100.1/ https://203.0.113.1/
    https://224.0.0.1/ https://239.255.255.255/ https://240.0.0.1/ https://255.255.255.255/
    https://0xffffffff/ https://4294967295/ https://0.1.2.3/

    https://[::]/ https://[::1]/ https://[0:0:0:0:0:0:0:1]/ https://[::0001]/ https://[0000::1]:8443/
    https://[::127.0.0.1]/ https://[::7f00:1]/ https://[::8.8.8.8]/ https://[::ffff:127.0.0.1]/
    https://[::FFFF:7F00:1]/ https://[0:0:0:0:0:ffff:127.0.0.1]/ https://[::ffff:10.0.0.1]/
    https://[::ffff:169.254.169.254]/ https://[::ffff:a9fe:a9fe]/ https://[::ffff:0.0.0.0]/
    https://[::ffff:192.168.1.1]/ https://[::ffff:100.64.0.1]/ https://[::ffff:0:127.0.0.1]/
    https://[::ffff:0:8.8.8.8]/ https://[64:ff9b::127.0.0.1]/ https://[64:ff9b::7f00:1]/
    https://[64:ff9b::10.0.0.1]/ https://[64:ff9b::169.254.169.254]/ https://[64:ff9b::]/
    https://[64:ff9b:1::8.8.8.8]/ https://[64:ff9b:1::127.0.0.1]/ https://[64:ff9b:1:ffff::1]/
    https://[2002:7f00:1::]/ https://[2002:a00:1::1]/ https://[2002:a9fe:a9fe::1]/
    https://[2002:808:808::1]/ https://[2001::1]/ https://[2001:0:7f00:1::]/
    https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/ https://[2001:2::1]/ https://[2001:10::1]/
    https://[2001:20::1]/ https://[2001:db8::1]/ https://[2001:db8:ffff::1]/ https://[3fff::1]/
    https://[3fff:fff::1]/ https://[2606:4700::5efe:127.0.0.1]/ https://[2606:4700::200:5efe:a00:1]/
    https://[2606:4700::5efe:8.8.8.8]/ https://[fe80::1]/ https://[febf::1]/
    https://[fe80::5efe:10.0.0.1]/ https://[fec0::1]/ https://[feff::1]/ https://[fc00::1]/
    https://[fd00::1]/ https://[fdff:ffff::1]/ https://[fd00:ec2::254]/ https://[fd20:ce::254]/
    https://[ff02::1]/ https://[ff0e::1]/ https://[100::1]/ https://[100:0:0:1::1]/ https://[200::1]/
    https://[1fff::1]/ https://[4000::1]/ https://[5f00::1]/ https://[8000::1]/ https://[e000::1]/

    https://localhost/ https://LOCALHOST/ https://LocalHost/ https://localhost./ https://localhost:8443/
    https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/ https://ｌｏｃａｌｈｏｓｔ/ https://loc%61lhost/ https://loc\u{ad}alhost/
    https://a.localhost/ https://localhost.localdomain/ https://printer.local/ https://PRINTER.LOCAL./
    https://metadata/ https://metadata.google.internal/ https://metadata.google.internal./
    https://vault.INTERNAL/ https://ip-10-0-0-1.ec2.internal/ https://host.docker.internal/
    https://kubernetes/ https://kubernetes.default.svc/ https://kubernetes.default.SVC./
    https://kubernetes.default.svc.cluster.local/ https://nats.messaging.svc.cluster.local/
    https://router.home.arpa/ https://1.0.0.127.in-addr.arpa/ https://nas.lan/ https://wiki.corp/
    https://wiki.intranet/ https://wiki.home/ https://db.private/ https://x.onion/ https://x.test/
    https://x.invalid/ https://intranet/ https://com/ https://com./ https://a/

    http://example.com/ http://example.com:443/ http://8.8.8.8/ ftp://example.com/ ws://example.com/
    wss://example.com/ file:///etc/passwd gopher://example.com/ data:text/plain,x javascript:x
    unix:/run/x.sock mailto:a@example.com blob:https://example.com/x
    https://example.com:80/ https://example.com:22/ https://example.com:25/ https://example.com:444/
    https://example.com:6379/ https://example.com:8080/ https://example.com:65535/ https://example.com:0/
    https://8.8.8.8:9090/ https://[2606:4700:4700::1111]:8080/
    https://user@example.com/ https://user:secret@example.com/ https://:secret@example.com/
    https://example.com@127.0.0.1/ https://127.0.0.1\\@example.com/ https://example.com/#fragment
    https://example.com/# https:127.0.0.1 https:/127.0.0.1/ https:\\\\127.0.0.1\\
";

const ACCEPTED: &str = "
    https://example.com/ https://example.com/hook?a=b%23c https://EXAMPLE.com./ https://example.com:443/
    https://example.com:8443/ https://bücher.example/ https://xn--bcher-kva.example/
    https://localhost.example.com/ https://local.example.com/ https://internal.example.com/
    https://mylocal.example/ https://svc.example.com/ https://notlocalhost.com/ https://my-internal.com/
    https://127.0.0.1.example.com/ https://8.8.8.8/ https://134744072/ https://1.1.1.1:8443/
    https://9.255.255.255/ https://11.0.0.0/ https://100.63.255.255/ https://100.128.0.0/
    https://126.255.255.255/ https://128.0.0.0/ https://169.253.255.255/ https://169.255.0.0/
    https://172.15.255.255/ https://172.32.0.0/ https://192.167.255.255/ https://192.169.0.0/
    https://198.17.255.255/ https://198.20.0.0/ https://223.255.255.255/ https://168.63.129.17/
    https://[2606:4700:4700::1111]/ https://[2001:4860:4860::8888]:8443/ https://[2000::1]/
    https://[2001:200::1]/ https://[2003::1]/ https://[3fff:1000::1]/ https://[::ffff:8.8.8.8]/
    https://[64:ff9b::8.8.8.8]/
";

fn client(policy: Policy) -> anyhow::Result<Client> {
    Ok(Client::new(policy)?)
}

#[test]
fn no_way_to_write_a_forbidden_target_is_taken() -> anyhow::Result<()> {
    let client = client(Policy::default())?;
    let mut checked = 0;
    for text in REFUSED.split_whitespace() {
        let url = Url::parse(text)?;

        assert!(
            matches!(client.check(&url), Err(Error::Refused { .. })),
            "{text} is {url}"
        );
        checked += 1;
    }
    assert!(checked >= 150, "{checked}");
    Ok(())
}

#[test]
fn public_targets_are_taken() -> anyhow::Result<()> {
    let client = client(Policy::default())?;
    for text in ACCEPTED.split_whitespace() {
        client.check(&Url::parse(text)?)?;
    }
    Ok(())
}

#[test]
fn the_reason_says_what_to_change_and_nothing_about_addresses() -> anyhow::Result<()> {
    let client = client(Policy::default())?;
    let opaque = "target refused: its host is not a permitted public host";
    for (text, message) in [
        (
            "http://example.com/",
            "target refused: its scheme must be https",
        ),
        (
            "https://example.com:81/",
            "target refused: its port must be 443 or 8443",
        ),
        (
            "https://a:b@example.com/",
            "target refused: it must not contain a user name or password",
        ),
        (
            "https://example.com/#a",
            "target refused: it must not contain a fragment",
        ),
        ("https://10.0.0.1/", opaque),
        ("https://169.254.169.254/", opaque),
        ("https://[::1]/", opaque),
        ("https://localhost/", opaque),
    ] {
        let refused = client
            .check(&Url::parse(text)?)
            .map_err(|err| err.to_string());

        assert_eq!(refused, Err(message.to_owned()), "{text}");
    }
    Ok(())
}

#[test]
fn http_is_taken_where_the_policy_says_so() -> anyhow::Result<()> {
    let client = client(Policy {
        https_only: false,
        ..Policy::default()
    })?;
    for (text, taken) in [
        ("http://example.com/", true),
        ("http://example.com:8443/", true),
        ("https://example.com/", true),
        ("http://example.com:8080/", false),
        ("http://127.0.0.1/", false),
        ("http://localhost/", false),
        ("ftp://example.com/", false),
    ] {
        assert_eq!(client.check(&Url::parse(text)?).is_ok(), taken, "{text}");
    }
    Ok(())
}

#[test]
fn inside_an_allowed_network_http_and_any_port_will_do() -> anyhow::Result<()> {
    let client = client(Policy {
        allow: parse_networks("10.0.0.0/8,fd00::/8,169.254.0.0/16")?,
        ..Policy::default()
    })?;
    for (text, taken) in [
        ("http://10.1.2.3:8080/", true),
        ("https://10.1.2.3/", true),
        ("http://[::ffff:10.1.2.3]:81/", true),
        ("http://[fd00::1]:9000/", true),
        // Where the name leads is decided when it is resolved.
        ("http://receiver.default.svc.cluster.local:8080/", true),
        ("http://192.168.0.1/", false),
        ("http://127.0.0.1:8080/", false),
        ("http://8.8.8.8/", false),
        ("http://169.254.169.254/", false),
        ("http://[fd00:ec2::254]/", false),
        ("http://a:b@10.1.2.3/", false),
        ("ftp://10.1.2.3/", false),
    ] {
        assert_eq!(client.check(&Url::parse(text)?).is_ok(), taken, "{text}");
    }
    Ok(())
}

#[test]
fn only_listed_hosts_and_their_subdomains_are_taken() -> anyhow::Result<()> {
    let client = client(Policy {
        hosts: Some(vec!["Ideogram.ai".to_owned(), "8.8.8.8".to_owned()]),
        ..Policy::default()
    })?;
    for (text, taken) in [
        ("https://ideogram.ai/", true),
        ("https://IDEOGRAM.AI./", true),
        ("https://img.ideogram.ai/a.png", true),
        ("https://a.b.ideogram.ai/", true),
        ("https://8.8.8.8/", true),
        ("https://notideogram.ai/", false),
        ("https://ideogram.ai.example.com/", false),
        ("https://example.com/ideogram.ai", false),
        ("https://8.8.4.4/", false),
    ] {
        assert_eq!(client.check(&Url::parse(text)?).is_ok(), taken, "{text}");
    }
    Ok(())
}
