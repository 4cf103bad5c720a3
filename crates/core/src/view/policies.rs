//! Policies, each text held and compiled once however many keys or principals have it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use claviger_policy::{IdentityPolicy, KeyPolicy, KeyPolicyDocument, LetIn, TrustPolicy, TrustPolicyDocument};
use claviger_types::{PrincipalArn, PrincipalId};

use crate::records::{KeyPolicyRecord, TrustPolicyRecord};

/// A key policy with what it was compiled to.
pub struct InternedPolicy {
    /// As stored.
    pub record: KeyPolicyRecord,
    /// As decided upon.
    pub compiled: KeyPolicy,
    /// Whom it lets in, for the indexes that lead from accounts to keys.
    pub lets_in: LetIn,
}

/// A policy of principals with what it was compiled to.
pub struct IdentityDocument {
    /// The text, as put.
    pub text: Box<str>,
    /// As decided upon.
    pub compiled: Arc<IdentityPolicy>,
}

/// A role's trust policy with what it was compiled to.
pub struct TrustDocument {
    /// As stored.
    pub record: TrustPolicyRecord,
    /// As decided upon.
    pub compiled: TrustPolicy,
}

/// The policies that some key or principal has.
#[derive(Default)]
pub struct PolicyInterner {
    trust: Interner<TrustPolicyRecord, TrustDocument>,
    keys: Interner<KeyPolicyRecord, InternedPolicy>,
    identities: Interner<Box<str>, IdentityDocument>,
}

impl PolicyInterner {
    /// The policy of this content, compiled at most once. The error says what the stored policy cannot be compiled for.
    pub fn intern(&mut self, record: KeyPolicyRecord) -> Result<Arc<InternedPolicy>, String> {
        self.keys.intern(&record, |record| {
            let (compiled, lets_in) = compile(record)?;
            Ok((record.clone(), InternedPolicy { record: record.clone(), compiled, lets_in }))
        })
    }

    /// The trust policy of this content, compiled at most once.
    pub fn intern_trust(&mut self, record: &TrustPolicyRecord) -> Result<Arc<TrustDocument>, String> {
        self.trust.intern(record, |record| {
            let compiled = compile_trust(record)?;
            Ok((record.clone(), TrustDocument { record: record.clone(), compiled }))
        })
    }

    /// The identity policy of this text, compiled at most once.
    pub fn intern_identity(&mut self, text: &str) -> Result<Arc<IdentityDocument>, String> {
        self.identities.intern(text, |text| {
            let compiled = Arc::new(IdentityPolicy::parse(text).map_err(|error| error.to_string())?);
            Ok((text.into(), IdentityDocument { text: text.into(), compiled }))
        })
    }
}

/// Compiles a stored trust policy with the unique ids that its principals had when it was put.
fn compile_trust(record: &TrustPolicyRecord) -> Result<TrustPolicy, String> {
    let document = TrustPolicyDocument::parse(&record.document).map_err(|error| error.to_string())?;
    document.compile(&ids(&record.principals)?).map_err(|error| error.to_string())
}

/// ARNs with unique ids, as stored.
fn ids(stored: &[(String, String)]) -> Result<Vec<(PrincipalArn, PrincipalId)>, String> {
    let pairs = stored.iter().map(|(arn, id)| Ok((arn.parse()?, id.parse()?)));
    pairs.collect::<Result<_, claviger_types::Malformed>>().map_err(|error| error.to_string())
}

/// Values by what they were made of, as long as somebody holds them.
struct Interner<K, V> {
    by_content: HashMap<K, Weak<V>>,
    sweep_at: usize,
}

impl<K, V> Default for Interner<K, V> {
    fn default() -> Self {
        Self { by_content: HashMap::new(), sweep_at: 0 }
    }
}

impl<K: Eq + Hash, V> Interner<K, V> {
    fn intern<Q: Eq + Hash + ?Sized>(
        &mut self,
        content: &Q,
        make: impl FnOnce(&Q) -> Result<(K, V), String>,
    ) -> Result<Arc<V>, String>
    where
        K: Borrow<Q>,
    {
        if let Some(value) = self.by_content.get(content).and_then(Weak::upgrade) {
            return Ok(value);
        }
        let (key, value) = make(content)?;
        let value = Arc::new(value);
        self.sweep();
        self.by_content.insert(key, Arc::downgrade(&value));
        Ok(value)
    }

    /// Forgets what nobody has any more, once the table has doubled: amortized, it costs nothing.
    fn sweep(&mut self) {
        if self.by_content.len() >= self.sweep_at {
            self.by_content.retain(|_, value| value.strong_count() > 0);
            self.sweep_at = (2 * self.by_content.len()).max(1024);
        }
    }
}

/// Compiles a stored policy with the unique ids that its principals had when it was put.
fn compile(record: &KeyPolicyRecord) -> Result<(KeyPolicy, LetIn), String> {
    let document = KeyPolicyDocument::parse(&record.document).map_err(|error| error.to_string())?;
    let lets_in = document.lets_in();
    let policy = document.compile(&ids(&record.principals)?).map_err(|error| error.to_string())?;
    Ok((policy, lets_in))
}
