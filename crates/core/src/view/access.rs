//! From principals and accounts to keys: which keys a key policy opens to whom. Search and analysis begin here; no
//! decision does, since a policy's conditions and denials are not in it.

use std::sync::Arc;

use claviger_types::{AccountId, KeyId, PrincipalId, Region};
use imbl::OrdSet;

use super::View;
use super::entities::Key;

/// The keys of one Region by whom their policies speak of.
#[derive(Clone, Default)]
pub(super) struct AccessIndex {
    /// Principals that a statement names, whatever it says of them.
    by_principal: OrdSet<(PrincipalId, KeyId)>,
    /// Accounts other than the key's own that a statement lets in.
    by_account: OrdSet<(AccountId, KeyId)>,
    /// Keys with a statement that lets in anyone.
    by_anyone: OrdSet<KeyId>,
}

impl AccessIndex {
    pub(super) fn put(&mut self, key: &Key) {
        let id = key.arn.id;
        for principal in principals(key) {
            self.by_principal.insert((principal, id));
        }
        for account in other_accounts(key) {
            self.by_account.insert((account, id));
        }
        if key.policy.lets_in.anyone {
            self.by_anyone.insert(id);
        }
    }

    pub(super) fn remove(&mut self, key: &Key) {
        let id = key.arn.id;
        for principal in principals(key) {
            self.by_principal.remove(&(principal, id));
        }
        for account in other_accounts(key) {
            self.by_account.remove(&(account, id));
        }
        self.by_anyone.remove(&id);
    }
}

impl View {
    /// The keys of a Region whose policies name this principal, to allow or to deny.
    pub fn keys_naming(&self, region: Region, principal: PrincipalId) -> impl Iterator<Item = &Arc<Key>> {
        self.regions.get(&region).into_iter().flat_map(move |view| {
            let from = view.access.by_principal.range((principal, KeyId::FIRST)..);
            let named = from.take_while(move |(named, _)| *named == principal);
            named.filter_map(|(_, id)| view.keys.get(id))
        })
    }

    /// The keys of other accounts in a Region whose policies let this account in, by itself or by a principal of its
    /// own. Those that let anyone in are [`Self::keys_for_anyone`].
    pub fn keys_letting_in(&self, region: Region, account: AccountId) -> impl Iterator<Item = &Arc<Key>> {
        self.regions.get(&region).into_iter().flat_map(move |view| {
            let from = view.access.by_account.range((account, KeyId::FIRST)..);
            let let_in = from.take_while(move |(let_in, _)| *let_in == account);
            let_in.filter_map(|(_, id)| view.keys.get(id))
        })
    }

    /// The keys of a Region whose policies let anyone in, as far as one statement tells.
    pub fn keys_for_anyone(&self, region: Region) -> impl Iterator<Item = &Arc<Key>> {
        self.regions
            .get(&region)
            .into_iter()
            .flat_map(|view| view.access.by_anyone.iter().filter_map(|id| view.keys.get(id)))
    }
}

fn principals(key: &Key) -> impl Iterator<Item = PrincipalId> {
    key.policy.record.principals.iter().filter_map(|(_, id)| id.parse().ok())
}

fn other_accounts(key: &Key) -> impl Iterator<Item = AccountId> {
    key.policy.lets_in.accounts.iter().copied().filter(|account| *account != key.arn.account)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use claviger_types::{AccountId, KeyId, PrincipalId, UserName};
    use serde_json::{Value, json};

    use crate::testing::test_kms::{AWAY, HOME, REGION, TestKms};

    fn put(kms: &TestKms, key: &str, statements: Vec<Value>) {
        let own = json!({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"});
        let statements: Vec<Value> = statements.into_iter().chain([own]).collect();
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": policy}));
    }

    fn statement(effect: &str, principal: &str) -> Value {
        json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": "kms:Encrypt", "Resource": "*"})
    }

    /// Keys by principal, by account and for anyone, as ids.
    fn found(kms: &TestKms, user: (&str, &str)) -> [Vec<KeyId>; 3] {
        let (view, region) = (kms.view(), REGION.parse().unwrap());
        let account: AccountId = user.0.parse().unwrap();
        let id = PrincipalId::User(view.user(account, &user.1.parse::<UserName>().unwrap()).unwrap().id);
        [
            view.keys_naming(region, id).map(|key| key.arn.id).collect(),
            view.keys_letting_in(region, account).map(|key| key.arn.id).collect(),
            view.keys_for_anyone(region).map(|key| key.arn.id).collect(),
        ]
    }

    #[test]
    fn keys_by_whom_their_policies_speak_of() {
        let kms = TestKms::new();
        kms.away().ok("CreateUser", json!({"UserName": "ann"}));
        let ann = format!("arn:aws:iam::{AWAY}:user/ann");
        let names = ["user", "account", "anyone", "denied", "own"];
        let keys: BTreeMap<&str, String> = names.into_iter().map(|name| (name, kms.key())).collect();
        put(&kms, &keys["user"], vec![statement("Allow", &ann)]);
        put(&kms, &keys["account"], vec![statement("Allow", AWAY), statement("Deny", "*")]);
        put(&kms, &keys["anyone"], vec![statement("Allow", "*")]);
        put(&kms, &keys["denied"], vec![statement("Deny", &ann)]);
        let ids = |names: &[&str]| {
            let mut ids: Vec<KeyId> = names.iter().map(|name| keys[name].parse().unwrap()).collect();
            ids.sort();
            ids
        };
        let want = [ids(&["user", "denied"]), ids(&["user", "account"]), ids(&["anyone"])];
        assert_eq!(found(&kms, (AWAY, "ann")), want);
        // The key's own account is not among the others.
        assert_eq!(found(&kms, (HOME, "admin")), [vec![], vec![], ids(&["anyone"])]);

        put(&kms, &keys["user"], vec![]);
        put(&kms, &keys["anyone"], vec![]);
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": keys["account"], "PendingWindowInDays": 7}));
        kms.pass(std::time::Duration::from_secs(7 * 86_400));
        kms.block_on(crate::jobs::persist(kms.service()));
        assert_eq!(found(&kms, (AWAY, "ann")), [ids(&["denied"]), vec![], vec![]]);
    }
}
