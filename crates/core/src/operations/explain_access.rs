//! `ExplainAccess`: may this principal do this, on this key, in these circumstances, and why? Nothing is done.
//! Source: models/claviger, ExplainAccess.
//!
//! Of another account's key it tells what the principal's own side says, and not even whether there is such a key.

use claviger_policy::{
    Action, ConditionKey, Explanation, KeyResource, Request, Resource, RoleResource, explain_by_identity,
    explain_on_key, explain_on_role,
};
use claviger_types::{PrincipalArn, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::explain::besides::{self, Besides, Refusal};
use crate::explain::owner::Owner;
use crate::explain::report::Report;
use crate::explain::supposed::{Supposed, Told, Untold};
use crate::explain::wanted;
use crate::pipeline::call::Facts;
use crate::pipeline::members;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{
    Authorized, Circumstances, IamResource, KeyAskedAbout, KeyName, OrganizationResource, PolicyOwner, PolicyOwnerName,
    PolicyOwnerTarget, ResourceType, Subject, anything,
};
use crate::view::Grant;
use crate::wire::Fields;

/// The request.
pub struct ExplainAccess {
    principal: PolicyOwnerName,
    action: Action,
    on: On,
    told: Told,
}

/// What the action is asked on.
enum On {
    Key(KeyName),
    /// An ARN or `*`, of which only the principal's own policies are asked.
    Resource(String),
    Role(PrincipalArn),
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    principal_arn: String,
    action: String,
    resource: String,
    #[serde(flatten)]
    report: Report,
}

impl Operation for ExplainAccess {
    const NAME: &'static str = "ExplainAccess";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = PolicyOwnerTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let principal = match fields.string("PrincipalArn") {
            None => PolicyOwnerName::Caller,
            Some(arn) => match arn.parse() {
                Ok(PolicyOwnerName::Principal(arn)) => PolicyOwnerName::Principal(arn),
                _ => return Err(Error::Validation(format!("{arn} is no ARN of a user, a role, a session or a root."))),
            },
        };
        let action = wanted::action(&fields.string("Action").unwrap_or_default())?;
        let on = On::parse(action, fields.string("KeyId"), fields.string("Resource"))?;
        let encryption_context = fields
            .present("EncryptionContext")
            .then(|| members::encryption_context(fields, "EncryptionContext"))
            .transpose()?;
        let entry =
            |mut entry: Fields| (entry.string("Key").unwrap_or_default(), entry.strings("Values").unwrap_or_default());
        let entries = fields.structures("ContextEntries").unwrap_or_default().into_iter().map(entry).collect();
        Ok(Self { principal, action, on, told: Told::new(entries, encryption_context)? })
    }

    fn target(&self) -> &PolicyOwnerName {
        &self.principal
    }
}

impl On {
    fn parse(action: Action, key: Option<String>, resource: Option<String>) -> Result<Self, Error> {
        let invalid = |text: String| Err(Error::Validation(text));
        match (wanted::resource_type(action), key, resource) {
            _ if action.name() == "RetireGrant" => {
                invalid("kms:RetireGrant is asked of a grant, not of a key: ListRetirableGrants tells who may.".into())
            }
            (_, Some(_), Some(_)) => invalid("Name a key or a resource, not both.".into()),
            (ResourceType::Key | ResourceType::Alias, Some(key), None) => Ok(Self::Key(KeyName::any(key))),
            (ResourceType::Key | ResourceType::Alias, None, Some(arn)) if wanted::key_arn(&arn).is_some() => {
                Ok(Self::Key(KeyName::any(arn)))
            }
            (ResourceType::Key, None, _) => invalid(format!("{action} is asked on a key: name it by KeyId.")),
            (_, Some(_), None) => invalid(format!("{action} is not asked on a key.")),
            (ResourceType::Role, None, Some(arn)) => match arn.parse() {
                Ok(role @ PrincipalArn::Role { .. }) => Ok(Self::Role(role)),
                _ => invalid(format!("{action} is asked on a role: name it by its ARN.")),
            },
            (ResourceType::Role, None, None) => invalid(format!("{action} is asked on a role: name it by its ARN.")),
            (ResourceType::Alias, None, None) => {
                invalid(format!("{action} is asked on an alias and on its key: name one of them."))
            }
            (ResourceType::Alias | ResourceType::Other, None, resource) => {
                Ok(Self::Resource(resource.unwrap_or_else(|| "*".into())))
            }
        }
    }
}

impl Read for ExplainAccess {
    fn run(&self, facts: &Facts<'_>, target: Authorized<PolicyOwnerTarget>) -> Result<Reply, Error> {
        let found = target.existing()?.clone();
        let owner = match self.principal {
            PolicyOwnerName::Caller => Owner::calling(found, self.action, facts)?,
            _ => Owner::new(found)?,
        };
        let (resource, report) = match &self.on {
            On::Key(name) => self.on_key(name, &owner, facts)?,
            On::Resource(resource) => (resource.clone(), self.by_identity(resource, &owner, facts)?),
            On::Role(arn) => (arn.to_string(), self.on_role(arn, &owner, facts)?),
        };
        Ok(Reply { principal_arn: target.to_string(), action: self.action.to_string(), resource, report })
    }
}

impl ExplainAccess {
    fn on_key(&self, name: &KeyName, owner: &Owner, facts: &Facts<'_>) -> Result<(String, Report), Error> {
        let found = KeyAskedAbout::find(name, Self::asked(), facts)?;
        let arn = found.arn();
        let report = match found {
            KeyAskedAbout::Foreign(arn) => {
                let reach = wanted::crosses_accounts(self.action);
                let besides = if reach { Besides::OtherAccount } else { Besides::Refusal(Refusal::NotAcrossAccounts) };
                self.explained(owner, None, besides, facts, |request| {
                    (explain_by_identity(request, Resource::Arn(&arn)), Vec::new())
                })?
            }
            KeyAskedAbout::Own(key) => {
                let grants = owner.grants(&key, facts.view);
                let resource = KeyResource {
                    arn,
                    policy: &key.policy.compiled,
                    resource_control: facts.view.rcp_levels(arn.account),
                };
                self.explained(owner, Some(Subject::Key(&key)), Besides::Nothing, facts, |request| {
                    let terms = grants.iter().map(|grant| &grant.terms);
                    (explain_on_key(request, &resource, terms), grants.clone())
                })?
            }
        };
        Ok((arn.to_string(), report))
    }

    fn on_role(&self, arn: &PrincipalArn, owner: &Owner, facts: &Facts<'_>) -> Result<Report, Error> {
        if arn.account() != facts.account() {
            return self.explained(owner, None, Besides::OtherAccount, facts, |request| {
                (explain_by_identity(request, Resource::Arn(arn)), Vec::new())
            });
        }
        let Some(PolicyOwner::Role(role, _)) = PolicyOwner::find(arn, facts.view) else {
            return Err(Error::NotFound(format!("The role {arn} does not exist.")));
        };
        let policy = &role.trust.compiled;
        let resource =
            RoleResource { account: role.account, arn, policy, resource_control: facts.view.rcp_levels(role.account) };
        let subject = Subject::Iam(IamResource::of_role(&role));
        self.explained(owner, Some(subject), Besides::Nothing, facts, |request| {
            (explain_on_role(request, &resource), Vec::new())
        })
    }

    fn by_identity(&self, resource: &str, owner: &Owner, facts: &Facts<'_>) -> Result<Report, Error> {
        let session = besides::of_session(self.action, owner);
        if session.is_none() && besides::is_free(self.action) {
            return Ok(Report::of_free_action());
        }
        let account = besides::of_account(self.action, resource, owner, facts.view);
        let principal = self.principal_asked_on(resource, facts);
        let subject = (account != Some(Refusal::NotAcrossAccounts))
            .then(|| principal.as_ref().map_or_else(|| self.subject(resource, facts), PolicyOwner::as_subject));
        let besides = session.or(account).map_or(Besides::Nothing, Besides::Refusal);
        let resource = if resource == "*" { anything(self.action, facts) } else { Resource::Arn(&resource) };
        self.explained(owner, subject, besides, facts, |request| (explain_by_identity(request, resource), Vec::new()))
    }

    /// The user or role of the caller's account that a resource is; what is to be made is not there yet.
    fn principal_asked_on(&self, resource: &str, facts: &Facts<'_>) -> Option<PolicyOwner> {
        match resource.parse().ok()? {
            arn @ (PrincipalArn::Role { .. } | PrincipalArn::User { .. })
                if arn.account() == facts.account() && !["CreateRole", "CreateUser"].contains(&self.action.name()) =>
            {
                PolicyOwner::find(&arn, facts.view)
            }
            _ => None,
        }
    }

    /// What is there of the caller's account, or an account that our own operations are asked on. Of others than its own
    /// only the first account is told.
    fn subject<'v>(&self, resource: &str, facts: &Facts<'v>) -> Subject<'v> {
        let is_first = || facts.view.deployment().is_some_and(|known| known.first_account == facts.account());
        match resource.parse() {
            // Whoever is not there has no tags.
            Ok(arn @ (PrincipalArn::Role { .. } | PrincipalArn::User { .. })) if arn.account() == facts.account() => {
                Subject::Iam(IamResource { account: facts.account(), tags: None, boundary: None })
            }
            Ok(PrincipalArn::Root(account))
                if self.action.service() == ServiceName::Claviger && (account == facts.account() || is_first()) =>
            {
                let tags = facts.view.account(account).map(|account| &account.tags);
                Subject::Organization(OrganizationResource { account, tags })
            }
            _ => Subject::Account,
        }
    }

    /// Asks by `ask`, which answers with the grants that it looked at. Of a resource without `subject` nothing is told.
    fn explained<'g>(
        &self,
        owner: &Owner,
        subject: Option<Subject<'_>>,
        besides: Besides,
        facts: &Facts<'_>,
        ask: impl FnOnce(&Request<'_>) -> (Explanation, Vec<&'g Grant>),
    ) -> Result<Report, Error> {
        let no_principal = || Error::Internal("a principal that calls nobody was explained".into());
        let principal = owner.as_principal(facts.view).ok_or_else(no_principal)?;
        let place = subject.map(|subject| Circumstances::new(*facts, self.action, subject));
        let context = Supposed::new(Some(owner), place, &self.told, Untold::Unknown);
        let (explanation, grants) = ask(&Request { principal: &principal, action: self.action, context: &context });
        let mut unknown = context.missing(&explanation);
        if explanation.grants.iter().any(|seen| seen.operation && seen.constraints == claviger_policy::Truth::Unknown) {
            unknown.push(ConditionKey::KmsEncryptionContextKeys.to_string());
            unknown.dedup();
        }
        Ok(Report::new(&explanation, owner, facts.view, &grants, unknown, besides))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{AWAY, HOME, REGION, Session, TestKms, policy, refused, statement};
    use crate::testing::test_mfa::Phone;
    use crate::testing::test_sessions::Opened;

    fn explained(kms: &TestKms, principal: &str, action: &str, more: Value) -> Value {
        let mut body = json!({"PrincipalArn": principal, "Action": action});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        kms.ok("ExplainAccess", body)
    }

    /// Decision, reason, and the unknown keys.
    fn told(reply: &Value) -> (&str, &str, Vec<&str>) {
        let unknown = reply["UnknownContextKeys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        (reply["Decision"].as_str().unwrap(), reply["Reason"].as_str().unwrap(), unknown)
    }

    fn root(account: &str) -> String {
        format!("arn:aws:iam::{account}:root")
    }

    /// What is explained is what a request gets, for every way to a permission and for each that is lacking.
    #[test]
    fn it_is_what_a_request_gets() {
        let kms = TestKms::new();
        let key = kms.key();
        let tagged = json!({"KeyId": key, "Tags": [{"TagKey": "team", "TagValue": "red"}]});
        kms.ok("TagResource", tagged);
        let on_tag = |value: &str| {
            json!({"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": value}}})
            .to_string()
        };
        let deny = format!("{},{}", statement("Allow", "kms:*", "*"), statement("Deny", "kms:Encrypt", "*"));
        let granted = kms.admin().user("granted", "");
        kms.admin().grant(&key, granted, &["Encrypt"]);
        for (name, caller, reason) in [
            (
                "matching",
                kms.admin().user("matching", &statement("Allow", "kms:Encrypt", "*")),
                "ResourceAndIdentityPolicy",
            ),
            ("other", kms.admin().user("other", &statement("Allow", "kms:Decrypt", "*")), "NothingAllows"),
            ("nothing", kms.admin().user("nothing", ""), "NothingAllows"),
            ("red", kms.admin().user("red", &on_tag("red")), "ResourceAndIdentityPolicy"),
            ("blue", kms.admin().user("blue", &on_tag("blue")), "NothingAllows"),
            ("denied", kms.admin().user("denied", &deny), "ExplicitDeny"),
            ("granted", granted, "Grant"),
            ("admin", kms.admin(), "ResourceAndIdentityPolicy"),
        ] {
            let reply = explained(&kms, &caller.arn(), "kms:Encrypt", json!({"KeyId": key}));
            let allowed = caller.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})).is_ok();
            assert_eq!(told(&reply), (if allowed { "Allow" } else { "Deny" }, reason, vec![]), "{name}");
            assert_eq!(reply["Obstacles"].as_array().unwrap().is_empty(), allowed, "{name}: {reply:#}");
            assert_eq!(reply.get("DecidingGrantId").is_some(), reason == "Grant", "{name}");
            // By default the caller asks about itself, if it may.
            let policy = policy(&statement("Allow", "claviger:ExplainAccess", "*"));
            kms.ok("PutUserPolicy", json!({"UserName": name, "PolicyName": "ask", "PolicyDocument": policy}));
            let own = caller.ok("ExplainAccess", json!({"Action": "kms:encrypt", "KeyId": key}));
            assert_eq!((&own["Decision"], &own["PrincipalArn"]), (&reply["Decision"], &json!(caller.arn())), "{name}");
        }
    }

    #[test]
    fn what_nobody_told_is_unknown() {
        let kms = TestKms::new();
        let key = kms.key();
        let condition = json!({"StringEquals": {"kms:EncryptionContext:purpose": "test"}, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
        let allow = json!({"Sid": "FromHere", "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Condition": condition});
        let ann = kms.admin().user("ann", &allow.to_string()).arn();
        let ask = |more: Value| {
            let mut body = json!({"KeyId": key});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            explained(&kms, &ann, "kms:Encrypt", body)
        };
        let here = json!([{"Key": "AWS:sourceIP", "Values": ["203.0.113.7"]}]);
        let none = json!([{"Key": "aws:SourceIp"}]);
        let purpose = json!({"purpose": "test"});
        let (purpose_key, ip_key) = ("kms:EncryptionContext:purpose", "aws:SourceIp");
        for (more, decision, unknown) in [
            (json!({}), "Depends", vec![ip_key, purpose_key]),
            (json!({"EncryptionContext": purpose}), "Depends", vec![ip_key]),
            (json!({"EncryptionContext": {}}), "Deny", vec![ip_key]),
            (json!({"EncryptionContext": {"purpose": "x"}}), "Deny", vec![ip_key]),
            (json!({"EncryptionContext": purpose, "ContextEntries": here}), "Allow", vec![]),
            (json!({"EncryptionContext": purpose, "ContextEntries": none}), "Deny", vec![]),
            (json!({"ContextEntries": here}), "Depends", vec![purpose_key]),
        ] {
            let reply = ask(more.clone());
            let (found, _, mut keys) = told(&reply);
            keys.sort_unstable();
            assert_eq!((found, keys), (decision, unknown), "{more}");
        }
        // What stands in the way is the one condition that does not hold.
        let reply = ask(json!({"EncryptionContext": {"purpose": "x"}, "ContextEntries": here}));
        let nearest = &reply["Obstacles"][0]["Statements"][0];
        assert_eq!(nearest["Statement"]["Sid"], "FromHere", "{reply:#}");
        let want = json!([{"Kind": "Condition", "Condition": {"Operator": "StringEquals", "Key": purpose_key,
            "Wanted": ["test"], "Found": "Values", "FoundValues": ["x"], "Result": "No"}}]);
        assert_eq!(nearest["Lacks"], want);
        assert_eq!(nearest["Statement"]["PolicyName"], "p");
    }

    /// What the View tells is not taken from the request.
    #[test]
    fn what_the_key_and_the_principal_have_cannot_be_supposed() {
        let kms = TestKms::new();
        let key = kms.key();
        let on = |key: &str, value: &str| json!({"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Condition": {"StringEquals": {key: value}}});
        let cases = [
            ("aws:ResourceTag/team", "red"),
            ("kms:KeySpec", "HMAC_256"),
            ("aws:username", "bob"),
            ("aws:PrincipalTag/team", "red"),
            ("aws:PrincipalAccount", AWAY),
            ("kms:CallerAccount", AWAY),
            ("kms:ResourceAliases", "alias/other"),
        ];
        for (place, (name, value)) in cases.into_iter().enumerate() {
            let user = kms.admin().user(&format!("user-{place}"), &on(name, value).to_string()).arn();
            let supposed = json!({"KeyId": key, "ContextEntries": [{"Key": name, "Values": [value]}]});
            assert_eq!(told(&explained(&kms, &user, "kms:Encrypt", supposed)).0, "Deny", "{name}");
        }
    }

    #[test]
    fn roles_their_sessions_and_roots() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.role("r");
        kms.ok("TagRole", json!({"RoleName": "r", "Tags": [{"Key": "team", "Value": "red"}]}));
        let allow = json!({"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}});
        let document = policy(&allow.to_string());
        kms.ok("PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": document}));
        let session = |name: &str| format!("arn:aws:sts::{HOME}:assumed-role/r/{name}");
        let role = format!("arn:aws:iam::{HOME}:role/r");
        for who in [role.clone(), session("s1")] {
            assert_eq!(told(&explained(&kms, &who, "kms:Encrypt", json!({"KeyId": key}))).0, "Allow", "{who}");
        }
        assert_eq!(told(&explained(&kms, &root(HOME), "kms:Encrypt", json!({"KeyId": key}))).0, "Allow");
        // The trust policy decides who may assume the role.
        let assume = |who: &str| explained(&kms, who, "sts:AssumeRole", json!({"Resource": role}))["Decision"].clone();
        let ann = kms.admin().user("ann", &statement("Allow", "sts:AssumeRole", "*")).arn();
        let bob = kms.admin().user("bob", "").arn();
        assert_eq!((assume(&ann), assume(&bob)), (json!("Allow"), json!("Deny")));
        let ids = explained(&kms, &session("s1"), "kms:Encrypt", json!({"KeyId": key}));
        assert_eq!(ids["PrincipalArn"], session("s1"));
    }

    fn shared_key(away: Session<'_>) -> String {
        let key = away.key("SYMMETRIC_DEFAULT");
        let both = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": [HOME, AWAY]}, "Action": "kms:*", "Resource": "*"}]});
        away.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": both.to_string()}));
        away.key_arn(&key)
    }

    /// Of another account's key nothing shows but one's own side: the same for one that lets in, one that does not and
    /// one that is not there.
    #[test]
    fn keys_of_another_account_tell_nothing() {
        let kms = TestKms::new();
        let away = kms.away();
        let closed = away.key_arn(&away.key("SYMMETRIC_DEFAULT"));
        let absent = format!("arn:aws:kms:{REGION}:{AWAY}:key/00000000-0000-4000-8000-000000000000");
        let keys = [shared_key(away), closed, absent];
        let matching = kms.admin().user("matching", &statement("Allow", "kms:*", "*")).arn();
        let nothing = kms.admin().user("nothing", "").arn();
        for (who, action, decision, reason) in [
            (&matching, "kms:Encrypt", "Depends", "ResourcePolicyOfAnotherAccount"),
            (&nothing, "kms:Encrypt", "Deny", "NothingAllows"),
            (&matching, "kms:DisableKey", "Deny", "NotAcrossAccounts"),
        ] {
            let replies = keys.clone().map(|key| {
                let mut reply = explained(&kms, who, action, json!({"KeyId": key}));
                assert_eq!(reply["Resource"].take(), json!(key));
                assert_eq!(told(&reply), (decision, reason, vec![]), "{who} {action} {key}");
                assert!(!reply["Obstacles"].as_array().unwrap().is_empty());
                reply
            });
            assert!(replies[0] == replies[1] && replies[1] == replies[2], "{replies:#?}");
        }
        away.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": keys[0]}));
        let refusals = ["alias/a", "alias/none"].map(|alias| {
            let body = json!({"Action": "kms:Encrypt", "KeyId": format!("arn:aws:kms:{REGION}:{AWAY}:{alias}")});
            kms.call("ExplainAccess", body).unwrap_err()
        });
        assert_eq!(refusals[0], refusals[1]);
        assert_eq!(refusals[0].code, "AccessDeniedException");
        let other = kms.call("ExplainAccess", json!({"PrincipalArn": kms.away().arn(), "Action": "kms:ListKeys"}));
        assert_eq!(other.unwrap_err().code, "AccessDeniedException");
    }

    /// Control policies are named by the level that they hold at, from the root on.
    #[test]
    fn control_policies() {
        use crate::testing::organization::{root, unit};
        let kms = TestKms::new();
        let (away, key) = (kms.away(), kms.away().key("SYMMETRIC_DEFAULT"));
        let unit = unit(&kms, &root(&kms), "unit");
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": unit}));
        for (kind, action, target, layer, level) in [
            ("SERVICE_CONTROL_POLICY", "kms:Encrypt", unit.as_str(), "ServiceControlPolicy", 1),
            ("RESOURCE_CONTROL_POLICY", "kms:Decrypt", AWAY, "ResourceControlPolicy", 2),
        ] {
            let mut deny = json!({"Effect": "Deny", "Action": action, "Resource": "*"});
            if layer == "ResourceControlPolicy" {
                deny["Principal"] = json!("*");
            }
            let content = policy(&deny.to_string());
            let body = json!({"Type": kind, "Name": action.replace(':', "-"), "Content": content});
            let id = kms.ok("CreateControlPolicy", body)["Policy"]["Id"].clone();
            kms.ok("AttachControlPolicy", json!({"PolicyId": id, "TargetId": target}));
            let reply = away.ok("ExplainAccess", json!({"Action": action, "KeyId": key}));
            assert_eq!(told(&reply), ("Deny", "ExplicitDeny", vec![]), "{kind}");
            let deciding = &reply["DecidingStatements"][0];
            assert_eq!((&deciding["Layer"], &deciding["Level"]), (&json!(layer), &json!(level)), "{kind}");
            assert_eq!(deciding["PolicyName"], action.replace(':', "-"), "{kind}");
            assert!(away.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})).is_err(), "{kind}");
        }
    }

    #[test]
    fn refused_requests() {
        let kms = TestKms::new();
        let key = kms.key();
        let invalid = |message: &str| refused("ValidationException", message);
        for (body, want) in [
            (json!({"Action": "s3:GetObject"}), invalid("s3:GetObject is no action of a service that is here.")),
            (json!({"Action": "kms:Encrypt"}), invalid("kms:Encrypt is asked on a key: name it by KeyId.")),
            (json!({"Action": "kms:ListKeys", "KeyId": key}), invalid("kms:ListKeys is not asked on a key.")),
            (
                json!({"Action": "kms:Encrypt", "KeyId": key, "Resource": "*"}),
                invalid("Name a key or a resource, not both."),
            ),
            (json!({"Action": "sts:AssumeRole"}), invalid("sts:AssumeRole is asked on a role: name it by its ARN.")),
            (
                json!({"Action": "kms:CreateAlias"}),
                invalid("kms:CreateAlias is asked on an alias and on its key: name one of them."),
            ),
            (
                json!({"Action": "kms:ListKeys", "PrincipalArn": "arn:aws:iam::111122223333:group/g"}),
                invalid("arn:aws:iam::111122223333:group/g is no ARN of a user, a role, a session or a root."),
            ),
            (
                json!({"Action": "kms:ListKeys", "PrincipalArn": "arn:aws:iam::111122223333:user/none"}),
                refused("NotFoundException", "The principal arn:aws:iam::111122223333:user/none does not exist."),
            ),
            (
                json!({"Action": "kms:ListKeys", "ContextEntries": [{"Key": "aws:SourceIp"}, {"Key": "aws:sourceip"}]}),
                invalid("The context key aws:sourceip stands twice."),
            ),
        ] {
            assert_eq!(kms.call("ExplainAccess", body.clone()), Err(want), "{body}");
        }
        let refusal = kms.call("ExplainAccess", json!({"Action": "kms:RetireGrant", "KeyId": key})).unwrap_err();
        assert!(refusal.message.starts_with("kms:RetireGrant is asked of a grant"), "{refusal:?}");
        assert_eq!(told(&kms.ok("ExplainAccess", json!({"Action": "kms:ListKeys"}))).0, "Allow");
    }

    /// An answer tells what decides and how much it leaves out, however much there is to tell.
    #[test]
    fn answers_are_bounded() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let arn = format!("arn:aws:iam::{HOME}:user/ann");
        let on_tag = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestTag/x": "y"}}});
        for number in 0..10 {
            let most = vec![on_tag.to_string(); 45].join(",");
            let last = if number == 9 { format!(",{}", statement("Deny", "iam:GetUser", "*")) } else { String::new() };
            let managed = kms.policy(&format!("m{number}"), &format!("{most}{last}"));
            kms.ok("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": managed}));
        }
        let long = vec!["v".repeat(1_000); 100];
        let entries = json!({"ContextEntries": [{"Key": "aws:RequestTag/x", "Values": long}]});
        let reply = explained(&kms, &arn, "iam:GetUser", entries);
        assert_eq!((&reply["Decision"], &reply["Reason"]), (&json!("Deny"), &json!("ExplicitDeny")));
        assert_eq!(reply["DecidingStatements"][0]["StatementIndex"], 45);
        let statements = reply["Statements"].as_array().unwrap();
        assert_eq!(statements[0]["Conditions"][0]["Found"], "TooLong");
        assert_eq!(statements.len() + reply["StatementsLeftOut"].as_u64().map_or(0, |left| left as usize), 451);
        assert!(reply["StatementsLeftOut"].as_u64().is_some_and(|left| left > 0), "{}", statements.len());
        assert!(reply.to_string().len() < 1_048_576);
    }

    /// What the caller's own session tells is known; a code may come with the request for another session.
    #[test]
    fn the_callers_own_session() {
        let kms = TestKms::new();
        let condition = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
        let with_code = json!({"Effect": "Allow", "Action": ["kms:ListKeys", "sts:AssumeRole"], "Resource": "*",
            "Condition": condition});
        let explaining = statement("Allow", "claviger:ExplainAccess", "*");
        let ann = kms.admin().user("ann", &format!("{with_code},{explaining}"));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let plain = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        let coded = Opened::of(&kms, &ann.ok("GetSessionToken", code));
        let body = |action: &str| json!({"Action": action});
        for (session, want) in [(&plain, "Deny"), (&coded, "Allow")] {
            let reply = session.call("ExplainAccess", body("kms:ListKeys")).unwrap();
            assert_eq!(reply["Decision"], want, "{reply}");
            assert_eq!(session.call("ListKeys", json!({})).is_ok(), want == "Allow");
        }
        assert_eq!(ann.ok("ExplainAccess", body("kms:ListKeys"))["Decision"], "Deny");
        // A code may come with this request.
        kms.role("r");
        let assume = json!({"Action": "sts:AssumeRole", "Resource": format!("arn:aws:iam::{HOME}:role/r")});
        assert_eq!(ann.ok("ExplainAccess", assume.clone())["Decision"], "Depends");
        assert_eq!(plain.call("ExplainAccess", assume).unwrap()["Decision"], "Depends");
    }

    /// The tags of one's own users and roles are told. Whoever is not there, or is to be made, has none.
    #[test]
    fn users_and_roles_as_resources() {
        let kms = TestKms::new();
        let actions = ["claviger:RevokeSessions", "iam:CreateUser", "iam:GetRole", "iam:GetUser"];
        let on_tag = json!({"Effect": "Allow", "Action": actions, "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}});
        let ann = kms.admin().user("ann", &on_tag.to_string()).arn();
        let tags = json!([{"Key": "team", "Value": "red"}]);
        for session in [kms.admin(), kms.away()] {
            session.ok("CreateUser", json!({"UserName": "red", "Tags": tags}));
        }
        kms.role("red");
        kms.ok("TagRole", json!({"RoleName": "red", "Tags": tags}));
        for (action, name, decision, reason) in [
            ("claviger:RevokeSessions", "user/red", "Allow", "IdentityPolicy"),
            ("claviger:RevokeSessions", "role/red", "Allow", "IdentityPolicy"),
            ("claviger:RevokeSessions", "user/ann", "Deny", "NothingAllows"),
            ("claviger:RevokeSessions", "user/none", "Deny", "NothingAllows"),
            ("iam:GetUser", "user/red", "Allow", "IdentityPolicy"),
            ("iam:GetUser", "user/ann", "Deny", "NothingAllows"),
            ("iam:GetRole", "role/red", "Allow", "IdentityPolicy"),
            ("iam:CreateUser", "user/red", "Deny", "NothingAllows"),
        ] {
            let resource = json!({"Resource": format!("arn:aws:iam::{HOME}:{name}")});
            let reply = explained(&kms, &ann, action, resource);
            assert_eq!(told(&reply), (decision, reason, vec![]), "{action} {name}");
        }
        // Of another account's nothing is told.
        let away = json!({"Resource": format!("arn:aws:iam::{AWAY}:user/red")});
        let reply = explained(&kms, &ann, "claviger:RevokeSessions", away);
        assert_eq!(told(&reply), ("Deny", "NotAcrossAccounts", vec!["aws:ResourceTag/team"]));
    }
}
