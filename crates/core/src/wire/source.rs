//! The files in `models/` as they are written: botocore's service models, in full or with short names and without
//! documentation, and the one file of the service's deviations. Only `model` reads them.

use std::collections::HashMap;

use serde::Deserialize;

/// A service model.
#[derive(Deserialize)]
pub(super) struct SourceModel {
    #[serde(alias = "meta")]
    pub(super) metadata: Metadata,
    pub(super) operations: HashMap<String, SourceOperation>,
    pub(super) shapes: HashMap<String, SourceShape>,
}

/// What a model says of its service.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) api_version: Box<str>,
    pub(super) target_prefix: Option<Box<str>>,
    pub(super) xml_namespace: Option<Box<str>>,
}

/// An operation of a service model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceOperation {
    #[serde(alias = "in")]
    pub(super) input: Option<Reference>,
    #[serde(alias = "out")]
    pub(super) output: Option<Reference>,
}

/// A shape of a service model: of its attributes, those that a request is judged by.
#[derive(Deserialize)]
pub(super) struct SourceShape {
    #[serde(rename = "type", alias = "t")]
    pub(super) kind: String,
    #[serde(alias = "m", default)]
    pub(super) members: InOrder,
    #[serde(alias = "req", default)]
    pub(super) required: Vec<String>,
    #[serde(alias = "of")]
    pub(super) member: Option<Reference>,
    #[serde(alias = "k")]
    pub(super) key: Option<Reference>,
    #[serde(alias = "v")]
    pub(super) value: Option<Reference>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) pattern: Option<String>,
    #[serde(rename = "enum")]
    pub(super) values: Option<Vec<String>>,
    #[serde(default)]
    pub(super) sensitive: bool,
}

/// A shape's name, bare or in an object with attributes of the reference.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Reference {
    Bare(String),
    Attributed {
        #[serde(alias = "s")]
        shape: String,
    },
}

impl Reference {
    pub(super) fn shape(&self) -> &str {
        match self {
            Self::Bare(shape) | Self::Attributed { shape } => shape,
        }
    }
}

/// Members in the order of the file, in which violations are reported.
#[derive(Default)]
pub(super) struct InOrder(pub(super) Vec<(String, Reference)>);

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> serde::de::Visitor<'de> for Entries {
            type Value = InOrder;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the members of a structure")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    members.push(entry);
                }
                Ok(InOrder(members))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// Where the service differs from its model; `models/deviations.json` explains each member.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Deviations {
    pub(super) concealed: Vec<String>,
    pub(super) hidden_pattern: HashMap<String, String>,
    pub(super) required: HashMap<String, HashMap<String, Option<String>>>,
    pub(super) enum_order: HashMap<String, Vec<String>>,
    pub(super) enum_shown_as: HashMap<String, String>,
    pub(super) enum_also_accepted: HashMap<String, Vec<String>>,
    pub(super) unbounded: Vec<String>,
}
