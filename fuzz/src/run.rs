//! How much a target runs, and what is told of it.
//!
//! `CLAVIGER_FUZZ_SECONDS` is the time of all targets together; `CLAVIGER_FUZZ_ITERATIONS` is the number of inputs of
//! each. With neither, a few hundred inputs show that the targets still work. Engines with coverage feedback keep
//! their own time.

use std::fmt::Debug;
use std::io::Write;
use std::panic::{AssertUnwindSafe, RefUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bolero::{BorrowedInput, ByteSliceGenerator, DefaultEngine, TestTarget, ValueGenerator};

/// Inputs of each target in a plain `cargo test`.
const ITERATIONS_USUAL: usize = 300;

/// Bytes that an engine gives to one input. Whatever is chosen beyond them is the first of the choices.
const INPUT_BYTES_MAX: usize = 64 * 1024;

/// One target, ready to run.
pub struct Campaign {
    name: &'static str,
    target: TestTarget<ByteSliceGenerator, DefaultEngine, BorrowedInput>,
}

impl Campaign {
    /// One of `targets` targets that share the time.
    pub fn new(
        name: &'static str,
        targets: u32,
        target: TestTarget<ByteSliceGenerator, DefaultEngine, BorrowedInput>,
    ) -> Self {
        let target = target.with_max_len(INPUT_BYTES_MAX);
        let target = match (number("CLAVIGER_FUZZ_ITERATIONS"), number("CLAVIGER_FUZZ_SECONDS")) {
            (Some(iterations), _) => target.with_iterations(usize::try_from(iterations).unwrap_or(usize::MAX)),
            (None, Some(seconds)) => target.with_test_time(share(seconds, targets)),
            (None, None) => target.with_iterations(ITERATIONS_USUAL),
        };
        Self { name, target }
    }

    /// Runs `test` on input after input. It panics at a fault, and answers whether the input got past the first
    /// checks: if none ever does, the target proves nothing and fails.
    pub fn run<G>(self, generator: G, test: impl Fn(&G::Output) -> bool)
    where
        G: ValueGenerator + RefUnwindSafe,
        G::Output: Debug + RefUnwindSafe,
    {
        let (inputs, deep) = (AtomicU64::new(0), AtomicU64::new(0));
        // After a panic the engine runs the test again only to make the input smaller.
        let test = AssertUnwindSafe(test);
        let started = Instant::now();
        self.target.with_generator(generator).for_each(|input: &G::Output| {
            inputs.fetch_add(1, Ordering::Relaxed);
            // The whole wrapper is borrowed, not what is in it, which is not known to be safe to unwind.
            let test = &test;
            deep.fetch_add(u64::from((test.0)(input)), Ordering::Relaxed);
        });
        report(self.name, started.elapsed(), inputs.into_inner(), deep.into_inner());
    }
}

/// Told past the test framework, which would keep it to itself, and on a line of its own between the framework's.
fn report(name: &str, elapsed: Duration, inputs: u64, deep: u64) {
    let seconds = elapsed.as_secs_f32();
    let line = format!("\nfuzz {name}: {inputs} inputs in {seconds:.1} s, {deep} got past the first checks\n");
    // One write, so that lines of targets which end together do not mix; a lost line is no fault of the target.
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(deep > 0, "{name}: none of {inputs} inputs got past the first checks");
}

/// The time of one target, so that all end in `seconds` when as many run at once as there are processors.
fn share(seconds: u64, targets: u32) -> Duration {
    let at_once = std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
    Duration::from_secs(seconds) * at_once.min(targets) / targets.max(1)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
