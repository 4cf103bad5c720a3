//! `CreateGrant`: permissions on a key for one principal. Source: API reference, CreateGrant.

use claviger_keyring::{TokenSeed, random};
use claviger_policy::{Action, ConditionKey, GrantTerms, Values};
use claviger_types::{EncryptionContext, GrantConstraint, GrantId, GrantOperation, GrantOperations, limits};
use serde::Serialize;

use crate::error::Error;
use crate::keys::checks::check_enabled;
use crate::keys::grants::{check_fits, check_terms, grant_is_for_aws_resource, name_digest};
use crate::keys::{edits, grant_principals, grant_tokens};
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::members::{self, dry_run, key_id_or_arn};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome, Quota};
use crate::pipeline::request::RequestContext;
use crate::records::NamedGrantRecord;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::view::{Grant, GrantName, Key, terms};
use crate::wire::Fields;

/// The request.
pub struct CreateGrant {
    key_id: KeyName,
    grantee: String,
    retiring: Option<String>,
    operations: GrantOperations,
    constraint: Option<GrantConstraint>,
    terms: GrantTerms,
    name: Option<String>,
    grant_tokens: Vec<String>,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    grant_token: String,
    grant_id: GrantId,
}

/// What is drawn at random.
pub struct Fresh {
    id: GrantId,
    token: TokenSeed,
}

impl Operation for CreateGrant {
    const NAME: &'static str = "CreateGrant";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let operation = |name: String| {
            GrantOperation::from_name(&name).ok_or_else(|| Error::Internal(format!("{name} passed the constraints")))
        };
        let operations = fields.strings("Operations").unwrap_or_default();
        let operations = operations.into_iter().map(operation).collect::<Result<GrantOperations, Error>>()?;
        let constraint = constraint(fields)?;
        check_terms(operations, constraint.as_ref())?;
        Ok(Self {
            key_id: key_id_or_arn(fields, "KeyId"),
            grantee: grantee(fields)?,
            retiring: fields.string("RetiringPrincipal"),
            operations,
            terms: terms(operations, constraint.as_ref()),
            constraint,
            name: fields.string("Name"),
            grant_tokens: members::grant_tokens(fields),
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for CreateGrant {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsGrantConstraintType => Values::optional(match self.constraint {
                Some(GrantConstraint::Equals(_)) => Some("EncryptionContextEquals"),
                Some(GrantConstraint::Subset(_)) => Some("EncryptionContextSubset"),
                None => None,
            }),
            ConditionKey::KmsGrantOperations => {
                Values::Many(self.operations.iter().map(|operation| operation.as_str().into()).collect())
            }
            ConditionKey::KmsGranteePrincipal => Values::text(grant_principals::named(&self.grantee)),
            ConditionKey::KmsRetiringPrincipal => {
                Values::optional(self.retiring.as_deref().map(grant_principals::named))
            }
            key => grant_is_for_aws_resource(key),
        }
    }

    /// That of the constraint. Source: developer guide, "kms:EncryptionContext:context-key".
    fn encryption_context(&self, _: Action) -> Option<&EncryptionContext> {
        match &self.constraint {
            Some(GrantConstraint::Equals(context) | GrantConstraint::Subset(context)) => Some(context),
            None => None,
        }
    }

    fn new_grant(&self) -> Option<&GrantTerms> {
        Some(&self.terms)
    }

    fn grant_tokens(&self) -> &[String] {
        &self.grant_tokens
    }
}

impl Command for CreateGrant {
    type Prepared = Fresh;

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<KeyTarget>, _: &Tools<'_>) -> Result<Fresh, Error> {
        Ok(Fresh { id: GrantId::from_random(random()?), token: TokenSeed::fresh()? })
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>, fresh: &Fresh) -> Result<Outcome<Reply>, Error> {
        let key = &target.0;
        check_enabled(key, facts)?;
        check_fits(key, self.operations, self.constraint.as_ref())?;
        let grant = self.grant(key, fresh.id, facts)?;
        let (region, id) = (key.arn.region, key.arn.id);
        let changes = edits::unchanged(key);
        let made_before = grant.name.as_ref().and_then(|name| facts.view.named_grant(region, id, &name.digest));
        let (changes, id) = match made_before {
            Some(known) => (changes.unchanged(paths::grant(region, id, known.id), known.revision), known.id),
            None => (create(changes, &grant), grant.id),
        };
        let grant_token = grant_tokens::seal(key.arn, id, &fresh.token, facts)?;
        Ok(changes.reply(Reply { grant_token, grant_id: id }))
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl CreateGrant {
    fn grant(&self, key: &Key, id: GrantId, facts: &Facts<'_>) -> Result<Grant, Error> {
        let retiring = self.retiring.as_ref().map(|text| grant_principals::bind(text, facts.view));
        let mut grant = Grant {
            key: key.arn,
            id,
            grantee: grant_principals::bind(&self.grantee, facts.view)?,
            retiring: retiring.transpose()?,
            operations: self.operations,
            constraint: self.constraint.clone(),
            terms: self.terms.clone(),
            name: self.name.clone().map(|name| GrantName { name, digest: [0; 32] }),
            issuing_account: facts.account(),
            created_at: facts.now,
            revision: facts.view.revision(),
        };
        let digest = name_digest(&grant);
        grant.name.iter_mut().for_each(|name| name.digest = digest);
        Ok(grant)
    }
}

/// Of two requests with one name and the same members, the one that comes second finds the name's record.
fn create(changes: Changes, grant: &Grant) -> Changes {
    let (region, key) = (grant.key.region, grant.key.id);
    let changes = changes.create(paths::grant(region, key, grant.id), &grant.to_record());
    let changes = match &grant.name {
        Some(name) => {
            let record = NamedGrantRecord { grant_id: grant.id.to_string() };
            changes.create(paths::named_grant(region, key, &name.digest), &record)
        }
        None => changes,
    };
    changes.count_in(paths::grant_count(region, key), Quota::GrantsPerKey, limits::GRANTS_PER_KEY_MAX)
}

/// A service principal in its place is refused by whoever sees that it was not taken.
fn grantee(fields: &mut Fields) -> Result<String, Error> {
    match fields.string("GranteePrincipal") {
        Some(grantee) => Ok(grantee),
        None if fields.present("GranteeServicePrincipal") => Ok(String::new()),
        None => Err(Error::Validation("A grant must have a grantee principal.".into())),
    }
}

fn constraint(fields: &mut Fields) -> Result<Option<GrantConstraint>, Error> {
    let Some(mut constraints) = fields.structure("Constraints") else { return Ok(None) };
    let mut context = |member: &str| {
        let pairs = constraints.map(member).map(EncryptionContext::from_pairs).transpose();
        pairs.map_err(|_| Error::Validation("Invalid EncryptionContext".into()))
    };
    let constraint = match (context("EncryptionContextEquals")?, context("EncryptionContextSubset")?) {
        (Some(_), Some(_)) => {
            let text = "A grant constraint is either EncryptionContextEquals or EncryptionContextSubset, not both.";
            return Err(Error::Validation(text.into()));
        }
        (Some(context), None) => Some(GrantConstraint::Equals(context)),
        (None, Some(context)) => Some(GrantConstraint::Subset(context)),
        (None, None) => None,
    };
    match constraints.untaken() {
        Some(member) => Err(Error::Unsupported(format!("Claviger does not support {member} in CreateGrant yet."))),
        None => Ok(constraint),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::paths;
    use crate::testing::test_kms::{AWAY, HOME, REGION, Session, TestKms, policy, refused, statement, validation};

    fn invalid_arn(principal: &str) -> crate::testing::test_kms::Refused {
        refused("InvalidArnException", &format!("ARN does not refer to a valid principal: {principal}"))
    }

    fn with(mut body: Value, changes: &Value) -> Value {
        let changes = changes.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(changes);
        body
    }

    /// Source: docs/compatibility.md, CreateGrant. Terms are judged before the key is looked for, principals after it.
    #[test]
    fn refused_terms() {
        let kms = TestKms::new();
        let (key, hmac) = (kms.key(), kms.admin().key("HMAC_256"));
        let pairs = |count: usize| (0..count).map(|n| (n.to_string(), json!("v"))).collect::<serde_json::Map<_, _>>();
        let only_create = validation("Grants must not contain only the CreateGrant operation.");
        for (changes, want) in [
            (json!({"Operations": ["CreateGrant"]}), only_create.clone()),
            (json!({"Operations": ["CreateGrant", "CreateGrant"]}), only_create),
            (json!({"Operations": []}), validation("A grant must permit at least one operation.")),
            (json!({"GranteePrincipal": null}), validation("A grant must have a grantee principal.")),
            (
                json!({"Constraints": {"EncryptionContextEquals": {}, "EncryptionContextSubset": {}}}),
                validation(
                    "A grant constraint is either EncryptionContextEquals or EncryptionContextSubset, not both.",
                ),
            ),
            (
                json!({"Constraints": {"EncryptionContextSubset": pairs(9)}}),
                validation("A grant constraint must have at most 8 encryption context pairs."),
            ),
            (
                json!({"Constraints": {"EncryptionContextEquals": {"a": "é".repeat(385)}}}),
                validation("A value in a grant constraint must have at most 384 characters."),
            ),
        ] {
            let body = json!({"KeyId": "foo", "GranteePrincipal": HOME, "Operations": ["Encrypt"]});
            assert_eq!(kms.call("CreateGrant", with(body, &changes)), Err(want), "{changes}");
        }
        for (key, operation, spec) in [
            (&key, "Sign", "SYMMETRIC_DEFAULT"),
            (&key, "GenerateMac", "SYMMETRIC_DEFAULT"),
            (&hmac, "Encrypt", "HMAC_256"),
        ] {
            let text = format!("Operation {operation} is not supported by a KMS key with key spec {spec}.");
            let body = json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["DescribeKey", operation]});
            assert_eq!(kms.call("CreateGrant", body), Err(validation(&text)), "{operation}");
        }
        let body = json!({"KeyId": hmac, "GranteePrincipal": HOME, "Operations": ["GenerateMac"]});
        let constrained = with(body, &json!({"Constraints": {"EncryptionContextSubset": {"a": "b"}}}));
        let text = "Encryption context constraints are for grants on symmetric encryption KMS keys only.";
        assert_eq!(kms.call("CreateGrant", constrained), Err(validation(text)));
        let most = json!({"Constraints": {"EncryptionContextEquals": pairs(8)}});
        kms.ok("CreateGrant", with(json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"]}), &most));
    }

    #[test]
    fn principals() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateUser", json!({"UserName": "ann", "Path": "/team/"}));
        let arn = |rest: &str| format!("arn:aws:iam::{HOME}:{rest}");
        for (principal, shown) in [
            (HOME.to_owned(), arn("root")),
            (arn("root"), arn("root")),
            (AWAY.to_owned(), format!("arn:aws:iam::{AWAY}:root")),
            (arn("user/admin"), arn("user/admin")),
            (arn("user/team/ann"), arn("user/team/ann")),
            (kms.away().arn(), kms.away().arn()),
        ] {
            let body = json!({"KeyId": key, "GranteePrincipal": principal, "RetiringPrincipal": principal,
                "Operations": ["Encrypt"]});
            let id = kms.ok("CreateGrant", body)["GrantId"].clone();
            let entry = kms.ok("ListGrants", json!({"KeyId": key, "GrantId": id}))["Grants"][0].take();
            assert_eq!((&entry["GranteePrincipal"], &entry["RetiringPrincipal"]), (&json!(shown), &json!(shown)));
        }
        for principal in [
            "777788889999",
            "arn:aws:iam::777788889999:root",
            "ann",
            "arn:aws:iam::aws:policy/p",
            &arn("user/ann"),
            &arn("user/team/Ann"),
            &arn("user/nobody"),
            &arn("role/nobody"),
            &format!("arn:aws:sts::{HOME}:assumed-role/nobody/session"),
        ] {
            for member in ["GranteePrincipal", "RetiringPrincipal"] {
                let body = json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"]});
                let answer = kms.call("CreateGrant", with(body, &json!({member: principal})));
                assert_eq!(answer, Err(invalid_arn(principal)), "{member}");
            }
        }
    }

    /// An account's number means its root: a policy that speaks of the root's ARN holds for both ways to write it.
    #[test]
    fn conditions_see_arns() {
        let kms = TestKms::new();
        let key = kms.key();
        let root = format!("arn:aws:iam::{HOME}:root");
        for (name, condition_key, member) in [
            ("grantee", "kms:GranteePrincipal", "GranteePrincipal"),
            ("retiring", "kms:RetiringPrincipal", "RetiringPrincipal"),
        ] {
            let deny = json!({"Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*",
                "Condition": {"StringEquals": {condition_key: root}}});
            let caller = kms.admin().user(name, &format!("{},{deny}", statement("Allow", "kms:*", "*")));
            let plain = json!({"KeyId": key, "GranteePrincipal": caller.arn(), "Operations": ["Encrypt"]});
            caller.ok("CreateGrant", plain.clone());
            for text in [HOME, &root] {
                assert!(caller.call("CreateGrant", with(plain.clone(), &json!({member: text}))).is_err(), "{text}");
            }
        }
    }

    /// Source: API reference, CreateGrant, Name: the same request gives the same grant, with a token of its own.
    #[test]
    fn a_name_makes_it_idempotent() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let ann = format!("arn:aws:iam::{HOME}:user/ann");
        let plain = json!({"KeyId": key, "GranteePrincipal": ann, "Operations": ["Encrypt", "Decrypt"]});
        let named = with(plain.clone(), &json!({"Name": "n"}));
        let create = |body: &Value| {
            let reply = kms.ok("CreateGrant", body.clone());
            (reply["GrantId"].as_str().unwrap().to_owned(), reply["GrantToken"].as_str().unwrap().to_owned())
        };
        let count = || kms.store.counter(&paths::grant_count(REGION.parse().unwrap(), key.parse().unwrap()));
        assert_ne!(create(&plain).0, create(&plain).0);
        let (first, token) = create(&named);
        let known = count();
        for same in [
            json!({}),
            json!({"Operations": ["Decrypt", "Encrypt", "Decrypt"]}),
            json!({"KeyId": kms.admin().key_arn(&key)}),
            json!({"Constraints": {}}),
            json!({"DryRun": false}),
        ] {
            let (again, other_token) = create(&with(named.clone(), &same));
            assert_eq!(again, first, "{same}");
            assert_ne!(other_token, token, "{same}");
        }
        assert_eq!(count(), known);
        let mut ids = vec![first.clone()];
        for other in [
            json!({"Name": "N"}),
            json!({"Operations": ["Encrypt"]}),
            json!({"RetiringPrincipal": ann}),
            json!({"GranteePrincipal": HOME}),
            json!({"Constraints": {"EncryptionContextEquals": {"a": "b"}}}),
            json!({"Constraints": {"EncryptionContextSubset": {"a": "b"}}}),
            json!({"KeyId": kms.key()}),
        ] {
            let body = with(named.clone(), &other);
            let (id, _) = create(&body);
            assert_eq!(create(&body).0, id, "{other}");
            assert!(!ids.contains(&id), "{other}");
            ids.push(id);
        }
        // Once it is gone, its name makes a new one, and so does a successor of the grantee.
        kms.ok("RevokeGrant", json!({"KeyId": key, "GrantId": first}));
        let (second, _) = create(&named);
        assert_ne!(second, first);
        kms.ok("DeleteUser", json!({"UserName": "ann"}));
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        assert_ne!(create(&named).0, second);
    }

    /// Who has CreateGrant by a grant alone can pass on what that grant has, and nothing else.
    #[test]
    fn no_grant_gives_more_than_its_creator_was_granted() {
        let kms = TestKms::new();
        let (key, other_key) = (kms.key(), kms.key());
        let (ann, bob) = (kms.admin().user("ann", ""), kms.admin().user("bob", ""));
        let of_ann = json!({
            "KeyId": key, "GranteePrincipal": ann.arn(), "Operations": ["Encrypt", "CreateGrant", "RetireGrant"],
            "Constraints": {"EncryptionContextSubset": {"team": "blue"}},
        });
        kms.ok("CreateGrant", of_ann);
        kms.admin().grant(&key, ann, &["Decrypt", "DescribeKey"]);
        let subset = |pairs: Value| json!({"EncryptionContextSubset": pairs});
        let equals = |pairs: Value| json!({"EncryptionContextEquals": pairs});
        let blue = || subset(json!({"team": "blue"}));
        let create = |session: Session<'_>, key: &str, operations: Value, constraints: Value| {
            let body = json!({"KeyId": key, "GranteePrincipal": bob.arn(), "Operations": operations,
                "Constraints": constraints});
            session.call("CreateGrant", body)
        };
        for (operations, constraints) in [
            (json!(["Encrypt"]), blue()),
            (json!(["Encrypt", "CreateGrant", "RetireGrant"]), blue()),
            (json!(["Encrypt"]), subset(json!({"team": "blue", "app": "a"}))),
            (json!(["Encrypt"]), equals(json!({"team": "blue"}))),
            (json!(["Encrypt"]), equals(json!({"app": "a", "team": "blue"}))),
        ] {
            let answer = create(ann, &key, operations.clone(), constraints.clone());
            assert!(answer.is_ok(), "{operations} {constraints}: {answer:?}");
        }
        let because = "because no identity-based policy allows the kms:CreateGrant action";
        for (operations, constraints) in [
            (json!(["Encrypt"]), json!(null)),
            (json!(["Encrypt"]), json!({})),
            (json!(["Encrypt"]), subset(json!({}))),
            (json!(["Encrypt"]), equals(json!({}))),
            (json!(["Encrypt"]), subset(json!({"Team": "blue"}))),
            (json!(["Encrypt"]), subset(json!({"team": "Blue"}))),
            (json!(["Encrypt"]), subset(json!({"team": "blue "}))),
            (json!(["Encrypt"]), subset(json!({"app": "blue"}))),
            (json!(["Encrypt"]), equals(json!({"app": "a"}))),
            // What another grant of hers has does not add to it.
            (json!(["Decrypt"]), blue()),
            (json!(["Encrypt", "DescribeKey"]), blue()),
            (json!(["Encrypt", "GenerateDataKey"]), blue()),
            (json!(["Encrypt", "ReEncryptFrom"]), blue()),
        ] {
            let answer = create(ann, &key, operations.clone(), constraints.clone());
            let want = ann.denied("kms:CreateGrant", &format!(" on resource: {} {because}", ann.key_arn(&key)));
            assert_eq!(answer, Err(want), "{operations} {constraints}");
        }
        assert!(create(ann, &other_key, json!(["Encrypt"]), blue()).is_err(), "another key");
        // Neither the grantee of a grant that ann made, nor one without CreateGrant, passes anything on.
        kms.admin().grant(&other_key, bob, &["Encrypt"]);
        assert!(create(bob, &other_key, json!(["Encrypt"]), json!(null)).is_err(), "no CreateGrant");
        // CreateGrant alone is not to be had, by whomever.
        let alone = validation("Grants must not contain only the CreateGrant operation.");
        assert_eq!(create(ann, &key, json!(["CreateGrant"]), blue()), Err(alone));
        // What bob got through ann's grants is bound by hers.
        let encrypt = |context: Value| {
            bob.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA", "EncryptionContext": context})).is_ok()
        };
        assert!(encrypt(json!({"team": "blue"})) && encrypt(json!({"team": "blue", "x": "y"})));
        assert!(!encrypt(json!({})) && !encrypt(json!({"team": "red"})));
    }

    /// A chain goes on without the grant that began it, and an exact constraint is passed on exactly.
    #[test]
    fn chains() {
        let kms = TestKms::new();
        let key = kms.key();
        let users = ["ann", "bob", "cat"].map(|name| kms.admin().user(name, ""));
        let equals = json!({"EncryptionContextEquals": {"a": "1"}});
        let mut creator = kms.admin();
        let mut ids = Vec::new();
        for user in users {
            let body = json!({"KeyId": key, "GranteePrincipal": user.arn(), "Constraints": equals,
                "Operations": ["Encrypt", "CreateGrant"]});
            let wider = with(body.clone(), &json!({"Constraints": {"EncryptionContextSubset": {"a": "1"}}}));
            assert!(creator.arn() == kms.admin().arn() || creator.call("CreateGrant", wider).is_err());
            ids.push(creator.ok("CreateGrant", body)["GrantId"].clone());
            creator = user;
        }
        kms.ok("RevokeGrant", json!({"KeyId": key, "GrantId": ids[0]}));
        let encrypt = json!({"KeyId": key, "Plaintext": "AAAA", "EncryptionContext": {"a": "1"}});
        assert!(users[2].call("Encrypt", encrypt).is_ok());
        let body = json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"], "Constraints": equals});
        assert!(users[1].call("CreateGrant", body.clone()).is_ok());
        kms.ok("RevokeGrant", json!({"KeyId": key, "GrantId": ids[1]}));
        assert!(users[1].call("CreateGrant", body).is_err());
    }

    /// Source: authorization across accounts: the key's policy and the caller's account must both let it through.
    #[test]
    fn on_a_key_of_another_account() {
        let kms = TestKms::new();
        let (away, key) = (kms.away(), kms.key());
        let arn = kms.admin().key_arn(&key);
        let body = json!({"KeyId": arn, "GranteePrincipal": away.arn(), "Operations": ["DescribeKey"]});
        assert_eq!(away.call("CreateGrant", body.clone()).unwrap_err().code, "AccessDeniedException");
        let open = policy(
            r#"{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":["111122223333","444455556666"]}}"#,
        );
        kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": open}));
        let id = away.ok("CreateGrant", body.clone())["GrantId"].clone();
        let stranger = away.user("stranger", "");
        assert_eq!(stranger.call("CreateGrant", body.clone()).unwrap_err().code, "AccessDeniedException");
        let allowed = away.user("allowed", &statement("Allow", "kms:CreateGrant", &arn));
        allowed.ok("CreateGrant", body);
        for session in [kms.admin(), away] {
            let listed = session.ok("ListGrants", json!({"KeyId": arn, "GrantId": id}));
            let entry = &listed["Grants"][0];
            assert_eq!(entry["KeyId"], arn);
            assert_eq!(entry["IssuingAccount"], format!("arn:aws:iam::{AWAY}:root"));
        }
        away.ok("RevokeGrant", json!({"KeyId": arn, "GrantId": id}));
    }

    #[test]
    fn a_dry_run_makes_nothing() {
        let kms = TestKms::new();
        let key = kms.key();
        let body = json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"], "DryRun": true});
        assert_eq!(kms.call("CreateGrant", body.clone()).unwrap_err().code, "DryRunOperationException");
        let unknown = with(body, &json!({"GranteePrincipal": "777788889999"}));
        assert_eq!(kms.call("CreateGrant", unknown), Err(invalid_arn("777788889999")));
        assert_eq!(kms.ok("ListGrants", json!({"KeyId": key}))["Grants"], json!([]));
    }
}
