//! Wrapped keys as a damaged or meddled-with store would hold them: only what was wrapped opens, in its own place.

use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_keyring::{BackingKeyBinding, ClusterKey, SecretAccessKey, wrapping_version};
use claviger_types::{AccessKeyId, KeySpec};

use crate::world::{KEY_ID, domain_key, domain_scope, root};

/// Every layer's record in every layer's place.
pub fn wrapped_keys(campaign: Campaign) {
    let root = root();
    let (cluster, wrapped_cluster) = ClusterKey::generate(3, root.as_ref()).unwrap();
    let scope = domain_scope();
    let (domain, wrapped_domain) = cluster.generate_domain_key(scope, 5).unwrap();
    let binding = BackingKeyBinding { key_id: KEY_ID.parse().unwrap(), spec: KeySpec::Hmac256 };
    let backing = domain.generate_backing_key(binding).unwrap();
    let access_key_id: AccessKeyId = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    let secret = SecretAccessKey::generate().unwrap();
    let wrapped_secret = domain.wrap_secret_access_key(&access_key_id, &secret).unwrap();
    let strange_domain = domain_key(5);

    let samples = [&wrapped_cluster, &wrapped_domain, &backing.wrapped, &wrapped_secret];
    let words: [&[u8]; 3] = [&[0, 0, 0, 3], &[0, 0, 0, 5], &[1]];
    campaign.run(Edited::new(samples, words), |Bytes(bytes)| {
        let opened = [
            ClusterKey::unwrap(3, bytes, root.as_ref()).is_ok(),
            cluster.unwrap_domain_key(scope, 5, bytes).is_ok(),
            domain.unwrap_backing_key(binding, &backing.material_id, bytes).is_ok(),
            domain.unwrap_secret_access_key(&access_key_id, bytes).is_ok(),
        ];
        assert_eq!(opened, samples.map(|sample| sample == bytes));
        assert!(ClusterKey::unwrap(4, bytes, root.as_ref()).is_err());
        assert!(cluster.unwrap_domain_key(scope, 6, bytes).is_err());
        assert!(strange_domain.unwrap_backing_key(binding, &backing.material_id, bytes).is_err());
        assert!(strange_domain.unwrap_secret_access_key(&access_key_id, bytes).is_err());
        wrapping_version(bytes).is_some()
    });
}
