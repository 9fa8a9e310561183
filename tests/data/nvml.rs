//! NVIDIA's management library for machines without it: two GPUs whose answers never change.
//!
//! The second one does not tell its power. Compiled by the tests, to a library of C functions.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

const SUCCESS: c_int = 0;
const INVALID_ARGUMENT: c_int = 2;
const NOT_SUPPORTED: c_int = 3;

/// Of each GPU: its handle is its number + 1, since a handle is never null.
const POWER_MW: [Option<c_uint>; 2] = [Some(187_250), None];
const BUSY_PERCENT: [c_uint; 2] = [93, 0];
const USED_BYTES: [c_ulonglong; 2] = [8_589_934_592, 3];
const GRAPHICS_MHZ: [c_uint; 2] = [2520, 210];
const MEMORY_MHZ: [c_uint; 2] = [10_501, 405];
const TEMPERATURE_C: [c_uint; 2] = [71, 34];
const SENT_KB_PER_S: [c_uint; 2] = [5_000, 1];
const RECEIVED_KB_PER_S: [c_uint; 2] = [1_250_000, 0];

/// Fills in an answer, as every question does.
fn answer<T>(place: *mut T, value: T) -> c_int {
    unsafe { place.write(value) };
    SUCCESS
}

fn number(gpu: *mut c_void) -> usize {
    gpu as usize - 1
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c_int {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c_int {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlErrorString(_: c_int) -> *const c_char {
    c"an error".as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> c_int {
    answer(count, 2)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetHandleByIndex_v2(n: c_uint, gpu: *mut *mut c_void) -> c_int {
    match n {
        0 | 1 => answer(gpu, (n as usize + 1) as *mut c_void),
        _ => INVALID_ARGUMENT,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPowerUsage(gpu: *mut c_void, mw: *mut c_uint) -> c_int {
    match POWER_MW[number(gpu)] {
        Some(power) => answer(mw, power),
        None => NOT_SUPPORTED,
    }
}

/// In percent of the time.
#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetUtilizationRates(gpu: *mut c_void, to: *mut Utilization) -> c_int {
    let utilization = Utilization {
        gpu: BUSY_PERCENT[number(gpu)],
        memory: 17,
    };
    answer(to, utilization)
}

/// In bytes.
#[repr(C)]
pub struct Memory {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMemoryInfo_v2(gpu: *mut c_void, to: *mut Memory) -> c_int {
    let version = unsafe { (*to).version };
    if version != size_of::<Memory>() as c_uint | 2 << 24 {
        return INVALID_ARGUMENT;
    }
    let used = USED_BYTES[number(gpu)];
    let memory = Memory {
        version,
        total: 24 << 30,
        reserved: 1 << 28,
        free: (24 << 30) - (1 << 28) - used,
        used,
    };
    answer(to, memory)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetClockInfo(
    gpu: *mut c_void,
    which: c_uint,
    mhz: *mut c_uint,
) -> c_int {
    match which {
        0 => answer(mhz, GRAPHICS_MHZ[number(gpu)]),
        2 => answer(mhz, MEMORY_MHZ[number(gpu)]),
        _ => INVALID_ARGUMENT,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetTemperature(
    gpu: *mut c_void,
    sensor: c_uint,
    celsius: *mut c_uint,
) -> c_int {
    match sensor {
        0 => answer(celsius, TEMPERATURE_C[number(gpu)]),
        _ => INVALID_ARGUMENT,
    }
}

/// Measures for 20 ms, as the real one does.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPcieThroughput(
    gpu: *mut c_void,
    way: c_uint,
    kb_per_s: *mut c_uint,
) -> c_int {
    std::thread::sleep(std::time::Duration::from_millis(20));
    match way {
        0 => answer(kb_per_s, SENT_KB_PER_S[number(gpu)]),
        1 => answer(kb_per_s, RECEIVED_KB_PER_S[number(gpu)]),
        _ => INVALID_ARGUMENT,
    }
}
