//! The constraints of the service models: one function checks them for every operation and reports all violations at
//! once, in the words of the service. No sensitive value and no binary one is ever printed.

use std::fmt;

use super::model::{Kind, Required, Rule};
use super::shape::{Fields, Value};

/// Checks each member of the request. The error is the message of the one ValidationException.
pub fn check(fields: &Fields) -> Result<(), String> {
    let mut violations = Violations(Vec::new());
    check_structure(fields, None, &mut violations);
    if violations.0.is_empty() { Ok(()) } else { Err(violations.to_string()) }
}

/// What a request violates. Displays as the service's message.
struct Violations(Vec<Violation>);

struct Violation {
    value: Shown,
    path: String,
    rule: String,
}

/// How a message names the value.
enum Shown {
    Absent,
    Hidden,
    Text(String),
}

impl Violations {
    fn add(&mut self, value: Shown, path: &Path<'_>, rule: impl Into<String>) {
        // A list of a thousand bad elements gets a long answer, not an endless one.
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(Violation { value, path: path.to_string(), rule: rule.into() });
        }
    }
}

/// Violations that one message reports; no honest request comes near.
const VIOLATIONS_MAX: usize = 100;

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} validation error{plural} detected: ", self.0.len())?;
        for (index, Violation { value, path, rule }) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "; " })?;
            match value {
                Shown::Absent => f.write_str("Value null")?,
                Shown::Hidden => f.write_str("Value")?,
                Shown::Text(text) => write!(f, "Value '{text}'")?,
            }
            write!(f, " at '{path}' failed to satisfy constraint: {rule}")?;
        }
        Ok(())
    }
}

/// Where a value stands, as a chain on the stack: its text is only made for a violation.
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Member(&'a str),
    /// Counted from 1.
    Element(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        match self.step {
            Step::Member(name) => f.write_str(name),
            Step::Element(number) => write!(f, "{number}.member"),
        }
    }
}

fn check_structure(fields: &Fields, parent: Option<&Path<'_>>, violations: &mut Violations) {
    for (member, value) in fields.iter() {
        let path = Path { parent, step: Step::Member(&member.path) };
        let required = match member.required {
            Required::Always => true,
            Required::Never => false,
            Required::Unless(other) => !fields.holds(other),
        };
        match value {
            Some(value) => check_value(&member.rule, value, &path, violations),
            None if required => {
                let shown = if member.rule.sensitive { Shown::Hidden } else { Shown::Absent };
                violations.add(shown, &path, "Member must not be null");
            }
            None => {}
        }
    }
}

fn check_value(rule: &Rule, value: &Value, path: &Path<'_>, violations: &mut Violations) {
    match value {
        Value::Blob(blob) => check_range(rule, "length", blob.len(), || Shown::Hidden, path, violations),
        Value::Integer(number) => {
            check_range(rule, "value", *number, || Shown::Text(number.to_string()), path, violations);
        }
        Value::List(values) => check_list(rule, values, path, violations),
        // No map of AWS's models has a bound, so nobody knows how AWS would show one.
        Value::Map(pairs) => check_range(rule, "length", pairs.len(), || Shown::Hidden, path, violations),
        Value::Secret(text) => check_text(rule, text, path, violations),
        Value::String(text) => check_text(rule, text, path, violations),
        Value::Structure(fields) => check_structure(fields, Some(path), violations),
        Value::Boolean(_) | Value::Timestamp(_) => {}
    }
}

fn check_text(rule: &Rule, text: &str, path: &Path<'_>, violations: &mut Violations) {
    let shown = || if rule.sensitive { Shown::Hidden } else { Shown::Text(text.to_owned()) };
    if rule.min.is_some() || rule.max.is_some() {
        check_range(rule, "length", text.chars().count(), shown, path, violations);
    }
    if let Some(pattern) = rule.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
        let message = format!("Member must satisfy regular expression pattern: {}", pattern.as_str());
        violations.add(shown(), path, message);
    }
    if let Some(values) = rule.values.as_ref().filter(|values| !values.accepts(text)) {
        violations.add(shown(), path, format!("Member must satisfy enum value set: {}", values.as_str()));
    }
}

/// The length and the elements. A bad enum value is reported once, of the list; all else of the element.
fn check_list(rule: &Rule, values: &[Value], path: &Path<'_>, violations: &mut Violations) {
    let Kind::List(element) = &rule.kind else { return };
    check_range(rule, "length", values.len(), || shown_list(values), path, violations);
    if let Some(set) = &element.values {
        let accepted = |value: &Value| matches!(value, Value::String(text) if set.accepts(text));
        if !values.iter().all(accepted) {
            let message =
                format!("Member must satisfy constraint: [Member must satisfy enum value set: {}]", set.as_str());
            violations.add(shown_list(values), path, message);
        }
        return;
    }
    for (number, value) in (1..).zip(values) {
        let path = Path { parent: Some(path), step: Step::Element(number) };
        check_value(element, value, &path, violations);
    }
}

fn shown_list(values: &[Value]) -> Shown {
    let texts: Option<Vec<&str>> =
        values.iter().map(|value| if let Value::String(text) = value { Some(text.as_str()) } else { None }).collect();
    texts.map_or(Shown::Hidden, |texts| Shown::Text(format!("[{}]", texts.join(", "))))
}

fn check_range(
    rule: &Rule,
    noun: &str,
    measure: impl TryInto<i64>,
    shown: impl Fn() -> Shown,
    path: &Path<'_>,
    violations: &mut Violations,
) {
    let measure = measure.try_into().unwrap_or(i64::MAX);
    if let Some(min) = rule.min.filter(|min| measure < *min) {
        violations.add(shown(), path, format!("Member must have {noun} greater than or equal to {min}"));
    }
    if let Some(max) = rule.max.filter(|max| measure > *max) {
        violations.add(shown(), path, format!("Member must have {noun} less than or equal to {max}"));
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use claviger_types::ServiceName;
    use serde_json::json;

    use super::super::{json, model};
    use super::*;

    fn message(service: ServiceName, operation: &str, body: &serde_json::Value) -> String {
        let input = &model::service(service).operation(operation).unwrap().input;
        let fields = json::decode(input, body.to_string().as_bytes()).unwrap();
        check(&fields).err().unwrap_or_default()
    }

    fn blob(length: usize) -> String {
        STANDARD.encode(vec![b's'; length])
    }

    const KEY_SPECS: &str = "[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, \
        ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, \
        ML_DSA_44, ML_DSA_65, ML_DSA_87, ML_KEM_512, ML_KEM_768, ML_KEM_1024]";

    #[test]
    fn one_violation_each() {
        const KMS: ServiceName = ServiceName::Kms;
        let long = "x".repeat(2049);
        // (operation, body, how the value is named, path, rule)
        for (operation, body, value, path, rule) in [
            ("DescribeKey", json!({}), "Value null", "keyId", "Member must not be null".to_owned()),
            ("DescribeKey", json!({"KeyId":null}), "Value null", "keyId", "Member must not be null".into()),
            ("Decrypt", json!({}), "Value null", "ciphertextBlob", "Member must not be null".into()),
            ("ReEncrypt", json!({"CiphertextBlob":"AA=="}), "Value null", "destinationKeyId", "Member must not be null".into()),
            ("Encrypt", json!({"KeyId":"k"}), "Value", "plaintext", "Member must not be null".into()),
            (
                "Verify",
                json!({"KeyId":"k","Message":"AA==","SigningAlgorithm":"SM2DSA"}),
                "Value null",
                "signature",
                "Member must not be null".into(),
            ),
            (
                "Encrypt",
                json!({"KeyId":"k","Plaintext":""}),
                "Value",
                "plaintext",
                "Member must have length greater than or equal to 1".into(),
            ),
            (
                "Encrypt",
                json!({"KeyId":"k","Plaintext":blob(4097)}),
                "Value",
                "plaintext",
                "Member must have length less than or equal to 4096".into(),
            ),
            (
                "Decrypt",
                json!({"CiphertextBlob":blob(6145)}),
                "Value",
                "ciphertextBlob",
                "Member must have length less than or equal to 6144".into(),
            ),
            (
                "DescribeKey",
                json!({"KeyId":long}),
                &format!("Value '{long}'"),
                "keyId",
                "Member must have length less than or equal to 2048".into(),
            ),
            (
                "DescribeKey",
                json!({"KeyId":"é"}),
                "Value 'é'",
                "keyId",
                r"Member must satisfy regular expression pattern: ^\p{ASCII}+$".into(),
            ),
            (
                "CreateAlias",
                json!({"AliasName":"alias/a b","TargetKeyId":"k"}),
                "Value 'alias/a b'",
                "aliasName",
                "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$".into(),
            ),
            (
                "GenerateRandom",
                json!({"NumberOfBytes":0}),
                "Value '0'",
                "numberOfBytes",
                "Member must have value greater than or equal to 1".into(),
            ),
            (
                "GenerateDataKey",
                json!({"KeyId":"k","NumberOfBytes":1025}),
                "Value '1025'",
                "numberOfBytes",
                "Member must have value less than or equal to 1024".into(),
            ),
            (
                "EnableKeyRotation",
                json!({"KeyId":"k","RotationPeriodInDays":89}),
                "Value '89'",
                "rotationPeriodInDays",
                "Member must have value greater than or equal to 90".into(),
            ),
            (
                "GenerateDataKey",
                json!({"KeyId":"k","KeySpec":"RSA_2048"}),
                "Value 'RSA_2048'",
                "keySpec",
                format!("Member must satisfy enum value set: {KEY_SPECS}"),
            ),
            (
                "GenerateMac",
                json!({"KeyId":"k","Message":"AA==","MacAlgorithm":"X"}),
                "Value 'X'",
                "macAlgorithm",
                "Member must satisfy enum value set: [HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]".into(),
            ),
            (
                "Encrypt",
                json!({"KeyId":"k","Plaintext":"AA==","EncryptionAlgorithm":""}),
                "Value ''",
                "encryptionAlgorithm",
                "Member must satisfy enum value set: [RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]".into(),
            ),
            (
                "TagResource",
                json!({"KeyId":"k","Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":"a","TagValue":"é".repeat(257)}]}),
                &format!("Value '{}'", "é".repeat(257)),
                "tags.2.member.tagValue",
                "Member must have length less than or equal to 256".into(),
            ),
            (
                "TagResource",
                json!({"KeyId":"k","Tags":[{"TagKey":"a"}]}),
                "Value null",
                "tags.1.member.tagValue",
                "Member must not be null".into(),
            ),
            (
                "DescribeKey",
                json!({"KeyId":"k","GrantTokens":["a",""]}),
                "Value ''",
                "grantTokens.2.member",
                "Member must have length greater than or equal to 1".into(),
            ),
            (
                "DescribeKey",
                json!({"KeyId":"k","GrantTokens":["a","b","c","d","e","f","g","h","i","j","k"]}),
                "Value '[a, b, c, d, e, f, g, h, i, j, k]'",
                "grantTokens",
                "Member must have length less than or equal to 10".into(),
            ),
            (
                "ListKeys",
                json!({"ResourceOwners":["X"]}),
                "Value '[X]'",
                "resourceOwners",
                "Member must satisfy constraint: [Member must satisfy enum value set: [SELF, OTHER_ACCOUNTS_VIA_RAM]]".into(),
            ),
            (
                "CreateGrant",
                json!({"KeyId":"k","Operations":["Sign"],"Constraints":{"SourceArn":"a".repeat(20)}}),
                &format!("Value '{}'", "a".repeat(20)),
                "constraints.sourceArn",
                "Member must satisfy regular expression pattern: ^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$".into(),
            ),
            (
                "CreateCustomKeyStore",
                json!({"CustomKeyStoreName":"n","KeyStorePassword":"secret"}),
                "Value",
                "keyStorePassword",
                "Member must have length greater than or equal to 7".into(),
            ),
        ] {
            let want = format!("1 validation error detected: {value} at '{path}' failed to satisfy constraint: {rule}");
            assert_eq!(message(KMS, operation, &body), want, "{operation} {body}");
        }
    }

    #[test]
    fn all_violations_at_once() {
        const EMPTY_KEY_ID: &str = "Value '' at 'keyId' failed to satisfy constraint: Member must have length greater \
            than or equal to 1; Value '' at 'keyId' failed to satisfy constraint: Member must satisfy regular expression \
            pattern: ^\\p{ASCII}+$";
        let kms = |operation, body| message(ServiceName::Kms, operation, &body);
        assert_eq!(kms("DescribeKey", json!({"KeyId":""})), format!("2 validation errors detected: {EMPTY_KEY_ID}"));
        assert_eq!(
            kms("Encrypt", json!({"KeyId":"","EncryptionAlgorithm":"X"})),
            format!(
                "4 validation errors detected: {EMPTY_KEY_ID}; Value at 'plaintext' failed to satisfy constraint: \
                 Member must not be null; Value 'X' at 'encryptionAlgorithm' failed to satisfy constraint: Member must \
                 satisfy enum value set: [RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]"
            )
        );
    }

    #[test]
    fn what_holds() {
        for (service, operation, body) in [
            (ServiceName::Kms, "ListKeys", json!({})),
            (ServiceName::Kms, "ListKeys", json!({"Limit":1000,"Marker":"a"})),
            (ServiceName::Kms, "Encrypt", json!({"KeyId":"k","Plaintext":blob(4096),"EncryptionContext":{"":""}})),
            (ServiceName::Kms, "Decrypt", json!({"DryRunModifiers":["IGNORE_CIPHERTEXT"]})),
            (ServiceName::Kms, "Sign", json!({"KeyId":"k","Message":"AA==","SigningAlgorithm":"SYMMETRIC_DEFAULT"})),
            (ServiceName::Kms, "TagResource", json!({"KeyId":"k","Tags":[{"TagKey":"a","TagValue":""}]})),
            (ServiceName::Kms, "TagResource", json!({"KeyId":"k","Tags":[{"TagKey":"a","TagValue":"é".repeat(256)}]})),
            (ServiceName::Kms, "UpdateKeyDescription", json!({"KeyId":"k","Description":""})),
            (ServiceName::Claviger, "SetDevClock", json!({"Now":1})),
            (ServiceName::Claviger, "RotateDomainKeys", json!({})),
            (ServiceName::Iam, "GetUser", json!({})),
            (ServiceName::Sts, "GetCallerIdentity", json!({})),
        ] {
            assert_eq!(message(service, operation, &body), "", "{operation} {body}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let body = json!({"Name":"n","SecretAccessKey":"!secret!".repeat(20)});
        let text = message(ServiceName::Claviger, "CreateAccount", &body);
        assert!(text.starts_with("2 validation errors detected: Value at 'secretAccessKey'"), "{text}");
        assert!(!text.contains("!secret!"), "{text}");
    }

    #[test]
    fn the_number_of_violations_is_bounded() {
        let tags = vec![json!({"TagKey":"","TagValue":""}); 1000];
        let text = message(ServiceName::Kms, "TagResource", &json!({"KeyId":"k","Tags":tags}));
        assert!(text.starts_with("100 validation errors detected: "), "{text}");
    }
}
