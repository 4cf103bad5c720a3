//! Sessions for tests: requests by what an STS operation gave out.

use std::sync::Arc;

use claviger_types::SessionKeyId;
use serde_json::Value;

use crate::identity::caller::Signatory;
use crate::identity::session::Session;
use crate::testing::test_kms::{Refused, TestKms};

/// A session whose token the service opened, as http does it before it checks the signature.
pub(crate) struct Opened<'k> {
    kms: &'k TestKms,
    session: Arc<Session>,
}

impl<'k> Opened<'k> {
    /// The session of an answer that holds `Credentials`.
    pub(crate) fn of(kms: &'k TestKms, reply: &Value) -> Self {
        let (id, token) = id_and_token(reply);
        let session = Session::open(&kms.view(), id, token.as_bytes()).unwrap();
        Self { kms, session: Arc::new(session) }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn signatory(&self) -> Signatory {
        Signatory::Session(Arc::clone(&self.session))
    }

    pub(crate) fn call(&self, operation: &str, body: Value) -> Result<Value, Refused> {
        self.kms.admin().call_as(self.signatory(), &self.kms.view(), operation, body)
    }
}

pub(crate) fn id_and_token(reply: &Value) -> (SessionKeyId, &str) {
    let credentials = &reply["Credentials"];
    let id = credentials["AccessKeyId"].as_str().unwrap().parse().unwrap();
    (id, credentials["SessionToken"].as_str().unwrap())
}
