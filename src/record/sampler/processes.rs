//! The CPU and memory of the host, of this process and of the model servers.

use std::collections::BTreeSet;
#[cfg(target_os = "linux")]
use std::collections::HashSet;

use sysinfo::{
    MINIMUM_CPU_UPDATE_INTERVAL, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate,
    System,
};

use super::listening;
use super::usage::{Pace, Process, Reading, Used, family};
use super::{Remarks, Ticks, keep};
use crate::trace::Tape;

/// Programs that listen on a port of this machine for a server elsewhere: a container, a tunnel.
/// What they use is not what the server uses.
const FORWARDERS: [&str; 6] = [
    "com.docker.backend",
    "docker-proxy",
    "gvproxy",
    "rootlesskit",
    "rootlessport",
    "ssh",
];

/// Samples at every tick. `ports` are those of the servers, each once.
pub fn sample(tape: &Tape, ports: &[u16], ticks: &Ticks, remarks: &Remarks) {
    let mut system = match System::new() {
        Ok(system) => system,
        Err(error) => {
            let why = format!("the system does not tell what its processes use: {error}");
            return remarks.set(vec![why]);
        }
    };
    let mut host = Host::default();
    let mut own = Group::new("tokentape".to_owned(), vec![std::process::id()]);
    let mut servers: Vec<Server> = ports.iter().copied().map(Server::new).collect();
    let (mut search, mut listing) = (Pace::default(), Pace::default());
    if !servers.is_empty() {
        // The first time takes long, which says nothing about the next.
        refresh_list(&mut system);
    }
    loop {
        // First, since reading processes makes sysinfo read the host's CPU too.
        host.sample(&mut system, tape);
        let began_ns = tape.clock().now_ns();
        let mut is_new = false;
        if servers.iter().any(Server::is_lost) && search.is_due(began_ns) {
            is_new = find(&mut servers, &mut system);
            // One that succeeds is not repeated.
            if servers.iter().any(Server::is_lost) {
                search.done(began_ns, tape.clock().now_ns());
            }
        }
        let began_ns = tape.clock().now_ns();
        let are_here = !servers.iter().all(Server::is_lost);
        if is_new || are_here && listing.is_due(began_ns) {
            list(&mut servers, &mut system);
            listing.done(began_ns, tape.clock().now_ns());
        }
        let lines = servers.iter().filter_map(Server::remark);
        remarks.set(lines.collect());

        let groups = || servers.iter().map(|server| &server.group);
        let pids = groups().chain([&own]).flat_map(|group| &group.pids);
        let what = ProcessRefreshKind::nothing()
            .without_tasks()
            .with_cpu()
            .with_memory();
        refresh(&mut system, pids, what);
        let now_ns = tape.clock().now_ns();
        own.sample(&system, now_ns, tape);
        for server in &mut servers {
            server.sample(&system, now_ns, tape);
        }
        if !ticks.wait() {
            return;
        }
    }
}

/// Reads these processes, each once: a second time, sysinfo takes one for dead. One process may listen
/// on several ports.
fn refresh<'a>(system: &mut System, pids: impl Iterator<Item = &'a u32>, what: ProcessRefreshKind) {
    let pids: BTreeSet<Pid> = pids.map(|pid| Pid::from_u32(*pid)).collect();
    let pids: Vec<Pid> = pids.into_iter().collect();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, what);
}

/// Looks for the processes of the servers that have none; whether some were found.
fn find(servers: &mut [Server], system: &mut System) -> bool {
    let lost = servers.iter().filter(|server| server.is_lost());
    let ports: Vec<u16> = lost.map(|server| server.port).collect();
    let mut found = listening::processes(&ports);
    let pids = found.values().flatten();
    refresh(system, pids, ProcessRefreshKind::nothing().without_tasks());
    let mut is_new = false;
    for server in servers {
        if let Some(pids) = found.remove(&server.port) {
            server.found(&pids, system);
            is_new |= !server.is_lost();
        }
    }
    is_new
}

/// Lists the servers' processes: those that listen, and their descendants.
fn list(servers: &mut [Server], system: &mut System) {
    refresh_list(system);
    let parent = |process: &sysinfo::Process| {
        let parent = process.parent()?;
        Some((process.pid().as_u32(), parent.as_u32()))
    };
    let parents: Vec<(u32, u32)> = system.processes().values().filter_map(parent).collect();
    for server in servers {
        let heads: Vec<u32> = server.listeners.iter().map(|process| process.pid).collect();
        server.group.pids = family(&heads, &parents);
    }
}

/// Brings up to date which processes there are. Only those that came or went are read: to read all
/// would cost more than all else here. A process that is given the number of another within a second
/// passes for that one's child, which is rare.
#[cfg(target_os = "linux")]
fn refresh_list(system: &mut System) {
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let now: HashSet<Pid> = pids.map(Pid::from_u32).collect();
    let before: HashSet<Pid> = system.processes().keys().copied().collect();
    let changed: Vec<Pid> = now.symmetric_difference(&before).copied().collect();
    let (which, what) = (
        ProcessesToUpdate::Some(&changed),
        ProcessRefreshKind::nothing().without_tasks(),
    );
    system.refresh_processes_specifics(which, true, what);
}

/// Brings up to date which processes there are.
#[cfg(not(target_os = "linux"))]
fn refresh_list(system: &mut System) {
    let what = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
}

/// The machine as a whole.
#[derive(Default)]
struct Host {
    /// When its CPU was read last.
    read_ns: Option<i64>,
}

impl Host {
    fn sample(&mut self, system: &mut System, tape: &Tape) {
        let now_ns = tape.clock().now_ns();
        let pause_ns = MINIMUM_CPU_UPDATE_INTERVAL.as_nanos() as i64;
        // sysinfo would repeat itself before.
        if self
            .read_ns
            .is_none_or(|read_ns| now_ns - read_ns >= pause_ns)
        {
            system.refresh_cpu_usage();
            let now_ns = tape.clock().now_ns();
            let cores = system.cpus().len();
            if cores > 0 && self.read_ns.is_some() {
                let percent = f64::from(system.global_cpu_usage()) * cores as f64;
                keep(tape, "host", "cpu_percent", now_ns, percent);
            }
            self.read_ns = Some(now_ns);
        }
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        if system.total_memory() > 0 {
            let used = system.used_memory() as f64;
            keep(
                tape,
                "host",
                "memory_used_bytes",
                tape.clock().now_ns(),
                used,
            );
        }
    }
}

/// Processes that are sampled as one source.
struct Group {
    source: String,
    pids: Vec<u32>,
    earlier: Option<Reading>,
}

impl Group {
    fn new(source: String, pids: Vec<u32>) -> Self {
        Self {
            source,
            pids,
            earlier: None,
        }
    }

    /// Samples what its processes that are still there have used, as `system` read it at `t_ns`.
    fn sample(&mut self, system: &System, t_ns: i64, tape: &Tape) {
        let used = self.pids.iter().filter_map(|pid| used(system, *pid));
        let reading = Reading {
            t_ns,
            used: used.collect(),
        };
        let earlier = self.earlier.as_ref();
        if let Some(percent) = earlier.and_then(|earlier| reading.cpu_percent(earlier)) {
            keep(tape, &self.source, "cpu_percent", t_ns, percent);
        }
        if let Some(bytes) = reading.rss_bytes() {
            keep(tape, &self.source, "rss_bytes", t_ns, bytes as f64);
        }
        self.earlier = Some(reading);
    }
}

/// A model server on this machine.
struct Server {
    port: u16,
    /// Empty until they are found, and again when all have ended.
    listeners: Vec<Process>,
    group: Group,
    was_found: bool,
    forwarder: Option<String>,
}

impl Server {
    fn new(port: u16) -> Self {
        Self {
            port,
            listeners: Vec::new(),
            group: Group::new(format!("server:{port}"), Vec::new()),
            was_found: false,
            forwarder: None,
        }
    }

    /// Whether it is not known which processes it is.
    fn is_lost(&self) -> bool {
        self.listeners.is_empty()
    }

    /// These processes listen on its port.
    fn found(&mut self, pids: &[u32], system: &System) {
        let processes = pids
            .iter()
            .filter_map(|pid| system.process(Pid::from_u32(*pid)));
        let name = |process: &sysinfo::Process| process.name().to_string_lossy().into_owned();
        let forwards = |name: &String| FORWARDERS.contains(&name.as_str());
        self.forwarder = processes.clone().map(name).find(forwards);
        if self.forwarder.is_none() {
            self.listeners = processes.map(identity).collect();
            self.was_found |= !self.is_lost();
        }
    }

    fn sample(&mut self, system: &System, t_ns: i64, tape: &Tape) {
        self.listeners.retain(|process| {
            used(system, process.pid).is_some_and(|used| used.process == *process)
        });
        if self.is_lost() {
            // Its descendants may live on, but whose they are nobody knows any more.
            self.group.pids.clear();
        }
        self.group.sample(system, t_ns, tape);
    }

    fn remark(&self) -> Option<String> {
        let port = self.port;
        match &self.forwarder {
            Some(name) => Some(format!(
                "port {port} is forwarded by {name}: the server behind it is not sampled"
            )),
            None => (!self.was_found).then(|| {
                format!(
                    "the process that listens on port {port} cannot be seen: \
                     its CPU and memory are not sampled"
                )
            }),
        }
    }
}

/// What a process has used; `None` if it has ended or does not show it. Then it has no memory, as
/// one that has ended and was not waited for.
fn used(system: &System, pid: u32) -> Option<Used> {
    let process = system.process(Pid::from_u32(pid))?;
    let rss_bytes = process.memory();
    (rss_bytes > 0).then(|| Used {
        process: identity(process),
        cpu_ms: process.accumulated_cpu_time(),
        rss_bytes,
    })
}

fn identity(process: &sysinfo::Process) -> Process {
    Process {
        pid: process.pid().as_u32(),
        started_s: process.start_time(),
    }
}
