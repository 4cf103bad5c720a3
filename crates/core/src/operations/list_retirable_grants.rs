//! `ListRetirableGrants`: the grants that a principal may retire, on keys of any account. Source: API reference,
//! ListRetirableGrants.

use claviger_types::{GrantId, KeyId};

use crate::error::Error;
use crate::keys::grant_entries::{Grants, LIMIT_DEFAULT, LIMIT_MAX};
use crate::keys::grant_principals;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, KeyTarget, RetiringPrincipal};
use crate::wire::Fields;

/// The request.
pub struct ListRetirableGrants {
    retiring: String,
    page: Page,
}

impl Operation for ListRetirableGrants {
    const NAME: &'static str = "ListRetirableGrants";
    type Target = RetiringPrincipal;
    type Reply = Grants;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let page = Page::new(fields.integer("Limit"), fields.string("Marker"), LIMIT_DEFAULT, LIMIT_MAX);
        let retiring = match fields.string("RetiringPrincipal") {
            Some(retiring) => retiring,
            // A service principal in its place is refused by whoever sees that it was not taken.
            None if fields.present("RetiringServicePrincipal") => String::new(),
            None => return Err(Error::Validation("Specify a retiring principal.".into())),
        };
        Ok(Self { retiring, page })
    }

    fn target(&self) -> &String {
        &self.retiring
    }
}

impl Read for ListRetirableGrants {
    fn run(&self, facts: &Facts<'_>, target: Authorized<RetiringPrincipal>) -> Result<Grants, Error> {
        let principal = grant_principals::find(&target.0, facts.view);
        let principal = principal.ok_or_else(|| grant_principals::unknown(&self.retiring))?;
        let filter = target.0.to_string();
        let after = self.page.after::<Self>(facts, &filter)?;
        let after = after.map(|place| parse(&place).ok_or(Error::InvalidMarker)).transpose()?;
        let grants = facts.view.grants_retirable_by(facts.region(), principal.bound(), after);
        // A grant vanishes with its key, at the same moment.
        let living = grants.filter(|grant| KeyTarget::exists(grant.key.id, facts));
        let page =
            self.page.take::<Self, _>(facts, &filter, living, |grant| format!("{}/{}", grant.key.id, grant.id))?;
        Ok(Grants::shown(page, facts.view))
    }
}

/// A grant's place in the list.
fn parse(place: &str) -> Option<(KeyId, GrantId)> {
    let (key, id) = place.split_once('/')?;
    Some((key.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::testing::test_kms::{AWAY, HOME, Session, TestKms, refused, statement, validation};

    fn ids(session: Session<'_>, retiring: &str, limit: usize) -> Vec<String> {
        let mut body = json!({"RetiringPrincipal": retiring, "Limit": limit});
        let mut listed = Vec::new();
        loop {
            let reply = session.ok("ListRetirableGrants", body.clone());
            let page = reply["Grants"].as_array().unwrap();
            listed.extend(page.iter().map(|entry| format!("{} {}", entry["KeyId"], entry["GrantId"])));
            match reply.get("NextMarker") {
                Some(next) => body["Marker"] = next.clone(),
                None => return listed,
            }
        }
    }

    fn retirable(creator: Session<'_>, key: &str, retiring: &str) -> String {
        let body = json!({"KeyId": key, "GranteePrincipal": creator.arn(), "RetiringPrincipal": retiring,
            "Operations": ["Encrypt"]});
        format!("{} {}", Value::from(creator.key_arn(key)), creator.ok("CreateGrant", body)["GrantId"])
    }

    /// On keys of all accounts, until their keys are gone.
    #[test]
    fn of_one_principal() {
        let kms = TestKms::new();
        let away = kms.away();
        let (keys, away_key) = ([kms.key(), kms.key()], away.key("SYMMETRIC_DEFAULT"));
        let ann = kms.admin().user("ann", "");
        let mut wanted = vec![retirable(away, &away_key, &ann.arn())];
        for key in &keys {
            wanted.extend((0..3).map(|_| retirable(kms.admin(), key, &ann.arn())));
            retirable(kms.admin(), key, &kms.admin().arn());
            retirable(kms.admin(), key, HOME);
        }
        let key_of = |entry: &String| entry.split(['/', '"']).nth(2).unwrap().to_owned();
        wanted.sort_by_key(|entry| (key_of(entry), entry.clone()));
        for limit in [1, 3, 100] {
            assert_eq!(ids(kms.admin(), &ann.arn(), limit), wanted, "{limit}");
        }
        assert_eq!(ids(kms.admin(), HOME, 100).len(), 2);
        assert_eq!(ids(kms.admin(), &format!("arn:aws:iam::{HOME}:root"), 100).len(), 2);
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": keys[0], "PendingWindowInDays": 7}));
        kms.pass(Duration::from_secs(7 * 86_400));
        wanted.retain(|entry| !entry.contains(&keys[0]));
        assert_eq!(ids(kms.admin(), &ann.arn(), 2), wanted);
    }

    /// Source: developer guide, "AWS KMS permissions": on the principal, which is of the caller's account.
    #[test]
    fn who_may() {
        let kms = TestKms::new();
        let arn = format!("arn:aws:iam::{HOME}:user/ann");
        let ann = kms.admin().user("ann", &statement("Allow", "kms:ListRetirableGrants", &arn));
        ann.ok("ListRetirableGrants", json!({"RetiringPrincipal": arn}));
        let root = format!("arn:aws:iam::{HOME}:root");
        let because = "because no identity-based policy allows the kms:ListRetirableGrants action";
        let denied = ann.denied("kms:ListRetirableGrants", &format!(" on resource: {root} {because}"));
        assert_eq!(ann.call("ListRetirableGrants", json!({"RetiringPrincipal": HOME})), Err(denied));
        for foreign in [AWAY, &kms.away().arn()] {
            let answer = kms.call("ListRetirableGrants", json!({"RetiringPrincipal": foreign}));
            assert_eq!(answer.unwrap_err().code, "AccessDeniedException", "{foreign}");
        }
        for unknown in [format!("arn:aws:iam::{HOME}:user/none"), "ann".into()] {
            let text = format!("ARN does not refer to a valid principal: {unknown}");
            let answer = kms.call("ListRetirableGrants", json!({"RetiringPrincipal": unknown}));
            assert_eq!(answer, Err(refused("InvalidArnException", &text)));
        }
        let missing = validation("Specify a retiring principal.");
        assert_eq!(kms.call("ListRetirableGrants", json!({})), Err(missing));
    }
}
