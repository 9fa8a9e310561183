//! The results of the Chimeraforge research: the layouts of its Python and its Rust harness.
//!
//! Every folder of a configuration is an experiment: its runs, a summary of them, and in the later,
//! instrumented ones the times of chunks and samples. The harnesses did not note when a run began;
//! so runs follow one another on the session's clock without a pause, and the agents of a run
//! begin together, as both harnesses start them. Where chunks are timed, those times stand.

mod experiment;
mod figures;
mod instruments;
mod place;
mod python;
mod rust;
mod told;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::trace::Import;
use experiment::{Experiment, folder_of};
use place::Place;

/// Imports all experiments below `root`.
///
/// Figures that a harness worked out itself stay in `published`; the rows of `requests` hold
/// what it measured. What is missing, cut or contradictory is named in the manifest's remarks.
///
/// # Errors
/// If `root` cannot be read or holds no result of either harness.
pub fn chimeraforge(root: &Path) -> Result<Import> {
    let mut paths = Vec::new();
    walk(root, &mut paths)?;
    let mut import = Import::default();
    let mut experiments: BTreeMap<&Path, Experiment> = BTreeMap::new();
    for file in paths.iter().filter_map(|path| path.strip_prefix(root).ok()) {
        match folder_of(file) {
            Some(folder) => experiments.entry(folder).or_default().add(file),
            None => import.remark(format!(
                "{} is no file of the harnesses: left out",
                file.display()
            )),
        }
    }
    if experiments.is_empty() {
        bail!(
            "{} holds no results of Chimeraforge: no metrics.json, summary.json or run_N.json",
            root.display()
        );
    }
    let mut now_ns = 0;
    for (folder, experiment) in experiments {
        now_ns = experiment.import(&Place { root, folder }, now_ns, &mut import)?;
    }
    Ok(import)
}

/// All files below a folder, in the order of their names.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("{} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(unreadable)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(unreadable)?;
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => walk(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
