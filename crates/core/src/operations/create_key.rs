//! `CreateKey`: a new key with fresh material. Source: API reference, CreateKey.

use claviger_keyring::{BackingKeyBinding, Space, WrappedBackingKey};
use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{KeyArn, KeyId, KeySpec, KeyState, KeyUsage};
use serde::Serialize;

use crate::error::Error;
use crate::keys::domain_keys::WrappingKey;
use crate::keys::metadata::{KeyMetadata, Parts};
use crate::keys::policies::{self, LockoutCheck};
use crate::keys::tags::{self, Tag};
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome, Quota};
use crate::pipeline::request::{RequestContext, tag_keys};
use crate::records::{BackingKeyRecord, KeyRecord, TagRecord};
use crate::target::{Authorized, NewKey, Tagging};
use crate::wire::Fields;

/// The request.
pub struct CreateKey {
    spec: KeySpec,
    description: String,
    policy: Option<String>,
    lockout: LockoutCheck,
    tags: Vec<Tag>,
    tagging: Tagging,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_metadata: KeyMetadata,
}

/// Id and material of the key to be.
pub struct Prepared {
    id: KeyId,
    wrapping_key: WrappingKey,
    backing_key: WrappedBackingKey,
}

impl Operation for CreateKey {
    const NAME: &'static str = "CreateKey";
    type Target = NewKey;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        refuse_what_is_not_there(fields)?;
        let spec = key_spec(fields)?;
        let tags = tags::from_request(fields)?;
        let bypass = fields.boolean("BypassPolicyLockoutSafetyCheck").unwrap_or(false);
        Ok(Self {
            spec,
            description: fields.string("Description").unwrap_or_default(),
            policy: fields.string("Policy"),
            lockout: if bypass { LockoutCheck::Bypassed } else { LockoutCheck::Made },
            tagging: if tags.is_empty() { Tagging::Untagged } else { Tagging::Tagged },
            tags,
        })
    }

    fn target(&self) -> &Tagging {
        &self.tagging
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for CreateKey {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::AwsRequestTag(name) => tags::value(&self.tags, name),
            ConditionKey::AwsTagKeys => tag_keys(self.tags.iter().map(|tag| tag.tag_key.as_str())),
            ConditionKey::KmsBypassPolicyLockoutSafetyCheck => self.lockout.condition(),
            ConditionKey::KmsCustomerMasterKeySpec | ConditionKey::KmsKeySpec => Values::text(self.spec.as_str()),
            ConditionKey::KmsCustomerMasterKeyUsage | ConditionKey::KmsKeyUsage => {
                Values::text(self.spec.usage().as_str())
            }
            ConditionKey::KmsKeyOrigin => Values::text("AWS_KMS"),
            ConditionKey::KmsMultiRegion => Values::boolean(false),
            _ => Values::Absent,
        }
    }
}

impl Command for CreateKey {
    type Prepared = Prepared;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<NewKey>, _: &Tools<'_>) -> Result<Prepared, Error> {
        let id = KeyId::from_random(claviger_keyring::random()?);
        let wrapping_key = WrappingKey::find_or_make(facts, Space::Region(facts.region()), facts.account())?;
        let backing_key = wrapping_key.key().generate_backing_key(BackingKeyBinding { key_id: id, spec: self.spec })?;
        Ok(Prepared { id, wrapping_key, backing_key })
    }

    fn decide(&self, facts: &Facts<'_>, _: Authorized<NewKey>, prepared: &Prepared) -> Result<Outcome<Reply>, Error> {
        let (region, account) = (facts.region(), facts.account());
        let arn = KeyArn { region, account, id: prepared.id };
        let default = || policies::default_document(account);
        let document = self.policy.clone().unwrap_or_else(default);
        let record = KeyRecord {
            account: account.as_u64(),
            spec: self.spec.to_string(),
            created_at: facts.now.as_millis(),
            description: self.description.clone(),
            state: KeyState::Enabled.into(),
            tags: self.tags.iter().map(TagRecord::from).collect(),
            policy: policies::accept(&document, arn, self.lockout, facts)?,
            backing_keys: vec![BackingKeyRecord {
                material_id: *prepared.backing_key.material_id.as_bytes(),
                domain_key_version: prepared.wrapping_key.key().version(),
                wrapped: prepared.backing_key.wrapped.clone(),
                created_at: facts.now.as_millis(),
            }],
        };
        let key_metadata = KeyMetadata::of(&Parts {
            arn,
            spec: self.spec,
            created_at: facts.now,
            description: &self.description,
            state: KeyState::Enabled,
            material_id: prepared.backing_key.material_id,
        });
        let limit = facts.settings.keys_per_account_and_region_max;
        let changes = prepared.wrapping_key.guard(Changes::new(Space::Region(region)));
        let changes = changes.create(paths::key(region, prepared.id), &record).making_key(&arn);
        Ok(changes.count_in(paths::key_count(region, account), Quota::Keys, limit).reply(Reply { key_metadata }))
    }
}

/// Key specs that need their usage said. Source: API reference, CreateKey, KeyUsage.
fn key_spec(fields: &mut Fields) -> Result<KeySpec, Error> {
    let (spec, deprecated) = (fields.string("KeySpec"), fields.string("CustomerMasterKeySpec"));
    if spec.is_some() && deprecated.is_some() {
        let text = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.";
        return Err(Error::Validation(text.into()));
    }
    let name = spec.or(deprecated).unwrap_or_else(|| "SYMMETRIC_DEFAULT".into());
    let usage = fields.string("KeyUsage");
    if usage.is_none() && name != "SYMMETRIC_DEFAULT" {
        let text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
        return Err(Error::Validation(text.into()));
    }
    let spec = KeySpec::from_name(&name)
        .ok_or_else(|| Error::Unsupported(format!("Claviger does not support KeySpec {name} yet.")))?;
    match usage {
        Some(usage) if KeyUsage::from_name(&usage) != Some(spec.usage()) => {
            Err(Error::Validation(format!("KeyUsage {usage} is not compatible with KeySpec {name}")))
        }
        _ => Ok(spec),
    }
}

/// Members whose default is all that is there; others (custom key stores) are refused for being present at all.
fn refuse_what_is_not_there(fields: &mut Fields) -> Result<(), Error> {
    if let Some(origin) = fields.string("Origin").filter(|origin| origin != "AWS_KMS") {
        return Err(Error::Unsupported(format!("Claviger does not support Origin {origin} yet.")));
    }
    if fields.boolean("MultiRegion") == Some(true) {
        return Err(Error::Unsupported("Claviger does not support MultiRegion keys yet.".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Settings;
    use crate::keys::policies;
    use crate::testing::test_kms::{self, HOME, TestKms, statement, validation};

    #[test]
    fn metadata_by_spec() {
        let kms = TestKms::new();
        for (spec, usage, list, algorithm, has_material_id) in [
            ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", "SYMMETRIC_DEFAULT", true),
            ("HMAC_224", "GENERATE_VERIFY_MAC", "MacAlgorithms", "HMAC_SHA_224", false),
            ("HMAC_256", "GENERATE_VERIFY_MAC", "MacAlgorithms", "HMAC_SHA_256", false),
            ("HMAC_384", "GENERATE_VERIFY_MAC", "MacAlgorithms", "HMAC_SHA_384", false),
            ("HMAC_512", "GENERATE_VERIFY_MAC", "MacAlgorithms", "HMAC_SHA_512", false),
        ] {
            let id = kms.admin().key(spec);
            let mut metadata = kms.ok("DescribeKey", json!({"KeyId": id}))["KeyMetadata"].take();
            let members = metadata.as_object_mut().unwrap();
            let created_at = members.remove("CreationDate").unwrap().as_f64().unwrap();
            assert!((kms.now().as_seconds() - created_at).abs() < 60.0, "{spec}");
            assert_eq!(members.remove("CurrentKeyMaterialId").is_some(), has_material_id, "{spec}");
            let want = json!({
                "AWSAccountId": HOME, "KeyId": id, "Arn": kms.admin().key_arn(&id), "Enabled": true, "Description": "",
                "KeyUsage": usage, "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
                "CustomerMasterKeySpec": spec, "KeySpec": spec, list: [algorithm], "MultiRegion": false,
            });
            assert_eq!(metadata, want, "{spec}");
        }
    }

    /// What CreateKey answers is what DescribeKey answers afterwards.
    #[test]
    fn answers_what_describe_key_does() {
        let kms = TestKms::new();
        let made =
            kms.ok("CreateKey", json!({"Description": "for orders", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}));
        assert_eq!(made, kms.ok("DescribeKey", json!({"KeyId": made["KeyMetadata"]["Arn"]})));
        assert_eq!(made["KeyMetadata"]["Description"], "for orders");
        let policy = kms.ok("GetKeyPolicy", json!({"KeyId": made["KeyMetadata"]["Arn"]}));
        assert_eq!(policy["Policy"], policies::default_document(HOME.parse().unwrap()));
    }

    /// Source of the texts: observed at AWS.
    #[test]
    fn refused() {
        let kms = TestKms::new();
        let unsupported = |text: &str| test_kms::refused("UnsupportedOperationException", text);
        let usage = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
        let both = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is \
            deprecated.";
        let tags = |count: usize| -> Vec<_> {
            (0..count).map(|tag| json!({"TagKey": tag.to_string(), "TagValue": ""})).collect()
        };
        let a_tag = |key: &str| json!({"TagKey": key, "TagValue": ""});
        let tag = |text: &str| test_kms::refused("TagException", text);
        let cases = [
            (json!({"KeySpec": "HMAC_256"}), validation(usage)),
            (json!({"KeySpec": "RSA_2048"}), validation(usage)),
            (
                json!({"KeySpec": "HMAC_256", "KeyUsage": "ENCRYPT_DECRYPT"}),
                validation("KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec HMAC_256"),
            ),
            (
                json!({"KeyUsage": "SIGN_VERIFY"}),
                validation("KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"),
            ),
            (json!({"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}), validation(both)),
            (
                json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}),
                unsupported("Claviger does not support KeySpec RSA_2048 yet."),
            ),
            (json!({"Origin": "EXTERNAL"}), unsupported("Claviger does not support Origin EXTERNAL yet.")),
            (json!({"MultiRegion": true}), unsupported("Claviger does not support MultiRegion keys yet.")),
            (json!({"Tags": [a_tag("a"), a_tag("b"), a_tag("a")]}), tag("Duplicate tag keys")),
            (json!({"Tags": [a_tag("AwS:x")]}), tag("Tags beginning with aws: are reserved")),
            (json!({"Tags": tags(51)}), tag("Too many tags")),
        ];
        for (body, want) in cases {
            assert_eq!(kms.call("CreateKey", body.clone()), Err(want), "{body}");
        }
        kms.ok("CreateKey", json!({"Tags": tags(50), "MultiRegion": false, "Origin": "AWS_KMS"}));
    }

    #[test]
    fn the_quota() {
        let settings = Settings { keys_per_account_and_region_max: 2, dev_clock: true, ..Settings::default() };
        let kms = TestKms::with_settings(settings);
        let keys = [kms.key(), kms.key()];
        let text = "Key quota for this account in this region is 2 but the current usage is 2.";
        assert_eq!(kms.call("CreateKey", json!({})), Err(test_kms::refused("LimitExceededException", text)));
        kms.away().key("HMAC_224");
        kms.admin().in_region("eu-west-1").key("HMAC_224");
        // A key counts until it is gone.
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": keys[0], "PendingWindowInDays": 7}));
        assert!(kms.call("CreateKey", json!({})).is_err());
    }

    /// Source: docs/compatibility.md, order of checks: tags are asked about without naming a resource.
    #[test]
    fn tags_need_a_permission_of_their_own() {
        let kms = TestKms::new();
        let caller = kms.admin().user("ann", &statement("Allow", "kms:CreateKey", "*"));
        caller.ok("CreateKey", json!({"Tags": [], "BypassPolicyLockoutSafetyCheck": true}));
        let tagged = json!({"Tags": [{"TagKey": "a", "TagValue": ""}], "BypassPolicyLockoutSafetyCheck": true});
        let because = " because no identity-based policy allows the kms:TagResource action";
        assert_eq!(caller.call("CreateKey", tagged), Err(caller.denied("kms:TagResource", because)));
    }
}
