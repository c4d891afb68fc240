//! IP addresses and networks, as Kubernetes reads them.

use std::net::IpAddr;

use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::Val;

/// An address: of IPv4, or of IPv6 and then not of IPv4 in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::condition) struct Address(IpAddr);

/// A network, with the bits after its prefix as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::condition) struct Network {
    address: Address,
    bits: u32,
}

const IP: Type = Type::plain(Kind::Ip);
const CIDR: Type = Type::plain(Kind::Cidr);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("ip", &[Type::TEXT], IP, ip, "the address that it spells"),
    Function::global("isIP", &[Type::TEXT], Type::BOOL, is_ip, "whether it spells one"),
    Function::global(
        "ip.isCanonical",
        &[Type::TEXT],
        Type::BOOL,
        is_canonical,
        "whether it spells one in its usual form",
    ),
    Function::global("string", &[IP], Type::TEXT, spelled, "its usual form"),
    Function::member("family", &[IP], Type::INT, family, "4 or 6"),
    Function::member("isUnspecified", &[IP], Type::BOOL, is_unspecified, "whether it is 0.0.0.0 or ::"),
    Function::member("isLoopback", &[IP], Type::BOOL, is_loopback, "whether it is in 127.0.0.0/8 or is ::1"),
    Function::member(
        "isLinkLocalMulticast",
        &[IP],
        Type::BOOL,
        is_link_local_multicast,
        "whether it is in 224.0.0.0/24 or ff02::/16",
    ),
    Function::member(
        "isLinkLocalUnicast",
        &[IP],
        Type::BOOL,
        is_link_local_unicast,
        "whether it is in 169.254.0.0/16 or fe80::/10",
    ),
    Function::member(
        "isGlobalUnicast",
        &[IP],
        Type::BOOL,
        is_global_unicast,
        "whether it is none of these, no multicast and no broadcast",
    ),
    Function::global("cidr", &[Type::TEXT], CIDR, cidr, "the network that it spells"),
    Function::global("isCIDR", &[Type::TEXT], Type::BOOL, is_cidr, "whether it spells one"),
    Function::global("string", &[CIDR], Type::TEXT, spelled, "its usual form"),
    Function::member("containsIP", &[CIDR, IP], Type::BOOL, contains_ip, "whether the address is in it"),
    Function::member(
        "containsIP",
        &[CIDR, Type::TEXT],
        Type::BOOL,
        contains_ip,
        "whether the address is in it",
    ),
    Function::member(
        "containsCIDR",
        &[CIDR, CIDR],
        Type::BOOL,
        contains_cidr,
        "whether all of the other network is in it",
    ),
    Function::member(
        "containsCIDR",
        &[CIDR, Type::TEXT],
        Type::BOOL,
        contains_cidr,
        "whether all of the other network is in it",
    ),
    Function::member("ip", &[CIDR], IP, ip, "the address that was written"),
    Function::member("masked", &[CIDR], CIDR, masked, "with zeros after the prefix"),
    Function::member("prefixLength", &[CIDR], Type::INT, prefix_length, "how many bits the prefix has"),
];

fn ip<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text)] => read_ip("ip", text.as_str()).map(Val::Ip),
        [Val::Cidr(network)] => Ok(Val::Ip(network.address)),
        args => unlisted("ip", args),
    }
}

fn is_ip<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("isIP", args) };
    Ok(Val::Bool(Address::parse(text.as_str()).is_some()))
}

fn is_canonical<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("ip.isCanonical", args) };
    let address = read_ip("ip.isCanonical", text.as_str())?;
    Ok(Val::Bool(address.0.to_string() == text.as_str()))
}

fn spelled<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Ip(address)] => Ok(Val::text(address.0.to_string())),
        [Val::Cidr(network)] => Ok(Val::text(format!("{}/{}", network.address.0, network.bits))),
        args => unlisted("string", args),
    }
}

fn family<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Ip(Address(address))] = args else { return unlisted("family", args) };
    Ok(Val::Int(if address.is_ipv4() { 4 } else { 6 }))
}

fn is_unspecified<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Ip(Address(address))] = args else { return unlisted("isUnspecified", args) };
    Ok(Val::Bool(address.is_unspecified()))
}

fn is_loopback<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Ip(Address(address))] = args else { return unlisted("isLoopback", args) };
    Ok(Val::Bool(address.is_loopback()))
}

fn is_link_local_multicast<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Ip(Address(address))] = args else { return unlisted("isLinkLocalMulticast", args) };
    Ok(Val::Bool(match address {
        IpAddr::V4(address) => matches!(address.octets(), [224, 0, 0, _]),
        IpAddr::V6(address) => address.segments().first().is_some_and(|first| first & 0xff0f == 0xff02),
    }))
}

fn is_link_local_unicast<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Ip(address)] = args else { return unlisted("isLinkLocalUnicast", args) };
    Ok(Val::Bool(address.is_link_local()))
}

fn is_global_unicast<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Ip(address)] = args else { return unlisted("isGlobalUnicast", args) };
    let Address(ip) = address;
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    let special = ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || address.is_link_local();
    Ok(Val::Bool(!special && !broadcast))
}

fn cidr<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("cidr", args) };
    read_cidr("cidr", text.as_str()).map(Val::Cidr)
}

fn is_cidr<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("isCIDR", args) };
    Ok(Val::Bool(Network::parse(text.as_str()).is_some()))
}

fn contains_ip<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let (network, address) = match args {
        [Val::Cidr(network), Val::Ip(address)] => (network, *address),
        [Val::Cidr(network), Val::Text(text)] => (network, read_ip("containsIP", text.as_str())?),
        args => return unlisted("containsIP", args),
    };
    Ok(Val::Bool(network.contains(address)))
}

fn contains_cidr<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let (network, other) = match args {
        [Val::Cidr(network), Val::Cidr(other)] => (network, *other),
        [Val::Cidr(network), Val::Text(text)] => (network, read_cidr("containsCIDR", text.as_str())?),
        args => return unlisted("containsCIDR", args),
    };
    Ok(Val::Bool(network.contains(other.address) && network.bits <= other.bits))
}

fn masked<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Cidr(network)] = args else { return unlisted("masked", args) };
    Ok(Val::Cidr(network.masked()))
}

fn prefix_length<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Cidr(network)] = args else { return unlisted("prefixLength", args) };
    Ok(Val::Int(network.bits.into()))
}

fn read_ip(name: &'static str, text: &str) -> Result<Address, Fault> {
    Address::parse(text).ok_or(Fault::Cannot(name, "can't read this: it takes an IP address"))
}

fn read_cidr(name: &'static str, text: &str) -> Result<Network, Fault> {
    Network::parse(text).ok_or(Fault::Cannot(name, "can't read this: it takes a network as 10.0.0.0/8"))
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let address: IpAddr = text.parse().ok()?;
        let is_v4_in_v6 = matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
        (!is_v4_in_v6).then_some(Self(address))
    }

    fn is_link_local(self) -> bool {
        match self.0 {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        }
    }

    fn masked(self, bits: u32) -> Self {
        Self(match self.0 {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or_default();
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or_default();
                IpAddr::V6((address.to_bits() & mask).into())
            }
        })
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.rsplit_once('/')?;
        let address = Address::parse(address)?;
        let plain = bits == "0" || (!bits.starts_with(['0', '+']) && !bits.is_empty());
        let most = if address.0.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits.parse().ok()?;
        (plain && bits <= most).then_some(Self { address, bits })
    }

    fn contains(&self, address: Address) -> bool {
        self.address.0.is_ipv4() == address.0.is_ipv4()
            && self.address.masked(self.bits) == address.masked(self.bits)
    }

    fn masked(self) -> Self {
        Self { address: self.address.masked(self.bits), bits: self.bits }
    }
}
