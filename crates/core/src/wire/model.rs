//! The service models as tables: for each operation the members of its input, with their types and constraints.
//!
//! Built once from the files in `models/`, which are part of the binary. It must not know any operation by name.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use claviger_types::ServiceName;

use super::pattern::Pattern;
use super::source::{Deviations, SourceModel, SourceShape};

/// The tables of a service.
pub fn service(name: ServiceName) -> &'static Service {
    match name {
        ServiceName::Claviger => &CLAVIGER,
        ServiceName::CloudTrail => &CLOUDTRAIL,
        ServiceName::Iam => &IAM,
        ServiceName::Kms => &KMS,
        ServiceName::Sts => &STS,
    }
}

/// The operation of this name and service.
pub fn operation(service_name: ServiceName, name: &str) -> Option<&'static Operation> {
    service(service_name).operation(name)
}

/// A service: its operations and how it is addressed.
pub struct Service {
    /// `Version` of the Query protocol.
    pub api_version: Box<str>,
    /// What stands before the full stop in `X-Amz-Target`; JSON services have it.
    pub target_prefix: Option<Box<str>>,
    /// Namespace of replies; Query services have it.
    pub xml_namespace: Option<Box<str>>,
    operations: HashMap<Box<str>, Operation>,
}

impl Service {
    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// All operations, in no order.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }
}

/// An operation of a service model.
pub struct Operation {
    /// Its name, as in `X-Amz-Target` and `Action`.
    pub name: Box<str>,
    /// Its input; without members if the model gives it none.
    pub input: Structure,
    /// Whether a reply has members; if not, JSON answers with an empty body.
    pub has_output: bool,
    /// Names of the reply's members, at any depth, that no audit event shows.
    pub concealed_output: HashSet<Box<str>>,
}

/// Members in the model's order.
pub struct Structure {
    members: Box<[Member]>,
}

impl Structure {
    /// All members.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The place of the member of this name. Few members, so a walk beats a hash.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| *member.name == *name)
    }
}

/// A member of a structure.
pub struct Member {
    /// As on the wire.
    pub name: Box<str>,
    /// As in error messages: the first letter is lower case.
    pub path: Box<str>,
    /// Whether it can be left out.
    pub required: Required,
    /// Its type and constraints.
    pub rule: Rule,
}

/// Whether a member can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// It cannot.
    Always,
    /// It can.
    Never,
    /// Only beside the member at this place.
    Unless(usize),
}

/// Type and constraints of a value.
pub struct Rule {
    /// The type.
    pub kind: Kind,
    /// Never printed, and wiped on drop.
    pub sensitive: bool,
    /// No audit event shows it: sensitive, bytes, or one of those that the deviations name.
    pub concealed: bool,
    /// Least length (characters, bytes or elements) or value.
    pub min: Option<i64>,
    /// Greatest length (characters, bytes or elements) or value.
    pub max: Option<i64>,
    /// What a text must match.
    pub pattern: Option<Arc<Pattern>>,
    /// What a text must be one of.
    pub values: Option<Arc<Enumeration>>,
}

/// The types that requests are made of.
pub enum Kind {
    /// Bytes.
    Blob,
    /// Truth.
    Boolean,
    /// A whole number.
    Integer,
    /// Values of one rule.
    List(Box<Rule>),
    /// Texts by text, both free.
    Map,
    /// Text.
    String,
    /// Members.
    Structure(Structure),
    /// A point in time.
    Timestamp,
}

/// The values of an enumeration.
pub struct Enumeration {
    accepted: Box<[Box<str>]>,
    shown: Box<str>,
}

impl Enumeration {
    /// Whether the value is one of them.
    pub fn accepts(&self, value: &str) -> bool {
        self.accepted.iter().any(|accepted| **accepted == *value)
    }

    /// As error messages print it: `[A, B]`, in the service's order.
    pub fn as_str(&self) -> &str {
        &self.shown
    }
}

/// Why a model cannot be used. Embedded models are read by tests, so no running server sees it.
#[derive(Debug, thiserror::Error)]
enum BadModel {
    #[error("deviations name `{0}`, which the model lacks")]
    Deviation(String),
    #[error("not a service model: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`{0}` nests too deeply")]
    Nesting(String),
    #[error("pattern of `{0}`: {1}")]
    Pattern(String, regex::Error),
    #[error("shape `{0}` is missing")]
    Shape(String),
    #[error("shape `{0}` has a type that requests do not use")]
    Type(String),
}

static CLAVIGER: LazyLock<Service> = LazyLock::new(|| {
    embedded(include_str!("../../../../models/claviger/2026-12-01/service-2.json"), ServiceName::Claviger)
});
static CLOUDTRAIL: LazyLock<Service> =
    LazyLock::new(|| embedded(include_str!("../../../../models/cloudtrail.json"), ServiceName::CloudTrail));
static IAM: LazyLock<Service> =
    LazyLock::new(|| embedded(include_str!("../../../../models/iam.json"), ServiceName::Iam));
static KMS: LazyLock<Service> =
    LazyLock::new(|| embedded(include_str!("../../../../models/kms.json"), ServiceName::Kms));
static STS: LazyLock<Service> =
    LazyLock::new(|| embedded(include_str!("../../../../models/sts.json"), ServiceName::Sts));

/// Shapes within shapes; the deepest input has four.
const NESTING_MAX: usize = 8;

#[expect(clippy::expect_used, reason = "the models are part of the binary, and a test reads each of them")]
fn embedded(model: &str, name: ServiceName) -> Service {
    // INVARIANT: input of this function never depends on anything outside the binary.
    read(model, include_str!("../../../../models/deviations.json"), name).expect("embedded model is sound")
}

fn read(model: &str, deviations: &str, name: ServiceName) -> Result<Service, BadModel> {
    let model: SourceModel = serde_json::from_str(model)?;
    let mut deviations: HashMap<String, serde_json::Value> = serde_json::from_str(deviations)?;
    let deviations: Deviations =
        deviations.remove(name.as_str()).map(serde_json::from_value).transpose()?.unwrap_or_default();
    let mut reader = Reader { shapes: &model.shapes, deviations: &deviations, patterns: HashMap::new() };
    reader.check_deviations()?;
    let mut operations = HashMap::new();
    for (name, source) in &model.operations {
        let input = match &source.input {
            Some(reference) => reader.structure(reference.shape(), 0)?,
            None => Structure { members: Box::default() },
        };
        let mut concealed_output = HashSet::new();
        if let Some(reference) = &source.output {
            reader.concealed_within(reference.shape(), &mut HashSet::new(), &mut concealed_output);
        }
        let has_output = source.output.is_some();
        let operation = Operation { name: name.as_str().into(), input, has_output, concealed_output };
        operations.insert(name.as_str().into(), operation);
    }
    let metadata = model.metadata;
    Ok(Service {
        api_version: metadata.api_version,
        target_prefix: metadata.target_prefix,
        xml_namespace: metadata.xml_namespace,
        operations,
    })
}

/// Resolves names of shapes; compiles each pattern once.
struct Reader<'a> {
    shapes: &'a HashMap<String, SourceShape>,
    deviations: &'a Deviations,
    patterns: HashMap<&'a str, Arc<Pattern>>,
}

impl<'a> Reader<'a> {
    fn structure(&mut self, name: &str, depth: usize) -> Result<Structure, BadModel> {
        let (name, shape) = self.shape(name)?;
        let mut members = Vec::new();
        for (member, reference) in &shape.members.0 {
            members.push(Member {
                name: member.as_str().into(),
                path: lower_camel(member).into(),
                required: self.required(name, shape, member)?,
                rule: self.rule(reference.shape(), depth + 1)?,
            });
        }
        Ok(Structure { members: members.into() })
    }

    fn rule(&mut self, name: &str, depth: usize) -> Result<Rule, BadModel> {
        if depth > NESTING_MAX {
            return Err(BadModel::Nesting(name.into()));
        }
        let (name, shape) = self.shape(name)?;
        let (min, max) = if self.deviations.unbounded.iter().any(|unbounded| unbounded == name) {
            (None, None)
        } else {
            (shape.min, shape.max)
        };
        let kind = match (shape.kind.as_str(), &shape.member, &shape.key, &shape.value) {
            ("blob", ..) => Kind::Blob,
            ("boolean", ..) => Kind::Boolean,
            ("integer" | "long", ..) => Kind::Integer,
            ("list", Some(element), ..) => Kind::List(Box::new(self.rule(element.shape(), depth + 1)?)),
            ("map", _, Some(key), Some(value))
                if self.is_free_text(key.shape()) && self.is_free_text(value.shape()) =>
            {
                Kind::Map
            }
            ("string", ..) => Kind::String,
            ("structure", ..) => Kind::Structure(self.structure(name, depth)?),
            ("timestamp", ..) => Kind::Timestamp,
            _ => return Err(BadModel::Type(name.into())),
        };
        let concealed = match &kind {
            Kind::List(element) => element.concealed,
            _ => self.is_concealed(name, shape),
        };
        Ok(Rule {
            kind,
            sensitive: shape.sensitive,
            concealed,
            min,
            max,
            pattern: self.pattern(name, shape)?,
            values: self.enumeration(name, shape)?,
        })
    }

    fn is_concealed(&self, name: &str, shape: &SourceShape) -> bool {
        shape.sensitive || shape.kind == "blob" || self.deviations.concealed.iter().any(|concealed| concealed == name)
    }

    /// The names of members of concealed shapes, anywhere within this one. Shapes of replies may be within themselves.
    fn concealed_within(&self, name: &str, seen: &mut HashSet<&'a str>, names: &mut HashSet<Box<str>>) {
        let Ok((name, shape)) = self.shape(name) else { return };
        if !seen.insert(name) {
            return;
        }
        for (member, reference) in &shape.members.0 {
            if self.shape(reference.shape()).is_ok_and(|(name, shape)| self.is_concealed(name, shape)) {
                names.insert(member.as_str().into());
            }
            self.concealed_within(reference.shape(), seen, names);
        }
        for element in shape.member.iter().chain(&shape.value) {
            self.concealed_within(element.shape(), seen, names);
        }
    }

    fn required(&self, name: &str, shape: &SourceShape, member: &str) -> Result<Required, BadModel> {
        match self.deviations.required.get(name).and_then(|members| members.get(member)) {
            Some(Some(other)) => {
                let place = shape.members.0.iter().position(|(name, _)| name == other);
                place.map(Required::Unless).ok_or_else(|| BadModel::Deviation(other.clone()))
            }
            Some(None) => Ok(Required::Always),
            None if shape.required.iter().any(|required| required == member) => Ok(Required::Always),
            None => Ok(Required::Never),
        }
    }

    fn pattern(&mut self, name: &str, shape: &'a SourceShape) -> Result<Option<Arc<Pattern>>, BadModel> {
        let Some(text) = self.deviations.hidden_pattern.get(name).or(shape.pattern.as_ref()) else { return Ok(None) };
        if let Some(known) = self.patterns.get(text.as_str()) {
            return Ok(Some(Arc::clone(known)));
        }
        let pattern = Pattern::compile(text).map_err(|error| BadModel::Pattern(name.into(), error))?;
        let pattern = Arc::new(pattern);
        self.patterns.insert(text, Arc::clone(&pattern));
        Ok(Some(pattern))
    }

    fn enumeration(&self, name: &str, shape: &SourceShape) -> Result<Option<Arc<Enumeration>>, BadModel> {
        let Some(values) = &shape.values else { return Ok(None) };
        let also = self.deviations.enum_also_accepted.get(name).into_iter().flatten();
        let (shown_name, shown_values) = match self.deviations.enum_shown_as.get(name) {
            Some(other) => {
                let (other, shape) = self.shape(other)?;
                (other, shape.values.as_ref().unwrap_or(values))
            }
            None => (name, values),
        };
        let mut shown = self.deviations.enum_order.get(shown_name).cloned().unwrap_or_default();
        shown.extend(shown_values.iter().filter(|value| !shown.contains(value)).cloned().collect::<Vec<_>>());
        Ok(Some(Arc::new(Enumeration {
            accepted: values.iter().chain(also).map(|value| value.as_str().into()).collect(),
            shown: format!("[{}]", shown.join(", ")).into(),
        })))
    }

    fn is_free_text(&self, name: &str) -> bool {
        self.shapes.get(name).is_some_and(|shape| {
            shape.kind == "string"
                && shape.min.is_none()
                && shape.max.is_none()
                && shape.pattern.is_none()
                && shape.values.is_none()
                && !shape.sensitive
        })
    }

    fn shape(&self, name: &str) -> Result<(&'a str, &'a SourceShape), BadModel> {
        let found = self.shapes.get_key_value(name).ok_or_else(|| BadModel::Shape(name.into()))?;
        Ok((found.0, found.1))
    }

    /// A misspelt deviation would silently not apply.
    fn check_deviations(&self) -> Result<(), BadModel> {
        let deviations = self.deviations;
        for (name, members) in &deviations.required {
            let (_, shape) = self.shape(name)?;
            for member in members.keys() {
                if !shape.members.0.iter().any(|(known, _)| known == member) {
                    return Err(BadModel::Deviation(member.clone()));
                }
            }
        }
        for (name, values) in &deviations.enum_order {
            let (_, shape) = self.shape(name)?;
            let known = shape.values.as_deref().unwrap_or_default();
            if let Some(stray) = values.iter().find(|value| !known.contains(value)) {
                return Err(BadModel::Deviation(stray.clone()));
            }
        }
        let names = deviations.hidden_pattern.keys().chain(deviations.enum_also_accepted.keys());
        let names = names.chain(&deviations.concealed).chain(&deviations.unbounded);
        names.chain(deviations.enum_shown_as.keys()).try_for_each(|name| self.shape(name).map(drop))
    }
}

fn lower_camel(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_sound() {
        for (name, operations) in [
            (ServiceName::Claviger, 33),
            (ServiceName::CloudTrail, 1),
            (ServiceName::Iam, 84),
            (ServiceName::Kms, 56),
            (ServiceName::Sts, 11),
        ] {
            assert_eq!(service(name).operations().count(), operations, "{name}");
        }
        let kms = service(ServiceName::Kms);
        assert_eq!(kms.target_prefix.as_deref(), Some("TrentService"));
        assert_eq!(kms.operations().filter(|operation| !operation.has_output).count(), 14);
        assert_eq!(service(ServiceName::Claviger).target_prefix.as_deref(), Some("Claviger_20261201"));
        assert_eq!(&*service(ServiceName::Iam).api_version, "2010-05-08");
        assert_eq!(
            service(ServiceName::Sts).xml_namespace.as_deref(),
            Some("https://sts.amazonaws.com/doc/2011-06-15/")
        );
    }

    #[test]
    fn members_of_encrypt() {
        let input = &service(ServiceName::Kms).operation("Encrypt").unwrap().input;
        let members: Vec<_> = input.members().iter().map(|member| (&*member.name, &*member.path)).collect();
        assert_eq!(
            members,
            [
                ("KeyId", "keyId"),
                ("Plaintext", "plaintext"),
                ("EncryptionContext", "encryptionContext"),
                ("GrantTokens", "grantTokens"),
                ("EncryptionAlgorithm", "encryptionAlgorithm"),
                ("DryRun", "dryRun"),
            ]
        );
        let plaintext = &input.members()[1];
        assert!(plaintext.rule.sensitive && plaintext.required == Required::Always);
        assert_eq!((plaintext.rule.min, plaintext.rule.max), (Some(1), Some(4096)));
    }

    #[test]
    fn deviations_apply() {
        let kms = service(ServiceName::Kms);
        let member = |operation: &str, name: &str| {
            let input = &kms.operation(operation).unwrap().input;
            &input.members()[input.position(name).unwrap()]
        };
        let key_id = &member("DescribeKey", "KeyId").rule;
        assert_eq!(key_id.pattern.as_ref().map(|pattern| pattern.as_str()), Some(r"^\p{ASCII}+$"));
        let decrypt = &kms.operation("Decrypt").unwrap().input;
        let modifiers = decrypt.position("DryRunModifiers").unwrap();
        assert_eq!(member("Decrypt", "CiphertextBlob").required, Required::Unless(modifiers));
        let algorithm = member("Sign", "SigningAlgorithm").rule.values.as_ref().unwrap();
        assert!(algorithm.accepts("SYMMETRIC_DEFAULT") && !algorithm.as_str().contains("SYMMETRIC_DEFAULT"));
        let data_key = member("GenerateDataKey", "KeySpec").rule.values.as_ref().unwrap();
        let key = member("CreateKey", "KeySpec").rule.values.as_ref().unwrap();
        assert_eq!(data_key.as_str(), key.as_str());
        assert!(data_key.accepts("AES_256") && !data_key.accepts("RSA_2048") && key.accepts("RSA_2048"));
        assert!(
            key.as_str().starts_with("[RSA_2048, RSA_3072, ")
                && key.as_str().ends_with("ML_DSA_87, ML_KEM_512, ML_KEM_768, ML_KEM_1024]")
        );
    }

    #[test]
    fn bad_models_are_refused() {
        let model = |shapes: &str| {
            format!(
                r#"{{"meta":{{"apiVersion":"1"}},"operations":{{"A":{{"in":"R","out":null}}}},"shapes":{{{shapes}}}}}"#
            )
        };
        for (shapes, deviations, want) in [
            ("", "{}", "shape `R` is missing"),
            (r#""R":{"t":"structure","m":{"X":"S"}}"#, "{}", "shape `S` is missing"),
            (r#""R":{"t":"structure","m":{"X":"R"}}"#, "{}", "`R` nests too deeply"),
            (r#""R":{"t":"structure","m":{"X":"S"}},"S":{"t":"string","pattern":"["}"#, "{}", "pattern of `S`: "),
            (r#""R":{"t":"structure","m":{"X":"S"}},"S":{"t":"list"}"#, "{}", "shape `S` has a type that"),
            (r#""R":{"t":"structure"}"#, r#"{"kms":{"required":{"R":{"X":null}}}}"#, "deviations name `X`"),
            (r#""R":{"t":"structure"}"#, r#"{"kms":{"enumOrder":{"R":["X"]}}}"#, "deviations name `X`"),
            (r#""R":{"t":"structure"}"#, r#"{"kms":{"hiddenPattern":{"X":"."}}}"#, "shape `X` is missing"),
            (r#""R":{"t":"structure"}"#, r#"{"kms":{"hidden":{}}}"#, "not a service model: unknown field `hidden`"),
        ] {
            let error = read(&model(shapes), deviations, ServiceName::Kms).err().map(|error| error.to_string());
            assert!(error.as_deref().is_some_and(|text| text.starts_with(want)), "{shapes} {deviations}: {error:?}");
        }
    }
}
