//! `GenerateDataKeyWithoutPlaintext`: a fresh key, encrypted only. Source: API reference, GenerateDataKeyWithoutPlaintext.

use claviger_keyring::KeyMaterialId;
use claviger_types::KeyArn;
use serde::Serialize;

use crate::call::Facts;
use crate::data_keys::DataKeyRequest;
use crate::error::Error;
use crate::material;
use crate::operation::{Operation, Use};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::{Base64, Fields};

/// The request.
pub struct GenerateDataKeyWithoutPlaintext(DataKeyRequest);

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    ciphertext_blob: Base64<Vec<u8>>,
    key_id: KeyArn,
    #[serde(serialize_with = "material::id_as_text")]
    key_material_id: KeyMaterialId,
}

impl Operation for GenerateDataKeyWithoutPlaintext {
    const NAME: &'static str = "GenerateDataKeyWithoutPlaintext";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        DataKeyRequest::parse(fields).map(Self)
    }

    fn target(&self) -> &KeyName {
        &self.0.key_id
    }
}

impl Use for GenerateDataKeyWithoutPlaintext {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<KeyTarget>) -> Result<(), Error> {
        self.0.check(&target.0, Self::NAME, facts)
    }

    fn dry_run(&self) -> bool {
        self.0.dry_run
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let key = &target.0;
        let data_key = self.0.make(key, facts)?;
        Ok(Reply {
            ciphertext_blob: Base64(data_key.ciphertext),
            key_id: key.arn,
            key_material_id: material::current_entry(key)?.material_id,
        })
    }
}
