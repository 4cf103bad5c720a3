//! The embedded store on bad days: power loss, full and failing disks, damaged files, second openers.
//!
//! The disk is simulated: killing a process proves nothing about what was synced, since the operating system keeps
//! what was only written.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod damage;
mod disk;
mod failing_disk;
mod file;
mod power_loss;
mod suite;
