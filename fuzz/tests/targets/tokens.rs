//! Sealed tokens, such as pagination markers: only what was handed out opens, and only in its own place.

use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_keyring::{TokenPurpose, sealed_version};

use crate::world::cluster_key;

const PLACE: &[u8] = b"111122223333/ListKeys/";

/// Tokens that were handed out, edited.
pub fn tokens(campaign: Campaign) {
    let cluster = cluster_key(7);
    let key = cluster.token_key(TokenPurpose::Marker).unwrap();
    let strange = cluster_key(7).token_key(TokenPurpose::Marker).unwrap();
    let sealed: Vec<(Vec<u8>, &[u8])> =
        [&b""[..], b"after this", &[0; 200]].map(|text| (key.seal(PLACE, text).unwrap(), text)).into();
    let samples: Vec<&Vec<u8>> = sealed.iter().map(|(sealed, _)| sealed).collect();
    campaign.run(Edited::new(samples, [[1, 0, 0, 0, 7], [1, 0, 0, 0, 8]]), |Bytes(token)| {
        let handed_out = sealed.iter().find(|(sealed, _)| sealed == token);
        let opened = key.open(PLACE, token);
        assert_eq!(opened.as_ref().map(|opened| opened.as_bytes()), handed_out.map(|(_, text)| *text));
        assert!(strange.open(PLACE, token).is_none(), "another key opens it");
        for place in [&b""[..], b"111122223333/ListKeys", b"111122223333/ListKeys//"] {
            assert!(key.open(place, token).is_none(), "it opens in another place");
        }
        assert!(opened.is_none() || sealed_version(token) == Some(7));
        opened.is_some()
    });
}
