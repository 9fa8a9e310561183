//! What the servers have loaded, so far as the runs done so far tell.

use std::collections::BTreeMap;

use super::step::{Load, Step};

/// The model and settings that each server was asked for last.
#[derive(Clone, Debug, Default)]
pub struct Heat(BTreeMap<String, Load>);

impl Heat {
    /// Whether a run meets a server that has to load what it asks for. One that asks a server for two
    /// things by turns does so all the time, which is what it measures.
    pub fn is_cold(&self, step: &Step) -> bool {
        let mut loads = step.loads.iter();
        loads.any(|(server, load)| !step.contradicts(server) && self.0.get(server) != Some(load))
    }

    /// A run was done. After one that failed nobody knows what its servers have loaded, if they are
    /// still there.
    pub fn done(&mut self, step: &Step, whole: bool) {
        for (server, load) in &step.loads {
            match whole && !step.contradicts(server) {
                true => self.0.insert(server.clone(), load.clone()),
                false => self.0.remove(server),
            };
        }
    }
}
