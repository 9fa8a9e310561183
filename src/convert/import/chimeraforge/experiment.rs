//! One experiment: the runs of one configuration, in one folder, and what was kept beside them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::figures::Figures;
use super::place::Place;
use super::told::Told;
use super::{instruments, python, rust};
use crate::trace::{Import, Sample};

/// The files of one experiment, by their names below the root of the import.
#[derive(Default)]
pub struct Experiment {
    runs: Vec<String>,
    summary: Option<String>,
    chunk_metrics: Option<String>,
    loop_lag: Option<String>,
    gpu_metrics: Option<String>,
}

/// The folder of the experiment to which a file belongs, if it is a file of the harnesses.
pub fn folder_of(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    match file.file_name()?.to_str()? {
        "metrics.json" => folder.parent(),
        "summary.json" | "chunk_metrics.csv" | "loop_lag.csv" | "gpu_metrics.csv" => Some(folder),
        name if name.starts_with("run_") && name.ends_with(".json") => Some(folder),
        _ => None,
    }
}

impl Experiment {
    /// Adds one of its files.
    pub fn add(&mut self, file: &Path) {
        let name = file.to_string_lossy().replace('\\', "/");
        match file.file_name().and_then(|name| name.to_str()) {
            Some("summary.json") => self.summary = Some(name),
            Some("chunk_metrics.csv") => self.chunk_metrics = Some(name),
            Some("loop_lag.csv") => self.loop_lag = Some(name),
            Some("gpu_metrics.csv") => self.gpu_metrics = Some(name),
            _ => self.runs.push(name),
        }
    }

    /// Adds its runs and samples to `import`, from `now_ns` on; returns when the last of them ended.
    ///
    /// # Errors
    /// If a file cannot be read from the disk. One that makes no sense is remarked.
    pub fn import(&self, place: &Place, now_ns: i64, import: &mut Import) -> Result<i64> {
        let mut runs = self.told(place, import)?;
        self.sum_up(place, &mut runs, import)?;
        compare_with_folder(place, &runs, import);
        let mut samples = Vec::new();
        if let Some(file) = &self.chunk_metrics {
            let bytes = place.read(file, import)?;
            samples = instruments::time_chunks(&bytes, file, &mut runs, import);
        }
        if let Some(file) = &self.loop_lag {
            let bytes = place.read(file, import)?;
            samples.extend(instruments::loop_lag(&bytes, file, import));
        }
        // The clock of the instruments, moved to now.
        let timed = runs.iter().filter_map(|run| run.started_ns);
        let earliest_ns = timed.chain(samples.iter().map(|sample| sample.t_ns)).min();
        let shift_ns = now_ns - earliest_ns.unwrap_or(now_ns);
        let mut end_ns = now_ns;
        for run in &runs {
            let start_ns = run.started_ns.map_or(end_ns, |started| started + shift_ns);
            end_ns = end_ns.max(run.import(place, start_ns, import));
        }
        for sample in samples {
            let t_ns = sample.t_ns + shift_ns;
            end_ns = end_ns.max(t_ns);
            import.sample(Sample { t_ns, ..sample });
        }
        if let Some(file) = &self.gpu_metrics {
            let bytes = place.read(file, import)?;
            let samples = instruments::gpu(&bytes, file, import);
            let first_ns = samples.iter().map(|sample| sample.t_ns).min().unwrap_or(0);
            let shift_ns = end_ns + 1 - first_ns;
            for sample in samples {
                let t_ns = sample.t_ns + shift_ns;
                end_ns = end_ns.max(t_ns);
                import.sample(Sample { t_ns, ..sample });
            }
        }
        Ok(end_ns)
    }

    /// The runs that have a file each.
    fn told(&self, place: &Place, import: &mut Import) -> Result<Vec<Told>> {
        let mut runs = Vec::new();
        for file in &self.runs {
            let bytes = place.read(file, import)?;
            match told(&bytes, file) {
                Ok(run) => runs.push(run),
                Err(error) => {
                    import.remark(format!("{file} is cut or no run: left out ({error})"));
                }
            }
        }
        runs.sort_by_key(|run| run.figures.run_number);
        Ok(runs)
    }

    /// Holds the runs against `summary.json`: names what differs, and adds what only it knows.
    fn sum_up(&self, place: &Place, runs: &mut Vec<Told>, import: &mut Import) -> Result<()> {
        let Some(file) = &self.summary else {
            return Ok(());
        };
        let bytes = place.read(file, import)?;
        let summary: Summary = match serde_json::from_slice(&bytes) {
            Ok(summary) => summary,
            Err(error) => {
                import.remark(format!("{file} is cut or no summary: left out ({error})"));
                return Ok(());
            }
        };
        for run in &*runs {
            let number = run.figures.run_number;
            let summed = summary.runs.iter().find(|row| row.run_number == number);
            match summed {
                None => import.remark(format!(
                    "{file} lacks run {number}, which {} tells",
                    run.source
                )),
                Some(summed) if *summed != run.figures => import.remark(format!(
                    "{file} contradicts {}: the run's own file is believed",
                    run.source
                )),
                Some(_) => {}
            }
        }
        let told = |row: &Figures| {
            runs.iter()
                .any(|run| run.figures.run_number == row.run_number)
        };
        let untold: Vec<Figures> = summary
            .runs
            .iter()
            .filter(|row| !told(row))
            .cloned()
            .collect();
        for figures in untold {
            import.remark(format!(
                "run {} of {file} has no file of its own: only its printed figures are known",
                figures.run_number
            ));
            runs.push(Told {
                source: file.clone(),
                runtime: if summary.agent_a.is_some() {
                    "rust"
                } else {
                    "python"
                },
                figures,
                ..Told::default()
            });
        }
        runs.sort_by_key(|run| run.figures.run_number);
        Ok(())
    }
}

/// `summary.json`, in either harness's form.
#[derive(serde::Deserialize)]
struct Summary {
    runs: Vec<Figures>,
    /// Only the Rust harness says.
    agent_a: Option<Value>,
}

/// Reads a run's file, in either harness's form.
fn told(bytes: &[u8], file: &str) -> serde_json::Result<Told> {
    let run: Value = serde_json::from_slice(bytes)?;
    let (runtime, figures, agents) = match run.get("summary") {
        Some(summary) => ("rust", summary.clone(), rust::measured(run)?),
        None => ("python", run.clone(), python::measured(run)?),
    };
    Ok(Told {
        source: file.to_owned(),
        runtime,
        figures: serde_json::from_value(figures)?,
        agents,
        started_ns: None,
    })
}

/// Names where the options that a folder's name states are not those that its runs used.
fn compare_with_folder(place: &Place, runs: &[Told], import: &mut Import) {
    let config = place.config().unwrap_or_default();
    let stated = |prefix: &str| -> Option<f64> {
        let mut parts = config
            .split('_')
            .filter_map(|part| part.strip_prefix(prefix));
        parts.next()?.parse().ok()
    };
    for (prefix, option) in [("ctx", "num_ctx"), ("gpu", "num_gpu")] {
        let Some(stated) = stated(prefix) else {
            continue;
        };
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        for measured in runs.iter().flat_map(|run| &run.agents) {
            let value = measured.options.get(option);
            if let Some(value) = value.filter(|value| value.as_f64() != Some(stated)) {
                *used.entry(value.to_string()).or_default() += 1;
            }
        }
        for (value, agents) in used {
            import.remark(format!(
                "{} says {option} {stated}, its runs used {value} ({agents} times)",
                place.folder.display()
            ));
        }
    }
}
