//! Who does what takes long, and when: one of an account at a time, so many of all, the others in the order in which they
//! came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_types::AccountId;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Those who have their turn, and those who wait for it.
pub(crate) struct FairTurns {
    of_all: Arc<Semaphore>,
    of_account_max: usize,
    accounts: Mutex<HashMap<AccountId, OfAccount>>,
}

/// Those of one account.
struct OfAccount {
    turn: Arc<Semaphore>,
    count: usize,
}

/// One that may wait for its turn.
pub(crate) struct Admitted {
    turns: Arc<FairTurns>,
    account: AccountId,
    of_account: Arc<Semaphore>,
}

/// Held as long as it takes.
pub(crate) struct Turn {
    _of_account: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
    _admitted: Admitted,
}

impl FairTurns {
    /// So many at a time, and of an account so many that have their turn or wait.
    pub(crate) fn new(at_a_time: usize, of_account_max: usize) -> Self {
        Self { of_all: Arc::new(Semaphore::new(at_a_time)), of_account_max, accounts: Mutex::default() }
    }

    /// Admits one more of an account, unless too many of its wait.
    pub(crate) fn admit(self: &Arc<Self>, account: AccountId) -> Option<Admitted> {
        let mut accounts = self.accounts();
        let known = accounts.entry(account);
        let admitted = known.or_insert_with(|| OfAccount { turn: Arc::new(Semaphore::new(1)), count: 0 });
        if admitted.count == self.of_account_max {
            return None;
        }
        admitted.count += 1;
        Some(Admitted { turns: Arc::clone(self), account, of_account: Arc::clone(&admitted.turn) })
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<AccountId, OfAccount>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admitted {
    /// Waits for its turn. Of each account one waits among all at most, so that none has to wait for many of another's.
    pub(crate) async fn turn(self) -> Result<Turn, AcquireError> {
        let of_account = Arc::clone(&self.of_account).acquire_owned().await?;
        let of_all = Arc::clone(&self.turns.of_all).acquire_owned().await?;
        Ok(Turn { _of_account: of_account, _of_all: of_all, _admitted: self })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut accounts = self.turns.accounts();
        if let Some(admitted) = accounts.get_mut(&self.account) {
            admitted.count -= 1;
            if admitted.count == 0 {
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

    const MOST: usize = 40;

    const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "777788889999"];

    type Waiting = Pin<Box<dyn Future<Output = Result<Turn, AcquireError>>>>;

    fn waiting(turns: &Arc<FairTurns>, account: &str) -> Waiting {
        Box::pin(turns.admit(account.parse().unwrap()).unwrap().turn())
    }

    fn turn_of(waiting: &mut Waiting) -> Option<Turn> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_account_with_many_holds_up_its_own() {
        let [greedy, second, third] = ACCOUNTS;
        let turns = Arc::new(FairTurns::new(2, MOST));
        let mut of_greedy: Vec<_> = (0..10).map(|_| waiting(&turns, greedy)).collect();
        let of_first: Vec<_> = of_greedy.iter_mut().map(turn_of).collect();
        assert!(of_first[0].is_some() && of_first[1..].iter().all(Option::is_none), "one at a time");
        let turn_of_second = turn_of(&mut waiting(&turns, second)).unwrap();
        let mut of_third = waiting(&turns, third);
        assert!(turn_of(&mut of_third).is_none(), "two of all");
        drop(of_first);
        assert!(turn_of(&mut of_greedy[1]).is_none(), "the third came before its second");
        let turn_of_third = turn_of(&mut of_third).unwrap();
        drop(turn_of_second);
        assert!(turn_of(&mut of_greedy[1]).is_some());
        drop(turn_of_third);
    }

    /// One that nobody waits for any more takes no place; when the last is over nothing is kept of its account.
    #[test]
    fn so_many_of_an_account_and_no_more() {
        let account = ACCOUNTS[0].parse().unwrap();
        let turns = Arc::new(FairTurns::new(2, MOST));
        let mut admitted: Vec<_> = (0..MOST).map(|_| turns.admit(account).unwrap()).collect();
        assert!(turns.admit(account).is_none());
        assert!(turns.admit(ACCOUNTS[1].parse().unwrap()).is_some());
        let mut given_up: Waiting = Box::pin(admitted.pop().unwrap().turn());
        let turn = turn_of(&mut given_up);
        assert!(turn.is_some() && turns.admit(account).is_none(), "it reads");
        drop(turn);
        admitted.push(turns.admit(account).unwrap());
        drop(Box::pin(admitted.pop().unwrap().turn()));
        admitted.push(turns.admit(account).unwrap());
        drop(admitted);
        assert!(turns.accounts().is_empty());
    }
}
