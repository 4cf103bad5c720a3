//! Entries of the log go in, in order; what requests ask for comes out. No thread, no clock, no file.

use std::mem;

use claviger_types::Timestamp;
use claviger_usage::{Alike, Day, Import, Outcome, Usage};

use super::alike::AlikeEvents;
use super::answers::LastUses;
use super::entries;
use crate::audit::{FollowedEntry, Outline};
use crate::records::{EventKind, EventRecord};
use crate::view::View;

/// So many groups are counted in some milliseconds.
const FEW: usize = 4_096;

/// Usage, and the entries that are to be counted next.
pub(crate) struct Folding {
    usage: Usage,
    last_uses: LastUses,
    waiting: AlikeEvents<Waiting>,
    /// The first entry that was not counted.
    counted_to: u64,
    /// The next entry that is taken.
    next_entry: u64,
    /// The day on which what is gone was forgotten last.
    swept_on: Option<Day>,
}

/// Entries that are alike and wait.
struct Waiting {
    /// The place, time and id of the latest.
    index: u64,
    at: i64,
    id: [u8; 16],
    first_at: i64,
    count: u64,
}

impl Folding {
    /// Goes on with what is counted.
    pub(crate) fn new(usage: Usage) -> Self {
        let (last_uses, next_entry) = (LastUses::of(&usage), usage.next_entry());
        Self { usage, last_uses, waiting: AlikeEvents::default(), counted_to: next_entry, next_entry, swept_on: None }
    }

    /// The next entry that is taken.
    pub(crate) fn next_entry(&self) -> u64 {
        self.next_entry
    }

    /// Takes an entry, if it is the next one.
    pub(crate) fn push(&mut self, entry: FollowedEntry<'_>) {
        let FollowedEntry { index, bytes, outline } = entry;
        if index != self.next_entry {
            return;
        }
        self.next_entry += 1;
        // What is no event of a caller's request tells nothing of usage.
        let Some(Outline { kind: EventKind::Call, at, id, fingerprint }) = outline else { return };
        let waiting = self.waiting.of(fingerprint, bytes, || Waiting { index, at, id, first_at: at, count: 0 });
        waiting.count += 1;
        waiting.first_at = waiting.first_at.min(at);
        if at >= waiting.at {
            (waiting.index, waiting.at, waiting.id) = (index, at, id);
        }
    }

    /// Whether what was taken is to be counted before more is.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.is_full()
    }

    /// Whether it costs little to count what was taken.
    pub(super) fn are_few(&self) -> bool {
        self.waiting.len() <= FEW
    }

    /// Leaves out the entries before this one, which are gone: nothing is missed since then.
    pub(super) fn skip_to(&mut self, next_entry: u64, tracking_since: Timestamp) {
        self.count();
        self.next_entry = self.next_entry.max(next_entry);
        self.counted_to = self.next_entry;
        self.usage.skip_to(next_entry, tracking_since.max(self.usage.tracking_since()));
        self.last_uses = LastUses::of(&self.usage);
    }

    /// Nothing is missed since then, and what was before may be.
    pub(super) fn track_since(&mut self, tracking_since: Timestamp) {
        self.usage.skip_to(self.next_entry, tracking_since);
        self.last_uses = LastUses::of(&self.usage);
    }

    /// Counts what was taken.
    pub(crate) fn count(&mut self) {
        if self.next_entry == self.counted_to {
            return;
        }
        let mut unread = 0;
        let waiting = mem::take(&mut self.waiting);
        for (event, group) in waiting.met() {
            let counted = self.count_group(event, group);
            unread += if counted { 0 } else { group.count };
        }
        self.counted_to = self.next_entry;
        self.usage.fold_to(self.next_entry, []);
        self.last_uses.set_totals(&self.usage);
        if unread > 0 {
            tracing::warn!(unread, "entries of the audit log cannot be read and are not counted as usage");
        }
    }

    /// Counts an import.
    pub(super) fn import(&mut self, number: u64, import: &Import) {
        self.usage.import(number, import);
        self.last_uses.set_totals(&self.usage);
    }

    /// Usage up to the next entry, once it is counted.
    pub(super) fn usage(&self) -> &Usage {
        &self.usage
    }

    /// What requests ask for.
    pub(crate) fn last_uses(&self) -> LastUses {
        self.last_uses.clone()
    }

    /// Forgets, once in a day, the keys and access keys that are gone.
    pub(super) fn sweep(&mut self, view: &View) {
        let today = self.usage.last_day();
        if self.swept_on == Some(today) {
            return;
        }
        self.swept_on = Some(today);
        self.usage.retain_keys(|arn| view.key(arn.region, arn.id).is_some());
        self.usage.retain_access_keys(|id| view.access_key(*id).is_some());
        self.last_uses = LastUses::of(&self.usage);
    }

    /// Whether the first event of the group could be read.
    fn count_group(&mut self, first: &[u8], group: &Waiting) -> bool {
        let Self { usage, last_uses, .. } = self;
        let told = EventRecord::parse(first).and_then(|first| {
            let latest = EventRecord { at: group.at, id: group.id, ..first };
            entries::told_by(&latest, group.index, |latest| {
                let first_at = Timestamp::from_millis(group.first_at);
                usage.fold_to(0, [Alike { latest, first_at, count: group.count }]);
                for used in latest.uses.iter().filter(|used| used.outcome() == Outcome::Success) {
                    let last_use = usage.key(&used.key).and_then(|key| key.last_use().copied());
                    last_use.into_iter().for_each(|last_use| last_uses.put_key(used.key, last_use));
                }
                let access_key = latest.access_key.and_then(|used| usage.access_key(&used.id));
                access_key.into_iter().for_each(|used| last_uses.put_access_key(*used));
            })
        });
        told.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use claviger_types::AccessKeyId;
    use claviger_usage::Settings;
    use serde_json::json;

    use super::*;
    use crate::jobs;
    use crate::testing::test_kms::{HOME, REGION, TestKms};

    const DAY: Duration = Duration::from_secs(86_400);

    /// Out of order, at one time, on either side of midnight: it makes no difference whether each is counted alone.
    #[test]
    fn entries_that_are_put_together_count_as_they_do_alone() {
        let kms = TestKms::new();
        let keys = [kms.key(), kms.key()];
        keys.iter().for_each(|key| drop(kms.admin().encrypt(key, "AAAA")));
        let events = kms.events();
        let [.., first, second] = &events[..] else { panic!("{}", events.len()) };
        let midnight = crate::testing::test_events::parsed(first).at / 86_400_000 * 86_400_000 + 86_400_000;
        let entries =
            [(first, 5), (first, 9), (second, 7), (first, 3), (first, 9), (first, -1), (second, -2), (first, -4)];
        let counted_after = |some: &[usize]| {
            let mut folding = Folding::new(Usage::new(Settings::default(), 0, Timestamp::from_millis(0)));
            for (place, (event, after_midnight)) in entries.iter().enumerate() {
                let event = EventRecord::parse(event).unwrap();
                let event = EventRecord { at: midnight + after_midnight, id: [place as u8; 16], ..event };
                folding.push(FollowedEntry::of(place as u64, &event.to_bytes()));
                if some.contains(&place) {
                    folding.count();
                }
            }
            folding.count();
            let mut bytes = Vec::new();
            folding.usage().write_snapshot(&mut bytes).unwrap();
            bytes
        };
        let alone = counted_after(&[0, 1, 2, 3, 4, 5, 6]);
        for some in [&[][..], &[0], &[3], &[4], &[2, 5]] {
            assert!(counted_after(some) == alone, "{some:?}");
        }
    }

    #[test]
    fn only_the_next_entry_is_taken_and_what_is_counted_is_held_no_more() {
        let mut folding = Folding::new(Usage::new(Settings::default(), 7, Timestamp::from_millis(0)));
        let mut index = 7;
        for _ in 0..=FEW {
            assert!(folding.are_few(), "{index}");
            let name = index.to_string();
            let event = EventRecord { operation: Some(&name), ..EventRecord::new(EventKind::Call, 0, [0; 16]) };
            folding.push(FollowedEntry::of(index, &event.to_bytes()));
            index += 1;
        }
        assert!(!folding.are_few());
        folding.count();
        assert!(folding.are_few());
        let first_long = index;
        while !folding.is_full() {
            let name = format!("{index}{}", "x".repeat(1024 * 1024));
            let event = EventRecord { operation: Some(&name), ..EventRecord::new(EventKind::Call, 0, [0; 16]) };
            folding.push(FollowedEntry::of(index, &event.to_bytes()));
            folding.push(FollowedEntry::of(index, b"not the next one"));
            index += 1;
        }
        assert!((15..=17).contains(&(index - first_long)), "{index}");
        folding.count();
        assert!(!folding.is_full() && folding.are_few());
        assert_eq!(folding.usage().next_entry(), index);
    }

    #[test]
    fn what_is_gone_is_forgotten_when_a_day_ends() {
        let kms = TestKms::new();
        let (key, kept) = (kms.key(), kms.key());
        let ann = kms.admin().user("ann", "");
        let mut folding = Folding::new(Usage::new(Settings::default(), 0, Timestamp::from_millis(0)));
        let mut known = || {
            (0..).zip(kms.events()).for_each(|(index, event)| folding.push(FollowedEntry::of(index, &event)));
            folding.count();
            folding.sweep(&kms.view());
            let id: AccessKeyId = ann.access_key_id;
            let of_key = |id: &str| {
                let (region, account) = (REGION.parse().unwrap(), HOME.parse().unwrap());
                let arn = claviger_types::KeyArn { region, account, id: id.parse().unwrap() };
                let told = folding.last_uses().of_key(&arn).is_some();
                assert_eq!(told, folding.usage().key(&arn).is_some());
                told
            };
            [of_key(&key), of_key(&kept), folding.last_uses().of_access_key(&id).is_some()]
        };
        kms.admin().encrypt(&key, "AAAA");
        kms.admin().encrypt(&kept, "AAAA");
        ann.ok("GetCallerIdentity", json!({}));
        assert_eq!(known(), [true, true, true]);
        kms.ok("DeleteAccessKey", json!({"UserName": "ann", "AccessKeyId": ann.access_key_id.to_string()}));
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
        kms.pass(8 * DAY);
        kms.block_on(jobs::persist(kms.service()));
        assert_eq!(known(), [true, true, true], "nothing was used on another day");
        kms.admin().encrypt(&kept, "AAAA");
        assert_eq!(known(), [false, true, false]);
    }
}
