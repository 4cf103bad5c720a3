//! Replies as bytes: JSON 1.1 objects and Query documents. A reply may hold a plaintext or a secret access key, so its
//! bytes are wiped on drop, and no copy is left behind while the buffer grows.

use std::{fmt, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use claviger_types::ServiceName;
use serde::Serialize;
use zeroize::Zeroize;

use super::model;

/// Encodes an operation's reply in its service's protocol: for JSON the body, for Query the element `<NameResult>`.
/// Operations without output have an empty one.
pub fn encode<T: Serialize>(service: ServiceName, operation: &str, reply: &T) -> Result<Encoded, Unencodable> {
    match service {
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => {
            let json = to_json(reply)?;
            // Only a short one can stand for no output, so the others save the look-up.
            if json.0.len() <= "null".len() && !has_output(service, operation) {
                Ok(Encoded::empty())
            } else {
                Ok(Encoded(json))
            }
        }
        ServiceName::Iam | ServiceName::Sts if !has_output(service, operation) => Ok(Encoded::empty()),
        ServiceName::Iam | ServiceName::Sts => to_xml(&format!("{operation}Result"), reply).map(Encoded),
    }
}

/// The bytes of an encoded reply.
pub struct Encoded(Buffer);

impl Encoded {
    /// A reply without anything.
    pub fn empty() -> Self {
        Self(Buffer(Vec::new()))
    }
}

impl AsRef<[u8]> for Encoded {
    fn as_ref(&self) -> &[u8] {
        &self.0.0
    }
}

/// The reply holds something that its protocol cannot express, such as a map whose keys are no texts. A fault of the
/// operation, never of the caller.
#[derive(Debug, thiserror::Error)]
pub enum Unencodable {
    /// In JSON.
    #[error("reply cannot be encoded as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// In XML.
    #[error("reply cannot be encoded as XML: {0}")]
    Xml(#[from] quick_xml::SeError),
}

/// A reply as JSON, whatever its protocol is.
pub(super) fn to_json<T: Serialize>(reply: &T) -> Result<Buffer, Unencodable> {
    let mut buffer = Buffer::new();
    reply.serialize(&mut serde_json::Serializer::with_formatter(&mut buffer, BytesAsBase64))?;
    Ok(buffer)
}

/// JSON as serde_json writes it, but for bytes, which are texts in base64. Such a text needs no look for what to escape.
struct BytesAsBase64;

impl serde_json::ser::Formatter for BytesAsBase64 {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        let mut text = [0; PIECE_CHARACTERS];
        let mut used = 0;
        writer.write_all(b"\"")?;
        for piece in bytes.chunks(PIECE_CHARACTERS / 4 * 3) {
            let length = STANDARD.encode_slice(piece, &mut text).map_err(io::Error::other)?;
            writer.write_all(text.get(..length).unwrap_or_default())?;
            used = used.max(length);
        }
        // It may be a plaintext's.
        text.get_mut(..used).unwrap_or_default().zeroize();
        writer.write_all(b"\"")
    }
}

/// Holds the ciphertext of a data key. A multiple of four, so that only the last piece is padded.
const PIECE_CHARACTERS: usize = 256;

/// An element of the name `root`. A list is a structure with one member, `member`.
fn to_xml<T: Serialize>(root: &str, reply: &T) -> Result<Buffer, Unencodable> {
    let mut buffer = Buffer::new();
    reply.serialize(quick_xml::se::Serializer::with_root(&mut buffer, Some(root))?)?;
    Ok(buffer)
}

fn has_output(service: ServiceName, operation: &str) -> bool {
    model::operation(service, operation).is_none_or(|operation| operation.has_output)
}

/// Grows by copying into a new buffer and wiping the old one, which `Vec` alone would not do. On drop it wipes what was
/// written: behind that nothing ever stood.
pub(super) struct Buffer(Vec<u8>);

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Buffer {
    fn new() -> Self {
        Self(Vec::with_capacity(CAPACITY))
    }

    fn append(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.max(2 * self.0.capacity()));
            larger.extend_from_slice(&self.0);
            *self = Self(larger);
        }
        self.0.extend_from_slice(bytes);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// Holds a reply of Encrypt or GenerateDataKey.
const CAPACITY: usize = 512;

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Base64;
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply<'a> {
        key_id: &'a str,
        plaintext: Base64<&'a [u8]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_marker: Option<&'a str>,
        users: Members<'a>,
        is_truncated: bool,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed<'a> {
        key_id: &'a str,
        users: Members<'a>,
    }

    #[derive(Serialize)]
    struct Members<'a> {
        member: Vec<User<'a>>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct User<'a> {
        user_name: &'a str,
    }

    fn reply(plaintext: &[u8]) -> Reply<'_> {
        let plaintext = Base64(plaintext);
        Reply { key_id: "k\"é", plaintext, next_marker: None, users: users(), is_truncated: false }
    }

    fn users() -> Members<'static> {
        Members { member: vec![User { user_name: "a&<b>" }, User { user_name: "" }] }
    }

    fn encoded<T: Serialize>(service: ServiceName, operation: &str, reply: &T) -> String {
        String::from_utf8(encode(service, operation, reply).unwrap().as_ref().to_vec()).unwrap()
    }

    #[test]
    fn json() {
        assert_eq!(
            encoded(ServiceName::Kms, "Decrypt", &reply(b"secret")),
            r#"{"KeyId":"k\"é","Plaintext":"c2VjcmV0","Users":{"member":[{"UserName":"a&<b>"},{"UserName":""}]},"IsTruncated":false}"#
        );
        for length in (0..400).chain([1024, 5000]) {
            let bytes: Vec<u8> = (0..length).map(|index| (index * 7) as u8).collect();
            let json = encoded(ServiceName::Kms, "Decrypt", &reply(&bytes));
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json["Plaintext"], STANDARD.encode(&bytes), "{length} bytes");
        }
    }

    #[test]
    fn xml() {
        assert_eq!(
            encoded(ServiceName::Iam, "ListUsers", &Listed { key_id: "k\"é", users: users() }),
            "<ListUsersResult><KeyId>k\"é</KeyId><Users><member><UserName>a&amp;&lt;b&gt;\
             </UserName></member><member><UserName/></member></Users></ListUsersResult>"
        );
        let none = Members { member: Vec::new() };
        assert_eq!(encoded(ServiceName::Iam, "ListUsers", &none), "<ListUsersResult/>");
    }

    #[test]
    fn no_output_is_no_bytes() {
        #[derive(Serialize)]
        struct Empty {}
        #[derive(Serialize)]
        struct Unit;

        for (service, operation, want) in [
            (ServiceName::Kms, "EnableKey", ""),
            (ServiceName::Kms, "DeleteCustomKeyStore", "{}"),
            (ServiceName::Iam, "DeleteUser", ""),
            (ServiceName::Iam, "GetUser", "<GetUserResult/>"),
        ] {
            assert_eq!(encoded(service, operation, &Empty {}), want, "{operation}");
        }
        assert_eq!(encoded(ServiceName::Kms, "EnableKey", &Unit), "");
        assert_eq!(encoded(ServiceName::Iam, "DeleteUser", &()), "");
    }

    #[test]
    fn what_cannot_be_encoded_is_an_error() {
        let reply = std::collections::BTreeMap::from([(vec![1], 2)]);
        for service in [ServiceName::Kms, ServiceName::Iam] {
            assert!(encode(service, "Decrypt", &reply).is_err(), "{service}");
        }
    }

    /// The buffer moves when it grows; the test sees that bytes arrive whole over every size of piece.
    #[test]
    fn the_buffer_grows() {
        use io::Write;

        for piece in [1, 511, 512, 513, 1500] {
            let mut buffer = Buffer::new();
            let bytes: Vec<u8> = (0..5000_u32).map(|index| index as u8).collect();
            bytes.chunks(piece).for_each(|chunk| buffer.write_all(chunk).unwrap());
            assert_eq!(buffer.0, bytes, "pieces of {piece}");
        }
    }
}
