//! The machine: processor time and memory of processes, and what it is.

use std::fs;

use crate::Result;

/// Clock ticks per second that Linux counts processor time in.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of a process, all its threads, user and system, in milliseconds.
pub(crate) fn cpu_ms(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name stands in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ").ok_or("odd stat file")?.1.split(' ').collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
            .ok_or("odd stat file")
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND * 1000.0)
}

/// As [`cpu_ms`] of the threads that live now, to the nanosecond: for short work of processes whose threads stay.
pub(crate) fn precise_cpu_ms(process: u32) -> Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the list and its file.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        nanoseconds += text
            .split(' ')
            .next()
            .and_then(|field| field.parse::<f64>().ok())
            .ok_or("odd schedstat file")?;
    }
    Ok(nanoseconds / 1e6)
}

/// The greatest resident memory the process has had, in MB.
pub(crate) fn peak_resident_mb(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .ok_or("no VmHWM")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).ok_or("odd VmHWM")?.parse()?;
    Ok(kilobytes * 1.024 / 1000.0)
}

/// Processes that a process started.
pub(crate) fn children(process: u32) -> Result<Vec<u32>> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    Ok(text.split_whitespace().filter_map(|child| child.parse().ok()).collect())
}

/// Processor, cores, memory and kernel, in a line.
pub(crate) fn description() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    let processor = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| {
            text.split_whitespace()
                .next()
                .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
        })
        .map_or_else(String::new, |kilobytes| format!(", {} GB", kilobytes >> 20));
    format!(
        "{processor}, {cores} cores{memory}, Linux {}",
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// The machine in a word for file names: `amd-epyc-2-cores`.
pub(crate) fn name() -> String {
    let description = description();
    let mut parts = description.split(", ");
    let words: String = format!(
        "{} {}",
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default()
    )
    .to_lowercase()
    .chars()
    .map(|character| {
        if character.is_ascii_alphanumeric() {
            character
        } else {
            ' '
        }
    })
    .collect();
    words.split_whitespace().collect::<Vec<_>>().join("-")
}

/// The load average of the last minute: how busy the machine was with other things.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split(' ').next().map(str::to_owned))
        .unwrap_or_default()
}
