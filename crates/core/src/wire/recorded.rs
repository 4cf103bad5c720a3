//! What an audit event shows of a request and of an answer: their members by the model, in CBOR.
//!
//! Never shown are blobs, what the model marks as sensitive, and what `models/deviations.json` conceals beside it: grant
//! tokens, session tokens, codes of MFA devices. Texts, whole numbers, truth, lists, structures (maps by the members'
//! names) and points in time (64-bit floats: seconds) are written in their shortest form with their length in front, so
//! that there is one encoding.
//!
//! What is too long loses the blanks of its policies, then its longest members, policies last: nobody can push one out of
//! the trail by adding tags or blanks. A member that is left out is a byte string: its length (8 bytes) and its SHA-256, both as it would stand there.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt;

use claviger_keyring::sha256;
use claviger_types::ServiceName;
use minicbor::{Decoder, Encoder};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::model::{self, Kind};
use super::reply;
use super::shape::{Fields, Value};

/// A request's members, in bytes: a key policy of the largest size fits.
const REQUEST_BYTES_MAX: usize = 40 * 1024;

/// Those of a request that was refused: whoever may do nothing shall not fill the log.
const REFUSED_BYTES_MAX: usize = 4 * 1024;

/// An answer's members, in bytes.
const REPLY_BYTES_MAX: usize = 16 * 1024;

/// A structure in an answer has so much less room than the one around it, so that the others there fit beside it.
const REPLY_BYTES_BESIDE: usize = 1024;

/// Members that hold policies. IAM does not count the blanks in them.
const POLICIES: [&str; 4] = ["AssumeRolePolicyDocument", "Content", "Policy", "PolicyDocument"];

/// What stands for a member that is left out: a head, a length, a hash.
const LEFT_OUT_BYTES: usize = 2 + 8 + 32;

/// Most requests fit.
const CAPACITY: usize = 256;

/// What stands for all members where there is no room for any: CBOR's `undefined`.
pub const OMITTED: [u8; 1] = [0xf7];

/// The members of a request.
pub fn request(fields: &Fields) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CAPACITY);
    structure(fields, &mut Encoder::new(&mut bytes));
    fitting(bytes, REQUEST_BYTES_MAX)
}

/// What is kept of the members of a request that was refused.
pub fn of_refused(parameters: &[u8]) -> Cow<'_, [u8]> {
    match parameters.len() <= REFUSED_BYTES_MAX {
        true => Cow::Borrowed(parameters),
        false => Cow::Owned(fitting(parameters.to_vec(), REFUSED_BYTES_MAX)),
    }
}

/// Whether the request has members that are neither shown nor blobs: a text about it may hold them.
pub fn conceals(fields: &Fields) -> bool {
    fields
        .iter()
        .any(|(member, value)| value.is_some() && member.rule.concealed && !matches!(member.rule.kind, Kind::Blob))
}

/// The members of a reply; none if it has none.
pub fn reply<T: Serialize>(service: ServiceName, operation: &str, reply: &T) -> Option<Vec<u8>> {
    let concealed = &model::operation(service, operation)?.concealed_output;
    let json = reply::to_json(reply).ok()?;
    let mut deserializer = serde_json::Deserializer::from_slice(json.as_ref());
    Members { concealed, room: REPLY_BYTES_MAX }.deserialize(&mut deserializer).ok()?
}

/// A member's name, and its value as an item of CBOR.
type NamedItem<'m> = (&'m str, Cow<'m, [u8]>);

/// A map, without its longest members if it is longer than that.
fn fitting(map: Vec<u8>, max: usize) -> Vec<u8> {
    if map.len() <= max { map } else { shortened(&map, max).unwrap_or_else(|| OMITTED.to_vec()) }
}

fn shortened(map: &[u8], max: usize) -> Option<Vec<u8>> {
    let mut members = members_of(map)?;
    for (_, item) in members.iter_mut().filter(|(name, _)| is_policy(name)) {
        let Ok(policy) = Decoder::new(item).str() else { continue };
        let shorter = encoded(|e| drop(e.str(&without_blanks(policy))));
        *item = Cow::Owned(shorter);
    }
    let mut excess = map_of(&members).len().saturating_sub(max);
    let mut longest_first: Vec<_> = members.iter_mut().collect();
    longest_first.sort_by_key(|(name, item)| (is_policy(name), Reverse(item.len())));
    for (_, item) in longest_first {
        if excess > 0 && item.len() > LEFT_OUT_BYTES {
            excess = excess.saturating_sub(item.len() - LEFT_OUT_BYTES);
            *item = Cow::Owned(left_out(item));
        }
    }
    let shown = map_of(&members);
    (shown.len() <= max).then_some(shown)
}

fn map_of(members: &[NamedItem<'_>]) -> Vec<u8> {
    let mut map = encoded(|e| drop(e.map(members.len() as u64)));
    for (name, item) in members {
        map.extend(encoded(|e| drop(e.str(name))));
        map.extend_from_slice(item);
    }
    map
}

fn members_of(map: &[u8]) -> Option<Vec<NamedItem<'_>>> {
    let mut d = Decoder::new(map);
    let members = d.map().ok()??;
    let mut member = || {
        let name = d.str().ok()?;
        let start = d.position();
        d.skip().ok()?;
        Some((name, Cow::Borrowed(map.get(start..d.position())?)))
    };
    (0..members).map(|_| member()).collect()
}

fn is_policy(member: &str) -> bool {
    POLICIES.contains(&member)
}

fn left_out(item: &[u8]) -> Vec<u8> {
    let told = [&(item.len() as u64).to_be_bytes()[..], &sha256(item)].concat();
    encoded(|e| drop(e.bytes(&told)))
}

// INVARIANT for all of the following: writing to a Vec cannot fail.

fn structure(fields: &Fields, e: &mut Encoder<&mut Vec<u8>>) {
    let shown = || fields.iter().filter(|(member, _)| !member.rule.concealed);
    let shown = || shown().filter_map(|(member, value)| Some((&*member.name, value?)));
    let _ = e.map(shown().count() as u64);
    for (name, member) in shown() {
        let _ = e.str(name);
        value(member, e);
    }
}

fn value(shown: &Value, e: &mut Encoder<&mut Vec<u8>>) {
    match shown {
        // Concealed members are none of those that are shown.
        Value::Blob(_) | Value::Secret(_) => drop(e.undefined()),
        Value::Boolean(it) => drop(e.bool(*it)),
        Value::Integer(it) => drop(e.i64(*it)),
        Value::List(values) => {
            let _ = e.array(values.len() as u64);
            values.iter().for_each(|it| value(it, e));
        }
        Value::Map(pairs) => {
            let _ = e.map(pairs.len() as u64);
            for (name, it) in pairs {
                let _ = e.str(name).map(|e| e.str(it).map(drop));
            }
        }
        Value::String(it) => drop(e.str(it)),
        Value::Structure(fields) => structure(fields, e),
        #[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
        Value::Timestamp(it) => drop(e.f64(it.as_millis() as f64 / 1000.0)),
    }
}

/// JSON without the blanks between its parts.
fn without_blanks(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let shown = |letter: &char| {
        if in_text {
            in_text = escaped || *letter != '"';
            escaped = !escaped && *letter == '\\';
            return true;
        }
        in_text = *letter == '"';
        !matches!(letter, ' ' | '\n' | '\r' | '\t')
    };
    json.chars().filter(shown).collect()
}

/// Reads the JSON of a reply; `None` is null. A value is written before the container around it, whose length it decides.
#[derive(Clone, Copy)]
struct Members<'a> {
    concealed: &'a HashSet<Box<str>>,
    /// How long a map may be.
    room: usize,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Option<Vec<u8>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Option<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Self::Value, E> {
        Ok(Some(encoded(|e| drop(e.bool(it)))))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Self::Value, E> {
        Ok(Some(encoded(|e| drop(e.i64(it)))))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Self::Value, E> {
        Ok(Some(encoded(|e| drop(e.u64(it)))))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Self::Value, E> {
        Ok(Some(encoded(|e| drop(e.f64(it)))))
    }

    fn visit_str<E>(self, it: &str) -> Result<Self::Value, E> {
        Ok(Some(encoded(|e| drop(e.str(it)))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(it) = sequence.next_element_seed(self)? {
            values.extend(it);
        }
        let mut list = encoded(|e| drop(e.array(values.len() as u64)));
        values.iter().for_each(|it| list.extend_from_slice(it));
        Ok(Some(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let below = Members { room: self.room.saturating_sub(REPLY_BYTES_BESIDE), ..self };
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.concealed.contains(name.as_str()) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(it) = map.next_value_seed(below)? {
                members.push((name, it));
            }
        }
        // A list, as the Query protocol has it.
        if let [(name, list)] = members.as_slice()
            && name == "member"
        {
            return Ok(Some(list.clone()));
        }
        let members: Vec<NamedItem<'_>> = members.iter().map(|(name, it)| (name.as_str(), it.into())).collect();
        Ok(Some(fitting(map_of(&members), self.room)))
    }
}

fn encoded(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder::new(&mut bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::json;

    fn members(operation: &str) -> &'static model::Structure {
        &model::operation(ServiceName::Kms, operation).unwrap().input
    }

    /// Source: RFC 8949, section 4.2.1: the shortest form, definite lengths.
    #[test]
    fn requests() {
        let body = r#"{"DryRun":false,"Plaintext":"AAAA","KeyId":"k","GrantTokens":["t"],"EncryptionContext":{"b":"2","a":"1"}}"#;
        let fields = json::decode(members("Encrypt"), body.as_bytes()).unwrap();
        let want = encoded(|e| {
            let _ = e.map(3).and_then(|e| e.str("KeyId")?.str("k")?.str("EncryptionContext")?.map(2));
            let _ = e.str("a").and_then(|e| e.str("1")?.str("b")?.str("2")?.str("DryRun")?.bool(false));
        });
        assert_eq!(request(&fields), want);
        assert!(conceals(&fields), "a grant token");
        let fields = json::decode(members("Encrypt"), br#"{"Plaintext":"AAAA"}"#).unwrap();
        assert_eq!((request(&fields), conceals(&fields)), (vec![0xa0], false));
    }

    fn create_key(body: &serde_json::Value) -> Vec<u8> {
        request(&json::decode(members("CreateKey"), body.to_string().as_bytes()).unwrap())
    }

    /// A policy stays, however it is padded and whatever stands beside it.
    #[test]
    fn long_requests() {
        let policy = r#"{"Statement": [{"Sid": "a \\\" b","Effect": "Allow"}]}"#;
        let padded = policy.replace(": ", &format!(":{}\n\t\r", " ".repeat(REQUEST_BYTES_MAX)));
        let want = encoded(|e| {
            let _ = e.map(1).and_then(|e| e.str("Policy")?.str(&policy.replace(": ", ":")));
        });
        assert_eq!(create_key(&json!({"Policy": padded})), want);
        assert_ne!(create_key(&json!({"Policy": policy})), want, "a short one stands as it was sent");

        let tags: Vec<_> =
            (0..50).map(|n| json!({"TagKey": n.to_string(), "TagValue": "\u{1d400}".repeat(256)})).collect();
        let policy = format!("{{{}}}", "p".repeat(32_764));
        for (tags, description) in [(&tags[..], "d"), (&tags[..20], "d"), (&tags[..0], &*policy)] {
            let body = json!({"Tags": tags}).to_string();
            let whole = json::decode(members("CreateKey"), body.as_bytes()).unwrap();
            let whole = encoded(|e| structure(&whole, e));
            let shown = create_key(&json!({"Description": description, "Policy": policy, "Tags": tags}));
            assert!(shown.len() <= REQUEST_BYTES_MAX, "{}", shown.len());
            let shown = members_of(&shown).unwrap();
            let item = |name: &str| shown.iter().find(|(member, _)| *member == name).unwrap().1.to_vec();
            assert_eq!(item("Policy"), encoded(|e| drop(e.str(&policy))));
            let description = encoded(|e| drop(e.str(description)));
            assert_eq!(item("Description"), if tags.is_empty() { left_out(&description) } else { description });
            if !tags.is_empty() {
                assert_eq!(item("Tags"), left_out(&members_of(&whole).unwrap()[0].1));
            }
        }
        let long = json!({"Description": "d".repeat(REQUEST_BYTES_MAX)});
        let text = encoded(|e| drop(e.str(&"d".repeat(REQUEST_BYTES_MAX))));
        assert_eq!(members_of(&create_key(&long)).unwrap(), [("Description", left_out(&text).into())]);
        assert_eq!(left_out(&text).len(), LEFT_OUT_BYTES);
    }

    /// Of a refused request less is kept, and of a short one all.
    #[test]
    fn refused_requests() {
        let request = |length: usize| create_key(&json!({"Description": "d".repeat(length), "Policy": "{}"}));
        let (short, long) = (request(100), request(REFUSED_BYTES_MAX));
        assert_eq!(of_refused(&short), short);
        let kept = of_refused(&long);
        let [(_, policy), (_, description)] = &members_of(&kept).unwrap()[..] else { panic!("{kept:?}") };
        assert_eq!(policy.as_ref(), encoded(|e| drop(e.str("{}"))));
        assert_eq!(description.as_ref(), left_out(&encoded(|e| drop(e.str(&"d".repeat(REFUSED_BYTES_MAX))))));
        assert_eq!(of_refused(&[0; REFUSED_BYTES_MAX + 1])[..], OMITTED, "what is no map");
    }

    #[test]
    fn replies() {
        let json =
            json!({"GrantId": "g", "GrantToken": "t", "Nothing": null, "List": {"member": [1, true]}, "At": 1.5});
        let want = encoded(|e| {
            let _ = e.map(3).and_then(|e| e.str("At")?.f64(1.5)?.str("GrantId")?.str("g")?.str("List")?.array(2));
            let _ = e.u8(1).and_then(|e| e.bool(true));
        });
        assert_eq!(reply(ServiceName::Kms, "CreateGrant", &json), Some(want));
        assert_eq!(reply(ServiceName::Kms, "EnableKey", &()), None);
        // What was made is told, whatever was said of it.
        let long = json!({"Role": {"Document": "d".repeat(REPLY_BYTES_MAX), "RoleId": "r"}});
        let shown = reply(ServiceName::Kms, "CreateGrant", &long).unwrap();
        let [("Role", role)] = &members_of(&shown).unwrap()[..] else { panic!("{shown:?}") };
        let document = left_out(&encoded(|e| drop(e.str(&"d".repeat(REPLY_BYTES_MAX)))));
        let id = encoded(|e| drop(e.str("r")));
        assert_eq!(members_of(role).unwrap(), [("Document", document.into()), ("RoleId", id.into())]);
    }

    /// Each member that holds a secret, by the models of the services that have one.
    #[test]
    fn what_is_concealed() {
        for (service, operation, input, output) in [
            (ServiceName::Kms, "Decrypt", &["CiphertextBlob", "GrantTokens"][..], &["Plaintext"][..]),
            (ServiceName::Kms, "Encrypt", &["Plaintext", "GrantTokens"], &["CiphertextBlob"]),
            (ServiceName::Kms, "GenerateMac", &["Message", "GrantTokens"], &["Mac"]),
            (ServiceName::Kms, "RetireGrant", &["GrantToken"], &[]),
            (ServiceName::Kms, "CreateGrant", &["GrantTokens"], &["GrantToken"]),
            (ServiceName::Sts, "AssumeRole", &["TokenCode"], &["SecretAccessKey", "SessionToken"]),
            (ServiceName::Sts, "GetSessionToken", &["TokenCode"], &["SecretAccessKey", "SessionToken"]),
            (ServiceName::Iam, "CreateAccessKey", &[], &["SecretAccessKey"]),
            (ServiceName::Iam, "CreateVirtualMFADevice", &[], &["Base32StringSeed", "QRCodePNG"]),
            (ServiceName::Iam, "EnableMFADevice", &["AuthenticationCode1", "AuthenticationCode2"], &[]),
            (ServiceName::Claviger, "CreateAccount", &["SecretAccessKey"], &["SecretAccessKey"]),
        ] {
            let model = model::operation(service, operation).unwrap();
            let concealed = model.input.members().iter().filter(|member| member.rule.concealed);
            let mut concealed: Vec<_> =
                concealed.map(|member| &*member.name).filter(|name| *name != "Recipient").collect();
            concealed.sort_unstable();
            let mut input = input.to_vec();
            input.sort_unstable();
            assert_eq!(concealed, input, "{operation}");
            let missing = output.iter().find(|name| !model.concealed_output.contains(**name));
            assert_eq!(missing, None, "{operation}");
        }
    }
}
