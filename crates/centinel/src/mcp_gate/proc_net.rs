//! The user of a socket on this machine, as Linux tells it.
//!
//! # Source
//!
//! proc(5), `/proc/net/tcp` and `/proc/pid/status`; the kernel's `get_tcp4_sock` and `get_tcp6_sock`:
//! addresses are hexadecimal words in the machine's byte order, ports hexadecimal numbers.

use std::net::{IpAddr, SocketAddr};

/// A connection that both ends hold open.
const ESTABLISHED: &str = "01";
/// Whom the kernel names in the place of a user that this process cannot see.
const OVERFLOW_USER: u32 = 65_534;

/// Whether the socket at `theirs`, connected to `ours`, is held by a process of this process's user or of
/// root.
#[cfg(target_os = "linux")]
pub(super) fn is_own_user(theirs: SocketAddr, ours: SocketAddr) -> bool {
    let Some(own) =
        std::fs::read_to_string("/proc/self/status").ok().and_then(|text| effective_user(&text))
    else {
        return false;
    };
    let owner = |table: &str| owner(&std::fs::read_to_string(table).ok()?, theirs, ours);
    let owner = owner("/proc/self/net/tcp").or_else(|| owner("/proc/self/net/tcp6"));
    owner.is_some_and(|owner| owner == 0 || (owner == own && owner != OVERFLOW_USER))
}

/// No other system tells it in a way that is read here: there, a token is needed.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_own_user(_theirs: SocketAddr, _ours: SocketAddr) -> bool {
    false
}

/// The user whose rights a process has, by its `status`.
#[cfg_attr(not(any(target_os = "linux", test)), expect(dead_code, reason = "for Linux"))]
fn effective_user(status: &str) -> Option<u32> {
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // Real, effective, saved, file system.
    users.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The user who holds the socket of one end of a connection. `None` when the table does not hold exactly
/// one such socket, when the connection is not open at both ends, and when no process holds it any more:
/// the kernel shows such a socket as root's.
#[cfg_attr(not(any(target_os = "linux", test)), expect(dead_code, reason = "for Linux"))]
fn owner(table: &str, at: SocketAddr, to: SocketAddr) -> Option<u32> {
    let ends = [(words(at, false), words(to, false)), (words(at, true), words(to, true))];
    let mut owners = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = ends.iter().any(|(at, to)| at == local && to == remote);
        if !is_it || state != ESTABLISHED {
            return None;
        }
        // Queues, timer and retransmissions stand between; a timeout before the inode.
        let (user, inode) = (fields.nth(3)?, fields.nth(1)?);
        (inode != "0").then(|| user.parse().ok()).flatten()
    });
    let found = owners.next()?;
    owners.next().is_none().then_some(found)
}

/// An address as the tables write it; as one of IPv6 where it is wanted.
#[cfg_attr(not(any(target_os = "linux", test)), expect(dead_code, reason = "for Linux"))]
fn words(address: SocketAddr, as_v6: bool) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) if as_v6 => ip.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let word = |four: &[u8]| {
        let four: [u8; 4] = four.try_into().unwrap_or_default();
        format!("{:08X}", u32::from_ne_bytes(four))
    };
    let words: String = bytes.chunks(4).map(word).collect();
    format!("{words}:{:04X}", address.port())
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn row(local: &str, remote: &str, state: &str, user: &str, inode: &str) -> String {
        format!(
            "  12: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  {user}        0 \
             {inode} 1 00000000fb39efbd 20 4 30 10 -1\n"
        )
    }

    #[test]
    fn a_socket_is_found_by_both_its_ends() {
        let (at, to) = ("127.0.0.1:41000", "127.0.0.1:8787");
        let (mine, server) = ("0100007F:A028", "0100007F:2253");
        let mapped = "0000000000000000FFFF00000100007F";
        let (mine6, server6) = (format!("{mapped}:A028"), format!("{mapped}:2253"));
        let own = row(mine, server, "01", "1000", "77");
        for (what, rows, expected) in [
            ("its own row", own.clone(), Some(1000)),
            ("our end alone", row(server, mine, "01", "1000", "78"), None),
            ("both ends", format!("{}{own}", row(server, mine, "01", "0", "78")), Some(1000)),
            ("a socket of IPv6", row(&mine6, &server6, "01", "1001", "79"), Some(1001)),
            ("one that was closed", row(mine, server, "06", "0", "0"), None),
            ("one that is closing", row(mine, server, "05", "0", "0"), None),
            ("one half closed", row(mine, server, "05", "1000", "77"), None),
            ("one that no process holds", row(mine, server, "01", "0", "0"), None),
            ("a listener", row(mine, "00000000:0000", "0A", "0", "80"), None),
            ("another port", row("0100007F:A029", server, "01", "0", "77"), None),
            ("another server", row(mine, "0100007F:2254", "01", "0", "77"), None),
            ("another address", row("0200007F:A028", server, "01", "0", "77"), None),
            ("two of them", format!("{own}{own}"), None),
            ("a user that is no number", row(mine, server, "01", "root", "77"), None),
            ("a line that is cut off", own.chars().take(80).collect(), None),
            ("nothing", String::new(), None),
        ] {
            let table = format!("{HEAD}{rows}");
            let found = owner(&table, at.parse().unwrap(), to.parse().unwrap());
            assert_eq!(found, expected, "{what}");
        }
        let six = row(
            "00000000000000000000000001000000:A028",
            "00000000000000000000000001000000:2253",
            "01",
            "1000",
            "77",
        );
        let found = owner(
            &format!("{HEAD}{six}"),
            "[::1]:41000".parse().unwrap(),
            "[::1]:8787".parse().unwrap(),
        );
        assert_eq!(found, Some(1000));
    }

    #[test]
    fn the_effective_user_counts() {
        for (status, expected) in [
            ("Name:\tcentinel\nUid:\t1000\t1001\t1002\t1003\nGid:\t1\t1\t1\t1\n", Some(1001)),
            ("Name:\tUid:\t5\nUid:\t7\t8\t9\t10\n", Some(8)),
            ("Uid:\t1000\n", None),
            ("", None),
        ] {
            assert_eq!(effective_user(status), expected, "{status}");
        }
    }
}
