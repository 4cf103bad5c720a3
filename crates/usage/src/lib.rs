//! Who used which key, how, and when: counted from the entries of the audit log.
//!
//! It knows no event, no socket, no clock and no store: whoever reads the log says what an entry means as an [`Entry`], and
//! where the bytes of a snapshot go. It decides nothing. What it takes is bounded by [`Limits`]; a use for which they leave
//! no room is still counted, without detail, and [`Merged`] tells of it.
//!
//! - [`Usage::fold`] takes an entry of the log, [`Usage::fold_to`] many that were put together, [`Usage::import`] what
//!   others recorded: an [`Import`], which is kept by whoever made it.
//! - [`Usage::key`], [`Usage::of_principal`], [`Usage::access_key`] and [`days_without_use`] answer.
//! - [`Usage::write_snapshot`] and [`Usage::read_snapshot`]: a snapshot of the first entries, and the rest folded again, is
//!   the same as all of them folded.
//!
//! 100 million uses of 10,000 keys over 120 days, each key used in 20 ways, are some 10 million rows: 490 MiB, and a
//! snapshot of 173 MiB that is read in half a second (`examples/fold_millions.rs`). To fold a use takes 0.4 µs while all of it is
//! in the processor's cache, and else as long as some eight looks into memory.

mod entry;
mod frames;
mod import;
mod limits;
mod period;
mod query;
mod rows;
mod snapshot;
mod table;
mod texts;
mod usage;
mod values;

pub use entry::{AccessKeyUse, Addressed, Alike, Entry, Operation, Origin, Outcome, Use};
pub use import::{Import, ImportedId};
pub use limits::{Bound, Cost, Limits, Merged, Settings, TEXT_BYTES_MAX, VALUE_BYTES_MAX};
pub use period::{DAYS_KEPT, Day, Month, Period};
pub use query::{KeyUsage, Kind, Protected, Row, RowDetail, days_without_use};
pub use snapshot::StoredError;
pub use table::{LastUse, Place};
pub use texts::ContextKeys;
pub use usage::{Gap, Usage};
