//! `ListVirtualMFADevices`: the account's devices, without their seeds. Source: IAM API reference, ListVirtualMFADevices.

use std::sync::Arc;

use claviger_types::{MfaDeviceArn, ServiceName, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::users::UserShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Account, Authorized};
use crate::view::{MfaDevice, View};
use crate::wire::Fields;

/// The request.
pub struct ListVirtualMFADevices {
    wanted: Wanted,
    page: Page,
}

/// `AssignmentStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    Assigned,
    Unassigned,
}

/// The answer.
#[derive(Serialize)]
pub struct Reply {
    #[serde(rename = "VirtualMFADevices")]
    devices: Members<Shown>,
    #[serde(rename = "IsTruncated")]
    is_truncated: bool,
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// `VirtualMFADevice`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    serial_number: MfaDeviceArn,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserShown>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso_8601")]
    enable_date: Option<Timestamp>,
}

impl Operation for ListVirtualMFADevices {
    const NAME: &'static str = "ListVirtualMFADevices";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let wanted = match fields.string("AssignmentStatus").as_deref() {
            Some("Assigned") => Wanted::Assigned,
            Some("Unassigned") => Wanted::Unassigned,
            _ => Wanted::Any,
        };
        Ok(Self { wanted, page: listing::page(fields) })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for ListVirtualMFADevices {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        let filter = format!("{:?}", self.wanted);
        let after = self.page.after::<Self>(facts, &filter)?.unwrap_or_default();
        let devices = facts.view.mfa_devices_after(facts.account(), &after);
        let wanted = devices.filter(|device| match self.wanted {
            Wanted::Any => true,
            Wanted::Assigned => device.assignment.is_some(),
            Wanted::Unassigned => device.assignment.is_none(),
        });
        let page = self.page.take::<Self, _>(facts, &filter, wanted, |device| device.arn.name.folded())?;
        let devices = page.items.into_iter().map(|device| show(facts.view, device)).collect();
        Ok(Reply { devices, is_truncated: page.next.is_some(), marker: page.next })
    }
}

fn show(view: &View, device: &Arc<MfaDevice>) -> Shown {
    let user = device.assignment.and_then(|assigned| view.user_by_id(assigned.user));
    Shown {
        serial_number: device.arn.clone(),
        user: user.map(|user| UserShown::in_list(user)),
        enable_date: device.assignment.map(|assigned| assigned.enabled_at),
    }
}

fn iso_8601<S: serde::Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => listing::iso_8601(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};
    use crate::testing::test_mfa::Phone;

    #[test]
    fn assigned_or_not() {
        let kms = TestKms::new();
        let user = kms.ok("CreateUser", json!({"UserName": "ann"}))["User"].clone();
        let used = Phone::enabled(&kms, "ann", "used");
        let idle = Phone::made(&kms, "idle");
        kms.away().ok("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "away"}));
        for (body, want) in [
            (json!({}), vec![&idle, &used]),
            (json!({"AssignmentStatus": "Any"}), vec![&idle, &used]),
            (json!({"AssignmentStatus": "Assigned"}), vec![&used]),
            (json!({"AssignmentStatus": "Unassigned"}), vec![&idle]),
        ] {
            let listed = kms.ok("ListVirtualMFADevices", body.clone())["VirtualMFADevices"].clone();
            let listed = listed.as_array().unwrap();
            let numbers: Vec<_> = listed.iter().map(|device| device["SerialNumber"].as_str().unwrap()).collect();
            let want: Vec<_> = want.iter().map(|phone| phone.serial_number.as_str()).collect();
            assert_eq!(numbers, want, "{body}");
            for device in listed {
                let assigned = device["SerialNumber"] == used.serial_number;
                assert_eq!(device.get("User"), assigned.then_some(&user), "{body}");
                assert_eq!(device.get("EnableDate").is_some(), assigned, "{body}");
            }
        }
        let marker = kms.ok("ListVirtualMFADevices", json!({"MaxItems": 1}))["Marker"].clone();
        let other = json!({"Marker": marker, "AssignmentStatus": "Assigned"});
        let invalid = refused("ValidationError", "The marker is not valid for this request.");
        assert_eq!(kms.call("ListVirtualMFADevices", other), Err(invalid));
    }
}
