//! Which addresses belong to the open internet.
//!
//! Of IPv4 everything that no registry sets aside; of IPv6 only global unicast, `2000::/3`, less what
//! is set aside in it. Forms that carry an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo)
//! are refused whatever they carry. Source: the IANA registries of special-purpose addresses.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use super::Refused;

/// Prefix, its length, and what it is.
const V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::UNSPECIFIED, 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a carrier"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// The first that fits names an address; the last is what is left of IPv6 and is the open internet.
const V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::UNSPECIFIED, 96, "IPv4-compatible"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "IPv4-mapped"),
    (v6(0x64, 0xff9b, 0), 96, "NAT64"),
    (v6(0x64, 0xff9b, 1), 48, "NAT64"),
    (v6(0x2001, 0, 0), 32, "Teredo"),
    (v6(0x2001, 0, 0), 23, "for protocols"),
    (v6(0x2001, 0xdb8, 0), 32, "documentation"),
    (v6(0x2002, 0, 0), 16, "6to4"),
    (v6(0x3fff, 0, 0), 20, "documentation"),
    (v6(0xfc00, 0, 0), 7, "private"),
    (v6(0xfe80, 0, 0), 10, "link-local"),
    (v6(0xfec0, 0, 0), 10, "site-local"),
    (v6(0xff00, 0, 0), 8, "multicast"),
];

/// Refuses an address that is not of the open internet, and those of our own interfaces.
pub(super) fn check(ip: IpAddr) -> Result<(), Refused> {
    match set_aside(ip) {
        Some(what) => Err(Refused(format!("{ip} is {what}"))),
        None if is_ours(ip) => Err(Refused(format!("{ip} is an address of this machine"))),
        None => Ok(()),
    }
}

/// What an address is set aside for.
fn set_aside(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => {
            let row = V4.iter().find(|(prefix, length, _)| {
                (ip.to_bits() ^ prefix.to_bits()).leading_zeros() >= *length
            });
            row.map(|(_, _, what)| *what)
        }
        IpAddr::V6(ip) => {
            let row = V6.iter().find(|(prefix, length, _)| {
                (ip.to_bits() ^ prefix.to_bits()).leading_zeros() >= *length
            });
            let unicast = ip.to_bits() >> 125 == 0b001;
            row.map(|(_, _, what)| *what).or((!unicast).then_some("reserved"))
        }
    }
}

/// Whether an interface of this machine has the address: what we would send there, we would send
/// from there. Nothing is sent.
fn is_ours(ip: IpAddr) -> bool {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, 443))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_set_aside_is_named() {
        for line in TOLD.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (ip, what) = line.split_once(' ').unwrap();
            let told = set_aside(ip.parse().unwrap()).unwrap_or("open");
            assert_eq!(told, what, "{ip}");
        }
    }

    /// The first and the last of what is set aside, and their neighbours.
    const TOLD: &str = "
        0.0.0.0 this network
        9.255.255.255 open
        10.0.0.0 private
        10.255.255.255 private
        11.0.0.0 open
        100.63.255.255 open
        100.64.0.0 shared by a carrier
        100.127.255.255 shared by a carrier
        100.128.0.0 open
        127.0.0.1 loopback
        127.255.255.254 loopback
        169.254.169.254 link-local
        172.15.255.255 open
        172.16.0.1 private
        172.31.255.255 private
        172.32.0.0 open
        192.0.0.8 for protocols
        192.0.2.1 documentation
        192.168.0.1 private
        198.17.255.255 open
        198.18.0.1 for benchmarks
        198.19.255.255 for benchmarks
        198.20.0.0 open
        203.0.113.9 documentation
        223.255.255.255 open
        224.0.0.1 multicast
        240.0.0.1 reserved
        255.255.255.255 reserved
        93.184.216.34 open
        :: unspecified
        ::1 loopback
        ::7f00:1 IPv4-compatible
        ::ffff:127.0.0.1 IPv4-mapped
        ::ffff:93.184.216.34 IPv4-mapped
        64:ff9b::7f00:1 NAT64
        64:ff9b:1::1 NAT64
        100::1 reserved
        1fff::1 reserved
        2001::1 Teredo
        2001:10::1 for protocols
        2001:1ff::1 for protocols
        2001:200::1 open
        2001:db8::1 documentation
        2002:7f00:1:: 6to4
        2606:2800:220:1::1 open
        3fff::1 documentation
        3fff:1000::1 open
        4000::1 reserved
        5f00::1 reserved
        fc00::1 private
        fd00:ec2::254 private
        fe80::1 link-local
        febf::1 link-local
        fec0::1 site-local
        ff02::1 multicast";

    /// Nothing is sent to find out.
    #[test]
    fn an_address_that_we_would_send_from_is_ours() {
        assert!(is_ours(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_ours("93.184.216.34".parse().unwrap()));
        assert!(!is_ours("2606:2800:220:1::1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn a_v4_address_in_a_v6_form_is_never_open(bits in any::<u32>()) {
            let ip = Ipv4Addr::from_bits(bits);
            let nat64 = Ipv6Addr::from_bits(0x0064_ff9b_u128 << 96 | u128::from(bits));
            let six_to_four = Ipv6Addr::from_bits(0x2002_u128 << 112 | u128::from(bits) << 80);
            for form in [ip.to_ipv6_mapped(), ip.to_ipv6_compatible(), nat64, six_to_four] {
                prop_assert!(set_aside(form.into()).is_some());
            }
        }

        #[test]
        fn what_the_standard_library_calls_local_is_never_open(bits in any::<u32>()) {
            let ip = Ipv4Addr::from_bits(bits);
            let local = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
            prop_assert!(!local || set_aside(ip.into()).is_some());
        }
    }
}
