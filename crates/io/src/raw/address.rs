//! Socket addresses as the kernel wants them.

use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One IPv4 or IPv6 address with its port, in the kernel's form.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl Address {
    /// The kernel's form of `address`.
    #[must_use]
    pub fn of(address: SocketAddr) -> Address {
        // SAFETY: all zeros is a valid sockaddr_storage.
        let mut storage: libc::sockaddr_storage = unsafe { MaybeUninit::zeroed().assume_init() };
        let place = &raw mut storage;
        let length = match address {
            SocketAddr::V4(address) => {
                let place = place.cast::<libc::sockaddr_in>();
                // SAFETY: a sockaddr_storage has room and alignment for a sockaddr_in.
                unsafe {
                    (*place).sin_family = libc::AF_INET as libc::sa_family_t;
                    (*place).sin_port = address.port().to_be();
                    (*place).sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
                }
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(address) => {
                let place = place.cast::<libc::sockaddr_in6>();
                // SAFETY: a sockaddr_storage has room and alignment for a sockaddr_in6.
                unsafe {
                    (*place).sin6_family = libc::AF_INET6 as libc::sa_family_t;
                    (*place).sin6_port = address.port().to_be();
                    (*place).sin6_addr.s6_addr = address.ip().octets();
                    (*place).sin6_scope_id = address.scope_id();
                }
                size_of::<libc::sockaddr_in6>()
            }
        };
        Address { storage, length: length as libc::socklen_t }
    }

    pub(super) fn place(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        ((&raw const self.storage).cast(), self.length)
    }

    /// What the kernel filled in; None for families we do not know.
    pub(super) fn read(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
        match libc::c_int::from(storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says that it is a sockaddr_in, for which the storage has room.
                let it = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(it.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(it.sin_port)))
            }
            libc::AF_INET6 => {
                // SAFETY: the family says that it is a sockaddr_in6, for which the storage has room.
                let it = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(it.sin6_addr.s6_addr);
                Some(SocketAddr::new(IpAddr::V6(ip), u16::from_be(it.sin6_port)))
            }
            _ => None,
        }
    }
}
