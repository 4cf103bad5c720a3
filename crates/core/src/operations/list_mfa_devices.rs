//! `ListMFADevices`: the devices that a user has enabled. Source: IAM API reference, ListMFADevices.

use claviger_types::{MfaDeviceArn, ServiceName, Timestamp, UserName};
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::users;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct ListMFADevices {
    user: UserPlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
pub struct Reply {
    #[serde(rename = "MFADevices")]
    devices: Members<Shown>,
    #[serde(rename = "IsTruncated")]
    is_truncated: bool,
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// `MFADevice`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    user_name: UserName,
    serial_number: MfaDeviceArn,
    #[serde(serialize_with = "listing::iso_8601")]
    enable_date: Timestamp,
}

impl Operation for ListMFADevices {
    const NAME: &'static str = "ListMFADevices";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user_or_caller(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Read for ListMFADevices {
    fn run(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        let user = target.existing()?;
        let filter = user.id.to_string();
        let after = self.page.after::<Self>(facts, &filter)?.unwrap_or_default();
        let devices = facts.view.mfa_devices_of(user.account, user.id, &after);
        let page = self.page.take::<Self, _>(facts, &filter, devices, |device| device.arn.name.folded())?;
        let shown = |device: &std::sync::Arc<crate::view::MfaDevice>| {
            let assigned = device.assignment?;
            let serial_number = device.arn.clone();
            Some(Shown { user_name: user.name.clone(), serial_number, enable_date: assigned.enabled_at })
        };
        let devices = page.items.into_iter().filter_map(shown).collect();
        Ok(Reply { devices, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, statement};
    use crate::testing::test_mfa::Phone;

    #[test]
    fn of_a_named_user_or_the_caller() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "iam:ListMFADevices", "arn:aws:iam::*:user/ann"));
        kms.ok("CreateUser", json!({"UserName": "bob"}));
        for (user, name) in [("ann", "b"), ("bob", "c"), ("ann", "A")] {
            Phone::enabled(&kms, user, name);
        }
        Phone::made(&kms, "idle");
        let mut seen = Vec::new();
        let mut body = json!({"MaxItems": 1});
        loop {
            let reply = ann.ok("ListMFADevices", body.clone());
            for device in reply["MFADevices"].as_array().unwrap() {
                assert_eq!(device["UserName"], "ann");
                seen.push(device["SerialNumber"].as_str().unwrap().to_owned());
            }
            let Some(marker) = reply.get("Marker") else { break };
            body["Marker"] = marker.clone();
        }
        assert_eq!(seen, ["arn:aws:iam::111122223333:mfa/A", "arn:aws:iam::111122223333:mfa/b"]);
        assert_eq!(kms.ok("ListMFADevices", json!({"UserName": "bob"}))["MFADevices"].as_array().unwrap().len(), 1);
        assert_eq!(ann.call("ListMFADevices", json!({"UserName": "bob"})).unwrap_err().code, "AccessDenied");
    }
}
