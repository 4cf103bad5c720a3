//! What the kernel tells about a process (CPU time, resident memory), and on which core this thread runs.
//!
//! Source: proc(5) and sched_setaffinity(2).

use std::fs;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::BenchError;

/// The CPU time that all threads of a process have used so far, user and system, finished threads included.
pub fn cpu_time(pid: u32) -> Result<Duration, BenchError> {
    let stat = read(pid, "stat")?;
    let ticks = cpu_ticks(&stat).ok_or_else(|| BenchError::Process(format!("stat of {pid} is malformed")))?;
    Ok(Duration::from_nanos(ticks * 1_000_000_000 / rustix::param::clock_ticks_per_second()))
}

/// Resident memory of a process in KiB: now, and its peak.
pub fn resident_kib(pid: u32) -> Result<(u64, u64), BenchError> {
    let status = read(pid, "status")?;
    let field = |name| status_kib(&status, name).ok_or_else(|| BenchError::Process(format!("status lacks {name}")));
    Ok((field("VmRSS")?, field("VmHWM")?))
}

/// Binds this thread, and the processes that it starts from now on, to one core.
pub fn pin_to(core: usize) -> Result<(), BenchError> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|error| BenchError::Process(format!("core {core}: {error}")))
}

/// Runs `action` bound to another core, for a child process to inherit, and comes back to this thread's own cores.
pub fn on_core<T>(core: usize, action: impl FnOnce() -> T) -> Result<T, BenchError> {
    let failed = |error: rustix::io::Errno| BenchError::Process(format!("core {core}: {error}"));
    let before = sched_getaffinity(None).map_err(failed)?;
    pin_to(core)?;
    let outcome = action();
    sched_setaffinity(None, &before).map_err(failed)?;
    Ok(outcome)
}

fn read(pid: u32, file: &str) -> Result<String, BenchError> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|error| BenchError::Process(format!("{pid}: {error}")))
}

/// Fields 14 and 15 (utime, stime), counted after the command's name, which may itself hold blanks and brackets.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn status_kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_command_is_called() {
        let rest = "R 1 2 3 4 5 6 7 8 9 10 120 34 0 0 20 0";
        for name in ["server", "a b", "a) R (b"] {
            assert_eq!(cpu_ticks(&format!("77 ({name}) {rest}")), Some(154), "name={name}");
        }
        assert_eq!(cpu_ticks("77 (server) R 1 2"), None);
        assert_eq!(status_kib("Name:\tx\nVmHWM:\t  20 kB\nVmRSS:\t  10 kB\n", "VmRSS"), Some(10));
        assert_eq!(status_kib("Name:\tx\n", "VmRSS"), None);
    }

    #[test]
    fn a_child_inherits_the_core_and_this_thread_keeps_its_own() {
        let before = sched_getaffinity(None).unwrap();
        let core = (0..CpuSet::MAX_CPU).find(|core| before.is_set(*core)).unwrap();
        let inside = on_core(core, || sched_getaffinity(None).unwrap()).unwrap();
        assert_eq!((inside.count(), inside.is_set(core)), (1, true), "core={core}");
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let before = cpu_time(std::process::id()).unwrap();
        let started = std::time::Instant::now();
        let mut sum = 0u64;
        while started.elapsed() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_time(std::process::id()).unwrap() > before);
        let (now, peak) = resident_kib(std::process::id()).unwrap();
        assert!(now > 0 && peak >= now, "now={now} peak={peak}");
    }
}
