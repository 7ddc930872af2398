//! Addresses at which no vendor can be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata and host services of clouds outside of the link-local range: Alibaba Cloud, Azure, AWS and Google over IPv6.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Whether an address is the machine's, its link's or a group's, also behind a translation to IPv4. Private ranges are not
/// among them: vendors' VPC endpoints live there, and the name has already matched.
pub(super) fn is_local(address: IpAddr) -> bool {
    let address = translated(address.to_canonical());
    let special = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    special
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || METADATA.contains(&address)
}

/// The IPv4 address that a translator at `64:ff9b::/96` (RFC 6052) would send to. In a cluster with IPv6 alone, vendors'
/// hosts have such addresses, so they are judged by what they stand for.
fn translated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let bits = (u32::from(high) << 16) | u32::from(low);
                IpAddr::V4(Ipv4Addr::from_bits(bits))
            }
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}
