//! Each KMS operation's event in CloudTrail's form, held against the record that the developer guide shows for it.
//! Source: AWS KMS developer guide, "Examples of AWS KMS log entries", a page for each operation; and its note that
//! records since December 2022 name the key that was changed in `responseElements.keyId`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::keys::policies::default_document;
use crate::table;
use crate::testing::every_operation::World;
use crate::testing::renderings::record_of;
use crate::testing::test_kms::HOME;

/// What a page shows.
struct Page {
    operation: &'static str,
    /// Members of `requestParameters` that the sample gives, or that AWS shows by their defaults.
    request: &'static [&'static str],
    /// Members of `responseElements`; none if that is null.
    response: &'static [&'static str],
    /// Members of `additionalEventData`.
    additional: &'static [&'static str],
    /// The types of the `resources`.
    resources: &'static [&'static str],
}

const KEY: &str = "AWS::KMS::Key";
const CHANGED: &[&str] = &["keyId"];
const MATERIAL: &[&str] = &["keyMaterialId"];
const DATA_KEY: &[&str] = &["encryptionContext", "keyId", "keySpec"];

#[rustfmt::skip]
const PAGES: &[Page] = &[
    page("CancelKeyDeletion", &["keyId"], CHANGED, &[], &[KEY]),
    page("CreateAlias", &["aliasName", "targetKeyId"], CHANGED, &[], &[KEY]),
    page("CreateGrant", &["constraints.encryptionContextSubset", "granteePrincipal", "keyId", "operations"],
        &["grantId", "keyId"], &[], &[KEY]),
    page("CreateKey",
        &["bypassPolicyLockoutSafetyCheck", "customerMasterKeySpec", "description", "keySpec", "keyUsage", "multiRegion",
            "origin", "policy"],
        &["keyMetadata.AWSAccountId", "keyMetadata.arn", "keyMetadata.creationDate", "keyMetadata.customerMasterKeySpec",
            "keyMetadata.description", "keyMetadata.enabled", "keyMetadata.encryptionAlgorithms", "keyMetadata.keyId",
            "keyMetadata.keyManager", "keyMetadata.keySpec", "keyMetadata.keyState", "keyMetadata.keyUsage",
            "keyMetadata.multiRegion", "keyMetadata.origin"],
        &[], &[KEY]),
    page("Decrypt", &["encryptionAlgorithm"], &[], MATERIAL, &[KEY]),
    page("DeleteAlias", &["aliasName"], CHANGED, &[], &[KEY]),
    page("DescribeKey", &["keyId"], &[], &[], &[KEY]),
    page("DisableKey", &["keyId"], CHANGED, &[], &[KEY]),
    page("EnableKey", &["keyId"], CHANGED, &[], &[KEY]),
    page("Encrypt", &["encryptionAlgorithm", "encryptionContext", "keyId"], &[], MATERIAL, &[KEY]),
    page("GenerateDataKey", DATA_KEY, &[], MATERIAL, &[KEY]),
    page("GenerateDataKeyWithoutPlaintext", DATA_KEY, &[], MATERIAL, &[KEY]),
    page("GenerateMac", &["keyId", "macAlgorithm"], &[], &[], &[KEY]),
    page("GenerateRandom", &[], &[], &[], &[]),
    page("GetKeyPolicy", &["keyId", "policyName"], &[], &[], &[KEY]),
    page("ListAliases", &["limit"], &[], &[], &[]),
    page("ListGrants", &["keyId", "limit"], &[], &[], &[KEY]),
    page("PutKeyPolicy", &["bypassPolicyLockoutSafetyCheck", "keyId", "policy", "policyName"], CHANGED, &[], &[KEY]),
    page("ReEncrypt",
        &["destinationEncryptionAlgorithm", "destinationEncryptionContext", "destinationKeyId", "sourceEncryptionAlgorithm"],
        &[], &["destinationKeyMaterialId", "sourceKeyMaterialId"], &[KEY]),
    // By token, which is withheld.
    page("RetireGrant", &[], CHANGED, &["grantId"], &[KEY]),
    page("RevokeGrant", &["grantId", "keyId"], CHANGED, &[], &[KEY]),
    page("ScheduleKeyDeletion", &["keyId", "pendingWindowInDays"], &["deletionDate", "keyId", "keyState"], &[], &[KEY]),
    page("TagResource", &["keyId", "tags"], CHANGED, &[], &[KEY]),
    page("UntagResource", &["keyId", "tagKeys"], CHANGED, &[], &[KEY]),
    page("UpdateAlias", &["aliasName", "targetKeyId"], CHANGED, &[], &[KEY]),
    page("UpdateKeyDescription", &["description", "keyId"], CHANGED, &[], &[KEY]),
    page("VerifyMac", &["keyId", "macAlgorithm"], &[], &[], &[KEY]),
];

/// The guide shows no record of these.
const WITHOUT_PAGE: &[&str] = &[
    "GetKeyLastUsage",
    "GetKeyRotationStatus",
    "ListKeyPolicies",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
];

const fn page(
    operation: &'static str,
    request: &'static [&'static str],
    response: &'static [&'static str],
    additional: &'static [&'static str],
    resources: &'static [&'static str],
) -> Page {
    Page { operation, request, response, additional, resources }
}

/// What the pages' requests say, and the samples do not.
fn said_besides(operation: &str) -> Value {
    match operation {
        "CreateKey" => {
            json!({"Policy": default_document(HOME.parse().unwrap()), "BypassPolicyLockoutSafetyCheck": false,
                "MultiRegion": false})
        }
        "GetKeyPolicy" => json!({"PolicyName": "default"}),
        "ListAliases" | "ListGrants" => json!({"Limit": 10}),
        "PutKeyPolicy" => json!({"PolicyName": "default", "BypassPolicyLockoutSafetyCheck": false}),
        "ReEncrypt" => json!({"DestinationEncryptionContext": {"Level": "3A"}}),
        "ScheduleKeyDeletion" => json!({"PendingWindowInDays": 20}),
        _ => json!({}),
    }
}

#[test]
fn each_record_has_what_the_guide_shows() {
    let operations = table::rows().iter().filter(|row| row.service == claviger_types::ServiceName::Kms);
    let mut walked = 0;
    for row in operations {
        let Some(page) = PAGES.iter().find(|page| page.operation == row.name) else {
            assert!(WITHOUT_PAGE.contains(&row.name), "{}: which record does the guide show?", row.name);
            continue;
        };
        walked += 1;
        let world = World::new();
        let mut sample = world.sample(row.name);
        let said = said_besides(row.name);
        said.as_object().unwrap().iter().for_each(|(name, value)| sample[name] = value.clone());
        let record = record_of(&world, row, sample);
        has_all(row.name, &record, "requestParameters", page.request);
        has_all(row.name, &record, "responseElements", page.response);
        has_all(row.name, &record, "additionalEventData", page.additional);
        assert_eq!(record["responseElements"].is_null(), page.response.is_empty(), "{}: responseElements", row.name);
        let resources = record.get("resources").and_then(Value::as_array).into_iter().flatten();
        let types: BTreeSet<_> = resources.map(|resource| resource["type"].as_str().unwrap()).collect();
        // How many there are depends on the sample: an operation that names one key twice shows it once.
        assert_eq!(types, page.resources.iter().copied().collect(), "{}: resources", row.name);
        assert_eq!(record["eventSource"], "kms.amazonaws.com", "{}", row.name);
    }
    assert_eq!(walked, PAGES.len(), "a page is of no operation");
}

fn has_all(operation: &str, record: &Map<String, Value>, field: &str, members: &[&str]) {
    for member in members {
        let field_of = record.get(field);
        let found = member.split('.').fold(field_of, |value, name| value.and_then(|value| value.get(name)));
        assert!(found.is_some(), "{operation}: {field}.{member} is missing in {record:?}");
    }
}
