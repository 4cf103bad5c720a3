//! Sealed tokens, pagination markers and sessions: only what was handed out opens, and only in its own place.

use claviger_core::Session;
use claviger_core::records::{self, SessionRecord, SessionTagRecord};
use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_keyring::{TokenPurpose, sealed_version};
use claviger_types::SessionKeyId;

use crate::world::{World, cluster_key};

const PLACE: &[u8] = b"111122223333/ListKeys/";

/// Tokens that were handed out, edited.
pub fn tokens(campaign: Campaign) {
    let cluster = cluster_key(7);
    let key = cluster.token_key(TokenPurpose::Marker).unwrap();
    let of_grants = cluster.token_key(TokenPurpose::Grant).unwrap();
    let strange = cluster_key(7).token_key(TokenPurpose::Marker).unwrap();
    let sealed: Vec<(Vec<u8>, &[u8])> =
        [&b""[..], b"after this", &[0; 200]].map(|text| (key.seal(PLACE, text).unwrap(), text)).into();
    let samples: Vec<&Vec<u8>> = sealed.iter().map(|(sealed, _)| sealed).collect();
    campaign.run(Edited::new(samples, [[1, 0, 0, 0, 7], [1, 0, 0, 0, 8]]), |Bytes(token)| {
        let handed_out = sealed.iter().find(|(sealed, _)| sealed == token);
        let opened = key.open(PLACE, token);
        assert_eq!(opened.as_ref().map(|opened| opened.as_bytes()), handed_out.map(|(_, text)| *text));
        assert!(strange.open(PLACE, token).is_none(), "another key opens it");
        assert!(of_grants.open(PLACE, token).is_none(), "it passes for a grant's");
        for place in [&b""[..], b"111122223333/ListKeys", b"111122223333/ListKeys//"] {
            assert!(key.open(place, token).is_none(), "it opens in another place");
        }
        assert!(opened.is_none() || sealed_version(token) == Some(7));
        opened.is_some()
    });
}

/// Sessions' tokens that were handed out, edited, with each other's access keys.
pub fn session_tokens(campaign: Campaign) {
    let (world, strange) = (World::new(), World::new());
    let handed_out: Vec<(SessionKeyId, String)> = (0..3).map(|_| world.session()).collect();
    let samples = handed_out.iter().map(|(_, token)| token);
    campaign.run(Edited::new(samples, ["=", "-", "_", "AQAAAAE", "AQAAAAI"]), |Bytes(token)| {
        let mut opened = false;
        for (id, own) in &handed_out {
            let session = Session::open(&world.service.view(), *id, token);
            assert_eq!(session.is_some(), own.as_bytes() == token, "{id}");
            assert!(Session::open(&strange.service.view(), *id, token).is_none(), "another deployment opens it");
            opened |= session.is_some();
        }
        opened
    });
}

/// What tokens say, edited, as if whoever did it had the session key: it is read whole or not at all.
pub fn session_payloads(campaign: Campaign) {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#;
    let of_user = SessionRecord {
        account: 111_122_223_333,
        principal: "AIDA7777777777777777".into(),
        role_session_name: None,
        issued_at: 1_700_000_000_000,
        expires_at: 1_700_000_900_000,
        mfa_at: Some(1_700_000_000_000),
        source_identity: None,
        tags: Vec::new(),
        policy: None,
        policy_arns: Vec::new(),
        assumed_through: Vec::new(),
    };
    let of_role = SessionRecord {
        principal: "AROA7777777777777777".into(),
        role_session_name: Some("session-1".into()),
        source_identity: Some("ann".into()),
        tags: vec![SessionTagRecord { key: "team".into(), value: "blue".into(), transitive: true }],
        policy: Some(policy.into()),
        policy_arns: vec!["arn:aws:iam::111122223333:policy/p".into()],
        assumed_through: vec!["AIDA7777777777777777".into()],
        ..of_user.clone()
    };
    let id: SessionKeyId = "ASIA7777777777777777".parse().unwrap();
    let words: [&[u8]; 6] = [&[0xf6], &[0x80], &[0xff], b"AIDA7777777777777777", b"AROA7777777777777776", &[0x1b; 9]];
    campaign.run(Edited::new([records::encode(&of_user), records::encode(&of_role)], words), |Bytes(bytes)| {
        let Ok(session) = Session::from_bytes(id, 1, bytes) else { return false };
        let record: SessionRecord = records::decode(bytes).unwrap();
        let read = (session.account.as_u64(), session.issued_at.as_millis(), session.expires_at.as_millis());
        assert_eq!(read, (record.account, record.issued_at, record.expires_at));
        let lengths = [session.policy_arns.len(), session.tags.len(), session.assumed_through.len()];
        assert_eq!(lengths, [record.policy_arns.len(), record.tags.len(), record.assumed_through.len()]);
        true
    });
}
