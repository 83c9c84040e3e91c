//! Whose process is at the other end of a connection.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use tokio::net::TcpStream;

use super::proc_net;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    theirs: SocketAddr,
    /// `None` when the system does not tell, and then it tells nothing of the other end either.
    ours: Option<SocketAddr>,
    /// Looked up once, when it is first asked for.
    is_own_user: Arc<OnceLock<bool>>,
}

impl Peer {
    /// The other end of a connection that was taken from there.
    pub(crate) fn of(stream: &TcpStream, theirs: SocketAddr) -> Self {
        Self::new(theirs, stream.local_addr().ok())
    }

    fn new(theirs: SocketAddr, ours: Option<SocketAddr>) -> Self {
        Self { theirs, ours, is_own_user: Arc::default() }
    }

    /// Whether it is a process of the user who runs this one, who can read the home anyway, or of root.
    /// False where that cannot be told.
    pub(crate) fn is_own_user(&self) -> bool {
        // A read of kernel memory: it waits for no disk.
        *self.is_own_user.get_or_init(|| {
            let Some(ours) = self.ours else { return false };
            let is_here = self.theirs.ip().to_canonical().is_loopback()
                && ours.ip().to_canonical().is_loopback();
            is_here && proc_net::is_own_user(self.theirs, ours)
        })
    }
}

#[cfg(test)]
impl Peer {
    /// A peer of whom it is known.
    pub(crate) fn known(is_own_user: bool) -> Self {
        let peer = Self::new(SocketAddr::from(([127, 0, 0, 1], 1)), None);
        peer.is_own_user.set(is_own_user).unwrap();
        peer
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn connected(to: &std::net::TcpListener) -> (std::net::TcpStream, Peer) {
        let client = std::net::TcpStream::connect(to.local_addr().unwrap()).unwrap();
        let (server, theirs) = to.accept().unwrap();
        let peer = Peer::new(theirs, server.local_addr().ok());
        // Kept open by the caller through its own end.
        std::mem::forget(server);
        (client, peer)
    }

    #[test]
    fn a_process_of_this_user_is_told_from_one_that_is_gone() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (client, peer) = connected(&listener);
        assert!(peer.is_own_user());
        let (gone, left) = connected(&listener);
        drop(gone);
        assert!(!left.is_own_user(), "its socket is nobody's: that is shown as root's");
        drop(client);
        assert!(peer.is_own_user(), "once told, it is remembered");
        let elsewhere = Peer::new(SocketAddr::from(([192, 0, 2, 1], 5000)), peer.ours);
        assert!(!elsewhere.is_own_user());
        assert!(!Peer::new(peer.theirs, None).is_own_user());
    }

    #[test]
    fn both_families_are_looked_at() {
        // A machine without IPv6 has nothing to tell here.
        let Ok(listener) = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
        let (_client, peer) = connected(&listener);
        assert!(peer.is_own_user());
    }
}
