//! `ListGrants`: the grants on a key, all or those of one grantee. Source: API reference, ListGrants.

use std::sync::Arc;

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{GrantId, PrincipalId, RoleSessionName};

use crate::error::Error;
use crate::keys::grant_entries::{Grants, LIMIT_DEFAULT, LIMIT_MAX};
use crate::keys::grant_principals;
use crate::keys::grants::grant_is_for_aws_resource;
use crate::pipeline::call::Facts;
use crate::pipeline::members::{grant_id, key_id_or_arn};
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::view::{BoundPrincipal, Grant};
use crate::wire::Fields;

/// The request.
pub struct ListGrants {
    key_id: KeyName,
    grant_id: Option<GrantId>,
    grantee: Option<String>,
    page: Page,
}

impl Operation for ListGrants {
    const NAME: &'static str = "ListGrants";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Grants;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            key_id: key_id_or_arn(fields, "KeyId"),
            grant_id: grant_id(fields, "GrantId")?,
            grantee: fields.string("GranteePrincipal"),
            page: Page::new(fields.integer("Limit"), fields.string("Marker"), LIMIT_DEFAULT, LIMIT_MAX),
        })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for ListGrants {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        grant_is_for_aws_resource(key)
    }
}

impl Read for ListGrants {
    fn run(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Grants, Error> {
        let arn = target.0.arn;
        let (region, key) = (arn.region, arn.id);
        let grantee = self.grantee.as_ref().map(|text| wanted(text, facts)).transpose()?;
        let id = self.grant_id.map(|id| id.to_string()).unwrap_or_default();
        let filter = format!("{key} {id} {}", self.grantee.as_deref().unwrap_or_default());
        let after = self.page.after::<Self>(facts, &filter)?;
        let after = after.map(|id| id.parse().map_err(|_| Error::InvalidMarker)).transpose()?;
        let grants: Box<dyn Iterator<Item = &Arc<Grant>>> = match (self.grant_id, &grantee) {
            (Some(id), _) => Box::new(facts.view.grant(region, key, id).into_iter().filter(|_| after.is_none())),
            (None, Some(Wanted::Principal(to))) => Box::new(facts.view.grants_to(region, key, to.clone(), after)),
            (None, Some(Wanted::Nobody)) => Box::new(std::iter::empty()),
            (None, None) => Box::new(facts.view.grants_on(region, key, after)),
        };
        let of_grantee = grants.filter(|grant| match &grantee {
            Some(Wanted::Principal(wanted)) => grant.grantee.bound() == *wanted,
            Some(Wanted::Nobody) => false,
            None => true,
        });
        let page = self.page.take::<Self, _>(facts, &filter, of_grantee, |grant| grant.id.to_string())?;
        Ok(Grants::shown(page, facts.view))
    }
}

/// Whose grants are wanted.
enum Wanted {
    /// A principal that does not exist, so that it was granted nothing.
    Nobody,
    /// One that exists, or did.
    Principal(BoundPrincipal),
}

/// A principal by its ARN, or, if it is gone, by the unique id that answers show instead.
fn wanted(text: &str, facts: &Facts<'_>) -> Result<Wanted, Error> {
    let (id, session) = match text.split_once(':') {
        Some((id, session)) => (id, Some(session)),
        None => (text, None),
    };
    if let Ok(id) = id.parse::<PrincipalId>() {
        let session = session.map(str::parse::<RoleSessionName>).transpose();
        return match (id, session.map_err(|_| grant_principals::unknown(text))?) {
            (id, None) => Ok(Wanted::Principal(BoundPrincipal::Principal(id))),
            (PrincipalId::Role(role), Some(session)) => Ok(Wanted::Principal(BoundPrincipal::Session(role, session))),
            (PrincipalId::User(_), Some(_)) => Ok(Wanted::Nobody),
        };
    }
    let found = grant_principals::find(&grant_principals::parse(text)?, facts.view);
    Ok(found.map_or(Wanted::Nobody, |principal| Wanted::Principal(principal.bound())))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{HOME, TestKms, refused};

    fn ids(kms: &TestKms, mut body: Value) -> Vec<String> {
        let mut listed = Vec::new();
        loop {
            let reply = kms.ok("ListGrants", body.clone());
            let page = reply["Grants"].as_array().unwrap();
            listed.extend(page.iter().map(|entry| entry["GrantId"].as_str().unwrap().to_owned()));
            match reply.get("NextMarker") {
                Some(next) => body["Marker"] = next.clone(),
                None => return listed,
            }
        }
    }

    #[test]
    fn of_a_key_or_of_a_grantee() {
        let kms = TestKms::new();
        let (key, other_key) = (kms.key(), kms.key());
        let (ann, bob) = (kms.admin().user("ann", ""), kms.admin().user("bob", ""));
        let mut of_ann: Vec<_> = (0..7).map(|_| kms.admin().grant(&key, ann, &["Encrypt"])).collect();
        let mut all = of_ann.clone();
        all.extend((0..5).map(|_| kms.admin().grant(&key, bob, &["Encrypt"])));
        kms.admin().grant(&other_key, ann, &["Encrypt"]);
        of_ann.sort();
        all.sort();
        for limit in [1, 2, 7, 12, 1000] {
            assert_eq!(ids(&kms, json!({"KeyId": key, "Limit": limit})), all, "{limit}");
            let filtered = json!({"KeyId": key, "Limit": limit, "GranteePrincipal": ann.arn()});
            assert_eq!(ids(&kms, filtered), of_ann, "{limit}");
        }
        let one = |grantee: &str| ids(&kms, json!({"KeyId": key, "GrantId": of_ann[0], "GranteePrincipal": grantee}));
        assert_eq!((one(&ann.arn()), one(&bob.arn())), (vec![of_ann[0].clone()], Vec::new()));
        assert_eq!(ids(&kms, json!({"KeyId": other_key, "GrantId": of_ann[0]})), [""; 0]);
        assert_eq!(
            ids(&kms, json!({"KeyId": key, "GranteePrincipal": format!("arn:aws:iam::{HOME}:user/none")})),
            [""; 0]
        );
        let invalid = refused("InvalidArnException", "ARN does not refer to a valid principal: ann");
        assert_eq!(kms.call("ListGrants", json!({"KeyId": key, "GranteePrincipal": "ann"})), Err(invalid));
        let invalid = refused("InvalidGrantIdException", "The grant ID is not valid.");
        assert_eq!(kms.call("ListGrants", json!({"KeyId": key, "GrantId": "x"})), Err(invalid));
        // A marker belongs to the key and the filters.
        let marker = kms.ok("ListGrants", json!({"KeyId": key, "Limit": 1}))["NextMarker"].clone();
        let invalid = refused("InvalidMarkerException", "The marker is not valid for this request.");
        for body in [json!({"KeyId": other_key}), json!({"KeyId": key, "GranteePrincipal": ann.arn()})] {
            let mut body = body;
            body["Marker"] = marker.clone();
            assert_eq!(kms.call("ListGrants", body), Err(invalid.clone()));
        }
    }

    #[test]
    fn pages_hold_50_or_up_to_100() {
        let kms = TestKms::new();
        let key = kms.key();
        (0..102).for_each(|_| drop(kms.admin().grant(&key, kms.admin(), &["Encrypt"])));
        for (limit, want) in [(json!(null), 50), (json!(99), 99), (json!(100), 100), (json!(1000), 100)] {
            let reply = kms.ok("ListGrants", json!({"KeyId": key, "Limit": limit}));
            assert_eq!(reply["Grants"].as_array().unwrap().len(), want, "{limit}");
            assert_eq!(reply["Truncated"], true);
        }
    }

    /// Source: API reference, GrantListEntry.
    #[test]
    fn an_entry() {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", "");
        let constraints = json!({"EncryptionContextEquals": {"b": "2", "a": "1"}});
        let body = json!({
            "KeyId": key, "GranteePrincipal": ann.arn(), "RetiringPrincipal": HOME, "Name": "a/b:c-D_1",
            "Operations": ["DescribeKey", "Encrypt", "Decrypt"], "Constraints": constraints,
        });
        let id = kms.ok("CreateGrant", body)["GrantId"].clone();
        let mut reply = kms.ok("ListGrants", json!({"KeyId": key}));
        assert!(reply["Grants"][0].as_object_mut().unwrap().remove("CreationDate").unwrap().is_number());
        let root = format!("arn:aws:iam::{HOME}:root");
        let entry = json!({
            "KeyId": kms.admin().key_arn(&key), "GrantId": id, "Name": "a/b:c-D_1", "GranteePrincipal": ann.arn(),
            "RetiringPrincipal": root, "IssuingAccount": root, "Operations": ["Decrypt", "Encrypt", "DescribeKey"],
            "Constraints": constraints,
        });
        assert_eq!(reply, json!({"Grants": [entry], "Truncated": false}));
    }

    /// A grantee that is gone is shown, and asked for, by its unique id: its name may be another's by then.
    #[test]
    fn a_grantee_that_is_gone() {
        let kms = TestKms::new();
        let key = kms.key();
        let user_id = |kms: &TestKms| {
            let reply = kms.ok("GetUser", json!({"UserName": "ann"}));
            reply["User"]["UserId"].as_str().unwrap().to_owned()
        };
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let (first, arn) = (user_id(&kms), format!("arn:aws:iam::{HOME}:user/ann"));
        let body = json!({"KeyId": key, "GranteePrincipal": arn, "RetiringPrincipal": arn, "Operations": ["Encrypt"]});
        let id = kms.ok("CreateGrant", body)["GrantId"].as_str().unwrap().to_owned();
        kms.ok("DeleteUser", json!({"UserName": "ann"}));
        for successor in [false, true] {
            if successor {
                kms.ok("CreateUser", json!({"UserName": "ann"}));
            }
            let entry = kms.ok("ListGrants", json!({"KeyId": key}))["Grants"][0].take();
            assert_eq!((&entry["GranteePrincipal"], &entry["RetiringPrincipal"]), (&json!(first), &json!(first)));
            assert_eq!(ids(&kms, json!({"KeyId": key, "GranteePrincipal": first})), std::slice::from_ref(&id));
            assert_eq!(ids(&kms, json!({"KeyId": key, "GranteePrincipal": arn})), [""; 0]);
        }
        assert_ne!(user_id(&kms), first);
    }
}
