//! The GPUs, as NVIDIA's management library (NVML) tells of them; it is loaded if it is there.

use std::ffi::OsStr;
use std::path::Path;

use nvml_wrapper::enum_wrappers::device::{Clock, PcieUtilCounter, TemperatureSensor};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::{Remarks, Ticks, keep};
use crate::trace::Tape;

/// One question to a GPU, answered in the unit that the metric's name says.
type Question = fn(&Device) -> Result<f64, NvmlError>;

/// The driver measures the bus while it is asked, 20 ms each way: hence the thread of its own, and
/// these two last.
const METRICS: [(&str, Question); 8] = [
    ("gpu_power_w", |gpu| {
        gpu.power_usage().map(|mw| f64::from(mw) / 1000.0)
    }),
    ("gpu_util_percent", |gpu| {
        gpu.utilization_rates().map(|of| of.gpu.into())
    }),
    ("vram_used_bytes", |gpu| {
        gpu.memory_info().map(|memory| memory.used as f64)
    }),
    ("gpu_clock_mhz", |gpu| {
        gpu.clock_info(Clock::Graphics).map(f64::from)
    }),
    ("gpu_memory_clock_mhz", |gpu| {
        gpu.clock_info(Clock::Memory).map(f64::from)
    }),
    ("gpu_temperature_c", |gpu| {
        gpu.temperature(TemperatureSensor::Gpu).map(f64::from)
    }),
    ("pcie_rx_bytes_per_s", |gpu| {
        bus(gpu, PcieUtilCounter::Receive)
    }),
    ("pcie_tx_bytes_per_s", |gpu| bus(gpu, PcieUtilCounter::Send)),
];

fn bus(gpu: &Device, way: PcieUtilCounter) -> Result<f64, NvmlError> {
    // NVML says KB/s and not which; by its name a kilobyte is 1000 bytes.
    gpu.pcie_throughput(way).map(|kb| f64::from(kb) * 1000.0)
}

/// Samples every GPU at every tick. What a driver does not answer gives no sample.
pub fn sample(tape: &Tape, library: Option<&Path>, ticks: &Ticks, remarks: &Remarks) {
    let loaded = match library {
        Some(path) => Nvml::builder().lib_path(OsStr::new(path)).init(),
        None => Nvml::init(),
    };
    let counted = loaded.and_then(|nvml| Ok((nvml.device_count()?, nvml)));
    let (count, nvml) = match counted {
        Ok(counted) => counted,
        Err(error) => return remarks.set(vec![absence(&error)]),
    };
    let mut gpus = Vec::new();
    let mut mute = Vec::new();
    for n in 0..count {
        match nvml.device_by_index(n) {
            Ok(gpu) => gpus.push((format!("gpu{n}"), gpu)),
            Err(error) => mute.push(format!("gpu{n} is not sampled: {error}")),
        }
    }
    if count == 0 {
        mute.push("the NVIDIA driver knows no GPU: none is sampled".to_owned());
    }
    remarks.set(mute);
    if gpus.is_empty() {
        return;
    }
    loop {
        for (name, gpu) in &gpus {
            for (metric, ask) in METRICS {
                if ticks.are_over() {
                    return;
                }
                if let Ok(value) = ask(gpu) {
                    keep(tape, name, metric, tape.clock().now_ns(), value);
                }
            }
        }
        if !ticks.wait() {
            return;
        }
    }
}

/// Why no GPU can be sampled.
fn absence(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
            "no NVIDIA driver is here: no GPU is sampled".to_owned()
        }
        other => format!("the NVIDIA driver does not answer ({other}): no GPU is sampled"),
    }
}
