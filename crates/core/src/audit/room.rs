//! The room in which events wait for the log's writer, and how much of it each account has.
//!
//! An account may have as much waiting as is free. So one that sends more than the log takes gets half of the room, of
//! several such each gets the same, and as much stays free for all others. Source: A. K. Choudhury and E. L. Hahne,
//! "Dynamic queue length thresholds for shared-memory packet switches", 1998.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use claviger_types::AccountId;

/// Events that may wait: some seconds of all that one node answers, for a single account too.
const EVENTS_MAX: u64 = 524_288;

/// Bytes that they may have together.
const BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Accounts are counted at so many places, and those who are not known at one more. Accounts that share one share what
/// they may have; nobody can choose with whom.
const PLACES: u64 = 65_536;

/// What waits, or may: events in the high half, their bytes in the low one, so that both change at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Amount(u64);

/// The room.
pub(super) struct Room {
    waiting: AtomicU64,
    of_accounts: Vec<AtomicU64>,
    hasher: RandomState,
    refused: AtomicU64,
}

/// Room that was taken: by whom, and how much.
#[derive(Debug)]
pub(super) struct Taken {
    place: usize,
    amount: Amount,
}

impl Room {
    /// Takes room for an event of an account, or of nobody that is known. Returns how many waited before as well; none if
    /// the account has as much as it may.
    pub(super) fn take(&self, account: Option<AccountId>, bytes_of_event: usize) -> Option<(Taken, u64)> {
        let place = self.place(account);
        let taken = Taken { place, amount: Amount::event(bytes_of_event) };
        let before = Amount(self.waiting.fetch_add(taken.amount.0, Ordering::Relaxed));
        let of_account = self.of_accounts.get(place)?.fetch_add(taken.amount.0, Ordering::Relaxed);
        if Amount(of_account).and(taken.amount).fits(before.and(taken.amount).free()) {
            return Some((taken, before.events()));
        }
        self.give_back(&taken);
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn place(&self, account: Option<AccountId>) -> usize {
        let place = account.map_or(PLACES, |account| self.hasher.hash_one(account) % PLACES);
        // INVARIANT: a small number.
        usize::try_from(place).unwrap_or_default()
    }

    /// These events wait no more.
    pub(super) fn give_back(&self, taken: &Taken) {
        self.waiting.fetch_sub(taken.amount.0, Ordering::Relaxed);
        if let Some(of_account) = self.of_accounts.get(taken.place) {
            of_account.fetch_sub(taken.amount.0, Ordering::Relaxed);
        }
    }

    /// How many events found no room.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many events wait, and their bytes.
    pub(super) fn waiting(&self) -> (u64, u64) {
        let waiting = Amount(self.waiting.load(Ordering::Relaxed));
        (waiting.events(), waiting.bytes())
    }
}

impl Default for Room {
    fn default() -> Self {
        let of_accounts = (0..=PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { waiting: AtomicU64::new(0), of_accounts, hasher: RandomState::new(), refused: AtomicU64::new(0) }
    }
}

impl Taken {
    /// Adds what was taken next to the last of these, if one account took both: the events of a batch mostly are of few.
    pub(super) fn push(self, all: &mut Vec<Self>) {
        match all.last_mut() {
            Some(last) if last.place == self.place => last.amount = last.amount.and(self.amount),
            _ => all.push(self),
        }
    }
}

impl Amount {
    fn event(bytes: usize) -> Self {
        Self(1 << 32 | bytes as u64)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    fn events(self) -> u64 {
        self.0 >> 32
    }

    fn bytes(self) -> u64 {
        self.0 & u64::from(u32::MAX)
    }

    /// What is free while this waits.
    fn free(self) -> Self {
        Self(EVENTS_MAX.saturating_sub(self.events()) << 32 | BYTES_MAX.saturating_sub(self.bytes()))
    }

    fn fits(self, free: Self) -> bool {
        self.events() <= free.events() && self.bytes() <= free.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn account(number: u64) -> Option<AccountId> {
        AccountId::from_u64(number)
    }

    /// Accounts of which no two share a place, nor one with nobody.
    fn accounts<const N: usize>(room: &Room) -> [Option<AccountId>; N] {
        let mut places = HashSet::from([room.place(None)]);
        let mut apart = (0..).map(account).filter(|account| places.insert(room.place(*account)));
        std::array::from_fn(|_| apart.next().unwrap())
    }

    /// Takes in turns until nobody gets anything: how many events each has.
    fn fill<const N: usize>(room: &Room, greedy: [Option<AccountId>; N], bytes: usize) -> ([u64; N], Vec<Taken>) {
        let (mut had, mut all) = ([0; N], Vec::new());
        loop {
            let before = had;
            for (account, had) in greedy.iter().zip(&mut had) {
                if let Some((taken, _)) = room.take(*account, bytes) {
                    *had += 1;
                    taken.push(&mut all);
                }
            }
            if had == before {
                return (had, all);
            }
        }
    }

    /// Whatever the greedy do, as much as each of them has is free for others; and all is given back.
    #[test]
    fn the_greedy_share_and_leave_a_share() {
        for (bytes, want_of_one, want_of_three) in [
            (0, EVENTS_MAX / 2, EVENTS_MAX / 4),
            (100, EVENTS_MAX / 2, EVENTS_MAX / 4),
            (65_535, BYTES_MAX / 65_535 / 2, BYTES_MAX / 65_535 / 4),
        ] {
            let room = Room::default();
            let [a, b, c, modest] = accounts(&room);
            let (had, taken) = fill(&room, [a], bytes);
            assert_eq!(had, [want_of_one], "{bytes} bytes");
            taken.iter().for_each(|taken| room.give_back(taken));
            let (had, taken) = fill(&room, [a, b, c], bytes);
            assert_eq!(had, [want_of_three; 3], "{bytes} bytes");
            let (others, taken_by_other) = fill(&room, [modest], bytes);
            assert!(others[0] >= want_of_three / 2, "{bytes} bytes: {others:?} of {want_of_three}");
            taken.iter().chain(&taken_by_other).for_each(|taken| room.give_back(taken));
            assert_eq!(room.waiting(), (0, 0), "{bytes} bytes");
            assert_eq!(room.refused(), 1 + 3 + 1, "{bytes} bytes");
            assert!(room.of_accounts.iter().all(|place| place.load(Ordering::Relaxed) == 0), "{bytes} bytes");
        }
    }

    #[test]
    fn what_is_larger_than_half_the_room_never_fits() {
        let room = Room::default();
        let half = usize::try_from(BYTES_MAX / 2).unwrap();
        assert!(room.take(account(1), half + 1).is_none());
        assert_eq!(room.waiting(), (0, 0));
        let (_, before) = room.take(account(1), half).unwrap();
        assert_eq!((before, room.waiting()), (0, (1, BYTES_MAX / 2)));
    }

    /// Events of one account behind one another cost one entry of the batch, those of two in turns one each.
    #[test]
    fn a_batch_remembers_each_run_of_an_account() {
        let room = Room::default();
        let [a, b] = accounts(&room);
        let mut all = Vec::new();
        for (account, bytes, want) in [(a, 5, 1), (a, 7, 1), (b, 1, 2), (b, 1, 2), (a, 1, 3), (None, 1, 4)] {
            room.take(account, bytes).unwrap().0.push(&mut all);
            assert_eq!(all.len(), want, "{account:?} {bytes}");
        }
        assert_eq!(
            all.iter().map(|taken| (taken.amount.events(), taken.amount.bytes())).collect::<Vec<_>>(),
            [(2, 12), (2, 2), (1, 1), (1, 1),]
        );
    }
}
