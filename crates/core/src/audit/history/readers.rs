//! Whose search reads when: one of an account at a time, so many of all, the others in the order in which they came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_types::AccountId;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Searches that read at the same time.
const READING_MAX: usize = 2;

/// Searches of an account that read or wait: one in each Region, and some.
const SEARCHES_MAX: usize = 40;

/// Those who read, and those who wait for that.
pub(super) struct Readers {
    reading: Arc<Semaphore>,
    accounts: Mutex<HashMap<AccountId, Searches>>,
}

/// The searches of one account.
struct Searches {
    reading: Arc<Semaphore>,
    count: usize,
}

/// A search that may wait for its turn.
pub(super) struct Admitted {
    readers: Arc<Readers>,
    account: AccountId,
    reading: Arc<Semaphore>,
}

/// Held while a search reads.
pub(super) struct Turn {
    _of_account: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
    _admitted: Admitted,
}

impl Readers {
    /// Admits one more search of an account, unless too many of its wait.
    pub(super) fn admit(self: &Arc<Self>, account: AccountId) -> Option<Admitted> {
        let mut accounts = self.accounts();
        let searches = accounts.entry(account).or_insert_with(Searches::none);
        if searches.count == SEARCHES_MAX {
            return None;
        }
        searches.count += 1;
        let reading = Arc::clone(&searches.reading);
        Some(Admitted { readers: Arc::clone(self), account, reading })
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<AccountId, Searches>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Readers {
    fn default() -> Self {
        Self { reading: Arc::new(Semaphore::new(READING_MAX)), accounts: Mutex::default() }
    }
}

impl Searches {
    fn none() -> Self {
        Self { reading: Arc::new(Semaphore::new(1)), count: 0 }
    }
}

impl Admitted {
    /// Waits for its turn. Of each account one waits among all at most, so that none has to wait for many of another's.
    pub(super) async fn turn(self) -> Result<Turn, AcquireError> {
        let of_account = Arc::clone(&self.reading).acquire_owned().await?;
        let of_all = Arc::clone(&self.readers.reading).acquire_owned().await?;
        Ok(Turn { _of_account: of_account, _of_all: of_all, _admitted: self })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut accounts = self.readers.accounts();
        if let Some(searches) = accounts.get_mut(&self.account) {
            searches.count -= 1;
            if searches.count == 0 {
                accounts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "777788889999"];

    type Waiting = Pin<Box<dyn Future<Output = Result<Turn, AcquireError>>>>;

    fn waiting(readers: &Arc<Readers>, account: &str) -> Waiting {
        Box::pin(readers.admit(account.parse().unwrap()).unwrap().turn())
    }

    fn turn_of(waiting: &mut Waiting) -> Option<Turn> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_account_with_many_searches_holds_up_its_own() {
        let [greedy, second, third] = ACCOUNTS;
        let readers = Arc::new(Readers::default());
        let mut of_greedy: Vec<_> = (0..10).map(|_| waiting(&readers, greedy)).collect();
        let turns: Vec<_> = of_greedy.iter_mut().map(turn_of).collect();
        assert!(turns[0].is_some() && turns[1..].iter().all(Option::is_none), "one at a time");
        let turn_of_second = turn_of(&mut waiting(&readers, second)).unwrap();
        let mut of_third = waiting(&readers, third);
        assert!(turn_of(&mut of_third).is_none(), "two of all");
        drop(turns);
        assert!(turn_of(&mut of_greedy[1]).is_none(), "the third came before its second");
        let turn_of_third = turn_of(&mut of_third).unwrap();
        drop(turn_of_second);
        assert!(turn_of(&mut of_greedy[1]).is_some());
        drop(turn_of_third);
    }

    /// A search that nobody waits for any more takes no place; when the last is over nothing is kept of its account.
    #[test]
    fn so_many_of_an_account_and_no_more() {
        let account = ACCOUNTS[0].parse().unwrap();
        let readers = Arc::new(Readers::default());
        let mut admitted: Vec<_> = (0..SEARCHES_MAX).map(|_| readers.admit(account).unwrap()).collect();
        assert!(readers.admit(account).is_none());
        assert!(readers.admit(ACCOUNTS[1].parse().unwrap()).is_some());
        let mut given_up: Waiting = Box::pin(admitted.pop().unwrap().turn());
        let turn = turn_of(&mut given_up);
        assert!(turn.is_some() && readers.admit(account).is_none(), "it reads");
        drop(turn);
        admitted.push(readers.admit(account).unwrap());
        drop(Box::pin(admitted.pop().unwrap().turn()));
        admitted.push(readers.admit(account).unwrap());
        drop(admitted);
        assert!(readers.accounts().is_empty());
    }
}
