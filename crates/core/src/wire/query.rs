//! Query bodies: form fields such as `Tags.member.1.Key`, decoded by the same models as JSON.
//!
//! Source: AWS query protocol. Numbers and booleans are text; times are RFC 3339 or seconds since the epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use claviger_types::Timestamp;
use zeroize::Zeroizing;

use super::blob::Blob;
use super::model::{Kind, Rule, Structure};
use super::shape::{Fields, Value};
use super::{ELEMENTS_MAX, Serialization};

/// A form body, split into its parameters. Of duplicates the last one counts.
pub struct Form {
    parameters: Vec<(String, String)>,
}

impl Form {
    /// Splits a body. Only too many parameters are an error; bytes that are no text are replaced, as forms do it.
    pub fn parse(body: &[u8]) -> Result<Self, Serialization> {
        let mut parameters = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if parameters.len() == PARAMETERS_MAX {
                return Err(Serialization::new("too many parameters"));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self { parameters })
    }

    /// The operation's name, as sent; empty if there is none.
    pub fn action(&self) -> &str {
        self.value("Action").unwrap_or_default()
    }

    /// The version of the API, as sent.
    pub fn version(&self) -> Option<&str> {
        self.value("Version")
    }

    /// All parameters, `Action` and `Version` among them.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Decodes the parameters as an operation's input. Unknown ones are ignored; of duplicates the last one counts.
pub fn decode(model: &'static Structure, parameters: &[(String, String)]) -> Result<Fields, Serialization> {
    let sorted = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ByName(sorted).structure("", model)
}

/// Parameters by name, so that all elements of a list stand together.
struct ByName<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> ByName<'a> {
    /// `prefix` is empty or ends in a full stop.
    fn structure(&self, prefix: &str, model: &'static Structure) -> Result<Fields, Serialization> {
        let mut fields = Fields::empty(model);
        for (position, member) in model.members().iter().enumerate() {
            let name = format!("{prefix}{}", member.name);
            fields.set(position, self.value(&name, &member.rule)?);
        }
        Ok(fields)
    }

    fn value(&self, name: &str, rule: &'static Rule) -> Result<Option<Value>, Serialization> {
        match &rule.kind {
            Kind::List(element) => self.list(name, element),
            Kind::Structure(model) => {
                let prefix = format!("{name}.");
                if self.has_below(&prefix) {
                    self.structure(&prefix, model).map(Value::Structure).map(Some)
                } else {
                    Ok(None)
                }
            }
            // No Query operation has a map; one that is sent must not be ignored.
            Kind::Map if self.has_below(&format!("{name}.")) => Err(unreadable(name)),
            Kind::Map => Ok(None),
            _ => self.0.get(name).map(|text| scalar(name, rule, text)).transpose(),
        }
    }

    /// Elements in the order of their numbers, of which some may be left out. An empty list is the bare name.
    fn list(&self, name: &str, element: &'static Rule) -> Result<Option<Value>, Serialization> {
        let mut numbers = BTreeSet::new();
        for below in self.below(&format!("{name}.")) {
            let number = below.strip_prefix("member.").and_then(|rest| rest.split('.').next()?.parse().ok());
            let number = number.filter(|number| (1..=ELEMENTS_MAX).contains(number));
            numbers.insert(number.ok_or_else(|| unreadable(name))?);
        }
        let mut values = Vec::with_capacity(numbers.len());
        for number in numbers {
            let name = format!("{name}.member.{number}");
            values.push(self.value(&name, element)?.ok_or_else(|| unreadable(&name))?);
        }
        match self.0.get(name) {
            Some(text) if !text.is_empty() => Err(unreadable(name)),
            bare => Ok((bare.is_some() || !values.is_empty()).then_some(Value::List(values))),
        }
    }

    fn has_below(&self, prefix: &str) -> bool {
        self.below(prefix).next().is_some()
    }

    /// What follows the prefix in the names that begin with it.
    fn below(&self, prefix: &str) -> impl Iterator<Item = &'a str> {
        let from: (Bound<&str>, Bound<&str>) = (Bound::Included(prefix), Bound::Unbounded);
        self.0.range::<str, _>(from).map_while(move |(name, _)| name.strip_prefix(prefix))
    }
}

/// Parameters of one body that are read. It bounds the memory that a stranger's body can claim.
const PARAMETERS_MAX: usize = 5_000;

fn scalar(name: &str, rule: &Rule, text: &str) -> Result<Value, Serialization> {
    let value = match rule.kind {
        Kind::Blob => Blob::decode(text).ok().map(Value::Blob),
        Kind::Boolean => match text {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        Kind::Integer => text.parse().ok().map(Value::Integer),
        Kind::String if rule.sensitive => Some(Value::Secret(Zeroizing::new(text.to_owned()))),
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Timestamp => time(text).map(Value::Timestamp),
        Kind::List(_) | Kind::Map | Kind::Structure(_) => None,
    };
    value.ok_or_else(|| unreadable(name))
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| text.parse().ok().and_then(Timestamp::from_seconds))
}

/// The value is not echoed: it may be a secret that was sent under the wrong name.
fn unreadable(name: &str) -> Serialization {
    Serialization::new(format!("parameter `{name}` cannot be read"))
}

#[cfg(test)]
mod tests {
    use claviger_types::ServiceName;
    use proptest::prelude::*;

    use super::super::model::service;
    use super::*;

    fn read(service_name: ServiceName, body: &str) -> Result<Fields, Serialization> {
        let form = Form::parse(body.as_bytes())?;
        decode(&service(service_name).operation(form.action()).unwrap().input, form.parameters())
    }

    #[test]
    fn action_and_version() {
        for (body, action, version) in [
            ("Action=GetUser&Version=2010-05-08", "GetUser", Some("2010-05-08")),
            ("Action=A&Action=B", "B", None),
            ("Version=v", "", Some("v")),
            ("", "", None),
        ] {
            let form = Form::parse(body.as_bytes()).unwrap();
            assert_eq!((form.action(), form.version()), (action, version), "{body}");
        }
    }

    #[test]
    fn parameters_arrive() {
        let body = "Action=PutUserPolicy&Version=2010-05-08&UserName=x&UserName=bob&PolicyName=p+q&Unknown.member.1=a&\
            PolicyDocument=%7B%22a%22%3A%22%C3%A9%22%7D";
        let mut fields = read(ServiceName::Iam, body).unwrap();
        assert_eq!(fields.string("UserName").as_deref(), Some("bob"));
        assert_eq!(fields.string("PolicyName").as_deref(), Some("p q"));
        assert_eq!(fields.string("PolicyDocument").as_deref(), Some(r#"{"a":"é"}"#));
        assert_eq!(fields.untaken(), None);
    }

    #[test]
    fn lists_and_numbers_arrive() {
        let body = "Action=AssumeRole&Tags.member.2.Key=b&Tags.member.10.Key=c&Tags.member.1.Key=a&Tags.member.1.Value=v&\
            TransitiveTagKeys.member.1=t&PolicyArns=&DurationSeconds=900";
        let mut fields = read(ServiceName::Sts, body).unwrap();
        let mut tags = fields.structures("Tags").unwrap();
        let keys: Vec<_> = tags.iter_mut().map(|tag| tag.string("Key").unwrap()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert_eq!(tags[0].string("Value").as_deref(), Some("v"));
        assert!(!tags[1].present("Value"));
        assert_eq!(fields.strings("TransitiveTagKeys").unwrap(), ["t"]);
        assert_eq!(fields.structures("PolicyArns").unwrap().len(), 0);
        assert_eq!(fields.integer("DurationSeconds"), Some(900));
        assert!(!fields.present("ProvidedContexts"));
    }

    #[test]
    fn secrets_times_and_blobs_arrive() {
        let mut fields = read(ServiceName::Sts, "Action=AssumeRoleWithWebIdentity&WebIdentityToken=jwt.").unwrap();
        assert_eq!(fields.secret("WebIdentityToken").unwrap().as_str(), "jwt.");
        for text in ["2020-07-01T16%3A46%3A40.191Z", "1593622000.191"] {
            let mut fields = read(ServiceName::Claviger, &format!("Action=SetDevClock&Now={text}")).unwrap();
            assert_eq!(fields.timestamp("Now").map(Timestamp::as_millis), Some(1_593_622_000_191), "{text}");
        }
        let body = "Action=Decrypt&CiphertextBlob=AAAA&DryRun=true&Recipient.AttestationDocument=AA%3D%3D";
        let mut fields = read(ServiceName::Kms, body).unwrap();
        assert_eq!(fields.blob("CiphertextBlob").unwrap().len(), 3);
        assert_eq!(fields.boolean("DryRun"), Some(true));
        assert_eq!(fields.structure("Recipient").unwrap().blob("AttestationDocument").unwrap().len(), 1);
    }

    #[test]
    fn refused() {
        for (service, body, want) in [
            (ServiceName::Sts, "Action=AssumeRole&DurationSeconds=x", "parameter `DurationSeconds` cannot be read"),
            (ServiceName::Sts, "Action=AssumeRole&Tags.member.0.Key=a", "parameter `Tags` cannot be read"),
            (ServiceName::Sts, "Action=AssumeRole&Tags.member.1001.Key=a", "parameter `Tags` cannot be read"),
            (ServiceName::Sts, "Action=AssumeRole&Tags.member.x.Key=a", "parameter `Tags` cannot be read"),
            (ServiceName::Sts, "Action=AssumeRole&Tags=a", "parameter `Tags` cannot be read"),
            (ServiceName::Sts, "Action=AssumeRole&Tags.1.Key=a", "parameter `Tags` cannot be read"),
            (ServiceName::Sts, "Action=AssumeRole&Tags.member.1=a", "parameter `Tags.member.1` cannot be read"),
            (ServiceName::Kms, "Action=Decrypt&DryRun=yes", "parameter `DryRun` cannot be read"),
            (ServiceName::Kms, "Action=Decrypt&CiphertextBlob=A", "parameter `CiphertextBlob` cannot be read"),
            (
                ServiceName::Kms,
                "Action=Decrypt&EncryptionContext.entry.1.key=A",
                "parameter `EncryptionContext` cannot be read",
            ),
            (ServiceName::Claviger, "Action=SetDevClock&Now=today", "parameter `Now` cannot be read"),
        ] {
            let refusal = read(service, body).err().map(|error| error.message);
            assert_eq!(refusal, Some(Some(want.to_owned())), "{body}");
        }
        let many: String = (0..=PARAMETERS_MAX).map(|number| format!("&a{number}=")).collect();
        assert!(read(ServiceName::Sts, &format!("Action=AssumeRole{many}")).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(
            bytes in "(Action|Tags|member|1|2|Key|PolicyArns|DurationSeconds|\\.|=|&|%|[ -~]){0,40}"
        ) {
            if let Ok(form) = Form::parse(bytes.as_bytes()) {
                let _ = decode(&service(ServiceName::Sts).operation("AssumeRole").unwrap().input, form.parameters());
            }
        }
    }
}
