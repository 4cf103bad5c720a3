//! Key policies, each text held and compiled once however many keys have it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use claviger_policy::{KeyPolicy, KeyPolicyDocument, LetIn};
use claviger_types::{PrincipalArn, PrincipalId};

use crate::records::KeyPolicyRecord;

/// A key policy with what it was compiled to.
pub struct InternedPolicy {
    /// As stored.
    pub record: KeyPolicyRecord,
    /// As decided upon.
    pub compiled: KeyPolicy,
    /// Whom it lets in, for the indexes that lead from accounts to keys.
    pub lets_in: LetIn,
}

/// The policies that some key has.
#[derive(Default)]
pub struct PolicyInterner {
    by_content: HashMap<KeyPolicyRecord, Weak<InternedPolicy>>,
    sweep_at: usize,
}

impl PolicyInterner {
    /// The policy of this content, compiled at most once. The error says what the stored policy cannot be compiled for.
    pub fn intern(&mut self, record: KeyPolicyRecord) -> Result<Arc<InternedPolicy>, String> {
        if let Some(policy) = self.by_content.get(&record).and_then(Weak::upgrade) {
            return Ok(policy);
        }
        let (compiled, lets_in) = compile(&record)?;
        let policy = Arc::new(InternedPolicy { record: record.clone(), compiled, lets_in });
        self.sweep();
        self.by_content.insert(record, Arc::downgrade(&policy));
        Ok(policy)
    }

    /// Forgets policies that no key has any more, once the table has doubled: amortized, it costs nothing.
    fn sweep(&mut self) {
        if self.by_content.len() >= self.sweep_at {
            self.by_content.retain(|_, policy| policy.strong_count() > 0);
            self.sweep_at = (2 * self.by_content.len()).max(1024);
        }
    }
}

/// Compiles a stored policy with the unique ids that its users had when it was put.
fn compile(record: &KeyPolicyRecord) -> Result<(KeyPolicy, LetIn), String> {
    let document = KeyPolicyDocument::parse(&record.document).map_err(|error| error.to_string())?;
    let users = record.users.iter().map(|(arn, id)| Ok((arn.parse()?, id.parse()?)));
    let users = users
        .collect::<Result<Vec<(PrincipalArn, PrincipalId)>, claviger_types::Malformed>>()
        .map_err(|error| error.to_string())?;
    let lets_in = document.lets_in();
    document.compile(&users).map(|policy| (policy, lets_in)).map_err(|error| error.to_string())
}
