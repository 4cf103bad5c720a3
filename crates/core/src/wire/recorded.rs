//! What an audit event shows of a request and of an answer: their members by the model, in CBOR.
//!
//! Never shown are blobs, what the model marks as sensitive, and what `models/deviations.json` conceals beside it: grant
//! tokens, session tokens, codes of MFA devices. Texts, whole numbers, truth, lists, structures (maps by the members'
//! names) and points in time (64-bit floats: seconds) are written in their shortest form with their length in front, so
//! that there is one encoding. Where there is no room, CBOR's `undefined` stands instead.

use std::collections::HashSet;
use std::fmt;

use claviger_types::ServiceName;
use minicbor::Encoder;
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::model::{self, Kind};
use super::reply;
use super::shape::{Fields, Value};

/// A request's members, in bytes: a key policy of the largest size fits.
const REQUEST_BYTES_MAX: usize = 40 * 1024;

/// An answer's members, in bytes.
const REPLY_BYTES_MAX: usize = 16 * 1024;

/// Most requests fit.
const CAPACITY: usize = 256;

/// What stands where there is no room: CBOR's `undefined`.
pub const OMITTED: [u8; 1] = [0xf7];

/// The members of a request.
pub fn request(fields: &Fields) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CAPACITY);
    structure(fields, &mut Encoder::new(&mut bytes));
    bounded(bytes, REQUEST_BYTES_MAX)
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
    let shown = Members { concealed }.deserialize(&mut deserializer).ok()??;
    Some(bounded(shown, REPLY_BYTES_MAX))
}

fn bounded(bytes: Vec<u8>, max: usize) -> Vec<u8> {
    if bytes.len() <= max { bytes } else { OMITTED.to_vec() }
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

/// Reads the JSON of a reply; `None` is null. A value is written before the container around it, whose length it decides.
#[derive(Clone, Copy)]
struct Members<'a> {
    concealed: &'a HashSet<Box<str>>,
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
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.concealed.contains(name.as_str()) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(it) = map.next_value_seed(self)? {
                members.push((name, it));
            }
        }
        // A list, as the Query protocol has it.
        if let [(name, list)] = members.as_slice()
            && name == "member"
        {
            return Ok(Some(list.clone()));
        }
        let mut shown = encoded(|e| drop(e.map(members.len() as u64)));
        for (name, it) in members {
            shown.extend(encoded(|e| drop(e.str(&name))));
            shown.extend(it);
        }
        Ok(Some(shown))
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
        let long = json!({"Description": "d".repeat(REQUEST_BYTES_MAX)}).to_string();
        assert_eq!(request(&json::decode(members("CreateKey"), long.as_bytes()).unwrap()), OMITTED);
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
        let long = json!({"GrantId": "g".repeat(REPLY_BYTES_MAX)});
        assert_eq!(reply(ServiceName::Kms, "CreateGrant", &long), Some(OMITTED.to_vec()));
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
