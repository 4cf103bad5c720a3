//! Logs on good days and bad ones: appended to, rotated, pruned, proved; power loss, failing and full disks, damage and
//! forgery.
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
mod failing_disk;
mod fixture;
mod forgery;
mod life;
mod power_loss;
