//! Which processes listen on a port of this machine, as far as the system shows it to this user.

use std::collections::HashMap;
use std::net::IpAddr;

/// A socket that listens for TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listening<Owner> {
    port: u16,
    address: IpAddr,
    owner: Owner,
}

/// Who owns the sockets by which a loopback address reaches these ports. Where one listens on the
/// address itself and another on all, the system prefers the former, and IPv4 is tried first.
fn reached<Owner: Copy>(
    sockets: impl IntoIterator<Item = Listening<Owner>>,
    ports: &[u16],
) -> HashMap<u16, Vec<Owner>> {
    let mut best: HashMap<u16, (u8, Vec<Owner>)> = HashMap::new();
    for socket in sockets {
        let rank = match socket.address.to_canonical() {
            IpAddr::V4(address) if address.is_loopback() => 0,
            IpAddr::V6(address) if address.is_loopback() => 1,
            address if address.is_unspecified() => 2,
            _ => continue,
        };
        if ports.contains(&socket.port) {
            let (known, owners) = best.entry(socket.port).or_insert((rank, Vec::new()));
            if rank < *known {
                (*known, *owners) = (rank, Vec::new());
            }
            if rank == *known {
                owners.push(socket.owner);
            }
        }
    }
    let owners = best.into_iter().map(|(port, (_, owners))| (port, owners));
    owners.collect()
}

/// The processes that listen on each of the ports. All are told that share a socket, as a process
/// and those it forked do.
#[cfg(target_os = "linux")]
pub fn processes(ports: &[u16]) -> HashMap<u16, Vec<u32>> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let sockets = tables.iter().flat_map(|table| linux::sockets(table));
    let mut found: HashMap<u16, Vec<u32>> = HashMap::new();
    let inodes = reached(sockets, ports);
    if inodes.is_empty() {
        return found;
    }
    for (pid, inode) in linux::open_sockets() {
        for (port, _) in inodes.iter().filter(|(_, these)| these.contains(&inode)) {
            found.entry(*port).or_default().push(pid);
        }
    }
    found
}

/// The processes that listen on each of the ports.
#[cfg(not(target_os = "linux"))]
pub fn processes(ports: &[u16]) -> HashMap<u16, Vec<u32>> {
    use listeners::{Protocol, SocketState};
    let all = listeners::get_all().unwrap_or_default().into_iter();
    let listening = all
        .filter(|socket| socket.protocol == Protocol::TCP && socket.state == SocketState::Listen);
    let sockets = listening.map(|socket| Listening {
        port: socket.socket.port(),
        address: socket.socket.ip(),
        owner: socket.process.pid,
    });
    reached(sockets, ports)
}

/// What /proc tells: sockets by their inodes, and which process has which inode open.
#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::net::IpAddr;

    use super::Listening;

    /// The state "listening" in a table of sockets.
    const LISTEN: &str = "0A";

    /// The listening sockets of `/proc/net/tcp` or `/proc/net/tcp6`.
    pub fn sockets(table: &str) -> impl Iterator<Item = Listening<u64>> + '_ {
        table.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [_, local, _, LISTEN, _, _, _, _, _, inode, ..] = fields[..] else {
                return None;
            };
            let (address, port) = local.split_once(':')?;
            Some(Listening {
                port: u16::from_str_radix(port, 16).ok()?,
                address: ip(address)?,
                owner: inode.parse().ok()?,
            })
        })
    }

    /// The kernel prints the words of an address, which are in network order, as its own numbers.
    fn ip(text: &str) -> Option<IpAddr> {
        let word = |at: usize| {
            let word = u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?;
            Some(word.to_ne_bytes())
        };
        let words: Option<Vec<[u8; 4]>> = (0..text.len()).step_by(8).map(word).collect();
        match *words?.as_slice() {
            [v4] => Some(v4.into()),
            [a, b, c, d] => {
                let bytes: [u8; 16] = [a, b, c, d].concat().try_into().ok()?;
                Some(bytes.into())
            }
            _ => None,
        }
    }

    /// Each process that shows its files to this user, with the inode of each socket it has open.
    pub fn open_sockets() -> impl Iterator<Item = (u32, u64)> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes.flat_map(|process| {
            let pid: Option<u32> = process
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let files = pid.and_then(|_| fs::read_dir(process.path().join("fd")).ok());
            let files = files.into_iter().flatten().flatten();
            files.filter_map(move |file| {
                let target = fs::read_link(file.path()).ok()?;
                let inode = target.to_str()?.strip_prefix("socket:[")?;
                Some((pid?, inode.strip_suffix(']')?.parse().ok()?))
            })
        })
    }

    #[cfg(test)]
    #[cfg(target_endian = "little")]
    #[test]
    fn listening_sockets_are_read_from_the_kernels_tables() {
        let v4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16210 1 00000000 100\n   \
            1: 0100007F:2CAA 0100007F:D5B6 01 00000000:00000000 00:00000000 00000000     0        0 16300 1 00000000 20\n";
        let v6 = "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A \
            00000000:00000000 00:00000000 00000000     0        0 17000 1 00000000 100\n";
        let read: Vec<_> = sockets(v4).chain(sockets(v6)).collect();
        let socket = |port, address: &str, owner| Listening {
            port,
            address: address.parse().unwrap(),
            owner,
        };
        let expected = [
            socket(11434, "127.0.0.1", 16210),
            socket(8080, "::1", 17000),
        ];
        assert_eq!(read, expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_the_loopback_is_preferred_to_one_on_all_addresses() {
        let socket = |port, address: &str, owner| Listening {
            port,
            address: address.parse().unwrap(),
            owner,
        };
        let sockets = [
            socket(8000, "::", 1),
            socket(8000, "127.0.0.1", 2),
            socket(8000, "0.0.0.0", 3),
            socket(8001, "::", 4),
            socket(8001, "0.0.0.0", 5),
            socket(8002, "192.168.1.7", 6),
            socket(8003, "127.0.0.1", 7),
        ];
        let owners = reached(sockets, &[8000, 8001, 8002]);
        let expected = HashMap::from([(8000, vec![2]), (8001, vec![4, 5])]);
        assert_eq!(owners, expected);
    }

    #[test]
    fn this_process_is_found_by_the_port_it_listens_on() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        // A process that another test starts shares it for an instant.
        assert!(processes(&[port])[&port].contains(&std::process::id()));
    }
}
