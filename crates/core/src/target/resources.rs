//! What an audit event names of a request's target: keys apart, since they are what later questions are about.

use claviger_keyring::KeyMaterialId;
use claviger_types::{GrantId, KeyArn};
use smallvec::SmallVec;

use crate::records::{Addressed, KeyUseRecord};

/// Which backing keys a request uses, in the order in which its target names the keys.
pub type Materials = [Option<KeyMaterialId>; 2];

/// Keys, and the ARNs of whatever else.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Keys, mostly one. For ReEncrypt the source comes first.
    pub keys: SmallVec<[KeyUseRecord; 1]>,
    /// ARNs of all others.
    pub arns: Vec<String>,
    /// Nobody asks for them.
    unwanted: bool,
}

impl Resources {
    /// Keeps nothing, for a request that leaves no event.
    pub fn unwanted() -> Self {
        Self { unwanted: true, ..Self::default() }
    }

    /// A key, and how the request names it.
    pub fn key(&mut self, key: &KeyArn, addressed: Addressed) {
        if self.unwanted {
            return;
        }
        self.keys.push(KeyUseRecord {
            account: key.account.as_u64(),
            id: *key.id.as_bytes(),
            multi_region: key.id.is_multi_region(),
            addressed,
            material: None,
            grant: None,
        });
    }

    /// A grant, and the key that it is on.
    pub fn grant(&mut self, key: &KeyArn, id: GrantId) {
        self.key(key, Addressed::Otherwise);
        if let Some(key) = self.keys.last_mut() {
            key.grant = Some(*id.as_bytes());
        }
    }

    /// Something else.
    pub fn arn(&mut self, arn: impl Into<String>) {
        if !self.unwanted {
            self.arns.push(arn.into());
        }
    }

    /// Keys that a job acted upon.
    pub fn of_keys<'a>(keys: impl IntoIterator<Item = &'a KeyArn>) -> Self {
        let mut resources = Self::default();
        keys.into_iter().for_each(|key| resources.key(key, Addressed::Otherwise));
        resources
    }

    /// Something that a job acted upon.
    pub fn of_arn(arn: impl ToString) -> Self {
        Self { arns: vec![arn.to_string()], ..Self::default() }
    }

    /// Which backing keys of the keys are used, in the same order.
    pub fn materials(&mut self, materials: impl FnOnce() -> Materials) {
        if self.unwanted {
            return;
        }
        for (key, material) in self.keys.iter_mut().zip(materials()) {
            key.material = material.map(|id| *id.as_bytes());
        }
    }

    /// Others beside these.
    pub fn extend(&mut self, others: &Self) {
        self.keys.extend_from_slice(&others.keys);
        self.arns.extend_from_slice(&others.arns);
    }
}
