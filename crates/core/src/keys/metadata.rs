//! `KeyMetadata`, as DescribeKey and CreateKey show it. Source: API reference, KeyMetadata.

use claviger_keyring::KeyMaterialId;
use claviger_types::{
    AccountId, EncryptionAlgorithm, KeyArn, KeyId, KeySpec, KeyState, KeyUsage, MacAlgorithm, Timestamp,
};
use serde::Serialize;

/// What is told of a key.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    account: AccountId,
    key_id: KeyId,
    arn: KeyArn,
    creation_date: Timestamp,
    enabled: bool,
    description: String,
    key_usage: KeyUsage,
    key_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<Timestamp>,
    origin: &'static str,
    key_manager: &'static str,
    customer_master_key_spec: KeySpec,
    key_spec: KeySpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_algorithms: Option<[EncryptionAlgorithm; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac_algorithms: Option<[MacAlgorithm; 1]>,
    multi_region: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_key_material_id: Option<String>,
}

/// The parts of a key that its metadata is made of.
pub struct Parts<'a> {
    /// The key's ARN.
    pub arn: KeyArn,
    /// Its spec.
    pub spec: KeySpec,
    /// When it was made.
    pub created_at: Timestamp,
    /// Free text.
    pub description: &'a str,
    /// Its state now.
    pub state: KeyState,
    /// Its current key material.
    pub material_id: KeyMaterialId,
}

impl KeyMetadata {
    /// The metadata of a key of these parts.
    pub fn of(parts: &Parts<'_>) -> Self {
        let deletion_date = match parts.state {
            KeyState::PendingDeletion { deletion_at } => Some(deletion_at),
            KeyState::Enabled | KeyState::Disabled => None,
        };
        let symmetric = parts.spec == KeySpec::SymmetricDefault;
        Self {
            account: parts.arn.account,
            key_id: parts.arn.id,
            arn: parts.arn,
            creation_date: parts.created_at,
            enabled: parts.state == KeyState::Enabled,
            description: parts.description.to_owned(),
            key_usage: parts.spec.usage(),
            key_state: parts.state.as_str(),
            deletion_date,
            origin: "AWS_KMS",
            key_manager: "CUSTOMER",
            customer_master_key_spec: parts.spec,
            key_spec: parts.spec,
            encryption_algorithms: symmetric.then_some([EncryptionAlgorithm::SymmetricDefault]),
            mac_algorithms: parts.spec.mac_algorithm().map(|algorithm| [algorithm]),
            multi_region: parts.arn.id.is_multi_region(),
            // Only keys whose material can rotate show it. Source: API reference, CurrentKeyMaterialId.
            current_key_material_id: symmetric.then(|| parts.material_id.to_string()),
        }
    }
}
