//! Grants. Source: AWS KMS developer guide, "Grants in AWS KMS".

use claviger_policy::{Action, GrantConstraints, GrantPrincipal, GrantTerms, RetirableGrant, decide_on_retire};
use claviger_types::{EncryptionContext, PrincipalId, ServiceName};

use crate::world::{ADMIN, AWAY, Asked, ELSEWHERE, HOME, Keys, NEVER, ROOT, Who, of, role, user};

fn terms(operations: &[&str], constraints: GrantConstraints) -> GrantTerms {
    let operations = operations.iter().map(|name| Action::of(ServiceName::Kms, name).unwrap()).collect();
    GrantTerms { operations, constraints }
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::from_pairs(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
        .unwrap()
}

fn equals(pairs: &[(&str, &str)]) -> GrantConstraints {
    GrantConstraints { context_equals: Some(context(pairs)), ..GrantConstraints::default() }
}

fn subset(pairs: &[(&str, &str)]) -> GrantConstraints {
    GrantConstraints { context_subset: Some(context(pairs)), ..GrantConstraints::default() }
}

fn from_source(arn: &str) -> GrantConstraints {
    GrantConstraints { source_arn: Some(arn.into()), ..GrantConstraints::default() }
}

#[test]
fn operations() {
    let (encrypt, decrypt) =
        (terms(&["Encrypt"], Default::default()), terms(&["Decrypt", "DescribeKey"], Default::default()));
    for account in [HOME, AWAY] {
        for who in [Who::Ann, Who::Session, Who::Root] {
            let asked = || Asked { account, who, ..Asked::default() };
            let grants = [decrypt.clone(), encrypt.clone()];
            assert_eq!(Asked { grants: &grants, ..asked() }.on_key(), "allow: grant 1");
            assert_eq!(Asked { grants: &grants[..1], ..asked() }.on_key(), "no: resource");
            // No policy of the caller's limits a grant, but each may deny.
            let limited =
                || Asked { grants: &grants, boundary: Some(&[ELSEWHERE]), session: Some(&[ELSEWHERE]), ..asked() };
            assert_eq!(limited().on_key(), "allow: grant 1");
            assert_eq!(Asked { identity: &[&[NEVER]], ..limited() }.on_key(), "deny: identity 0.0");
            assert_eq!(Asked { service_control: &[&[ELSEWHERE]], ..limited() }.on_key(), "no: service control 0");
            let denied = of("Deny", r#""Principal": "*""#);
            assert_eq!(Asked { key: &[&denied], ..limited() }.on_key(), "deny: resource 0.0");
            let allowed = of("Allow", r#""Principal": "*""#);
            let by_policy = Asked { key: &[&allowed], identity: &[&[ADMIN]], grants: &grants, ..asked() }.on_key();
            assert!(by_policy.starts_with("allow: resource 0"), "{by_policy}");
        }
    }
}

#[test]
fn constraints() {
    let (a, ab, other_case) = ([("a", "1")], [("a", "1"), ("b", "2")], [("A", "1")]);
    for (constraints, found, want) in [
        (GrantConstraints::default(), None, true),
        (equals(&a), None, false),
        (equals(&a), Some(&a[..]), true),
        (equals(&a), Some(&ab), false),
        (equals(&a), Some(&other_case), false),
        (equals(&a), Some(&[("a", "2")]), false),
        (subset(&a), None, false),
        (subset(&a), Some(&a), true),
        (subset(&a), Some(&ab), true),
        (subset(&ab), Some(&a), false),
        (subset(&a), Some(&other_case), false),
        (subset(&[]), None, true),
    ] {
        let grants = [terms(&["Encrypt", "DescribeKey"], constraints.clone())];
        let asked = || Asked { grants: &grants, context: found.map(context), ..Asked::default() };
        let want = if want { "allow: grant 0" } else { "no: resource" };
        assert_eq!(asked().on_key(), want, "{constraints:?} {found:?}");
        // DescribeKey has no encryption context to be bound to.
        assert_eq!(Asked { action: (ServiceName::Kms, "DescribeKey"), ..asked() }.on_key(), "allow: grant 0");
        let unknown = Asked { context_unknown: true, ..asked() }.on_key();
        let free = constraints == GrantConstraints::default();
        assert_eq!(unknown, if free { "allow: grant 0" } else { "depends" }, "{constraints:?}");
    }
}

#[test]
fn source_arn() {
    let arn = "arn:aws:s3:us-east-1:111122223333:x";
    let grants = [terms(&["Encrypt", "DescribeKey"], from_source(arn))];
    for name in ["Encrypt", "DescribeKey"] {
        let cases: [(Keys<'_>, &str); 4] = [
            (&[("aws:SourceArn", Some(&[arn]))], "allow: grant 0"),
            (&[("aws:SourceArn", Some(&["arn:aws:s3:::y"]))], "no: resource"),
            (&[], "no: resource"),
            (&[("aws:SourceArn", None)], "depends"),
        ];
        for (keys, want) in cases {
            let asked = Asked { action: (ServiceName::Kms, name), grants: &grants, keys, ..Asked::default() };
            assert_eq!(asked.on_key(), want, "{name} {keys:?}");
        }
    }
}

/// Source: AWS KMS API reference, CreateGrant; developer guide, "Granting CreateGrant permission".
#[test]
fn what_may_be_passed_on() {
    let (a, ab) = ([("a", "1")], [("a", "1"), ("b", "2")]);
    let free = GrantConstraints::default;
    for (mine, new, want) in [
        (terms(&["CreateGrant", "Encrypt"], free()), terms(&["Encrypt"], free()), true),
        (terms(&["CreateGrant", "Encrypt"], free()), terms(&["CreateGrant", "Encrypt"], free()), true),
        (terms(&["CreateGrant", "Encrypt"], free()), terms(&["Encrypt", "Decrypt"], free()), false),
        (terms(&["Encrypt"], free()), terms(&["Encrypt"], free()), false),
        (terms(&["CreateGrant", "Encrypt"], subset(&a)), terms(&["Encrypt"], free()), false),
        (terms(&["CreateGrant", "Encrypt"], subset(&a)), terms(&["Encrypt"], subset(&ab)), true),
        (terms(&["CreateGrant", "Encrypt"], subset(&a)), terms(&["Encrypt"], equals(&ab)), true),
        (terms(&["CreateGrant", "Encrypt"], subset(&ab)), terms(&["Encrypt"], subset(&a)), false),
        (terms(&["CreateGrant", "Encrypt"], equals(&a)), terms(&["Encrypt"], equals(&a)), true),
        (terms(&["CreateGrant", "Encrypt"], equals(&a)), terms(&["Encrypt"], subset(&a)), false),
        (terms(&["CreateGrant", "Encrypt"], equals(&a)), terms(&["Encrypt"], equals(&ab)), false),
        (terms(&["CreateGrant", "Encrypt"], free()), terms(&["Encrypt"], from_source("arn")), true),
    ] {
        let grants = [mine.clone()];
        let asked = Asked {
            action: (ServiceName::Kms, "CreateGrant"),
            grants: &grants,
            new_grant: Some(new.clone()),
            ..Asked::default()
        };
        assert_eq!(asked.on_key(), if want { "allow: grant 0" } else { "no: resource" }, "{mine:?} to {new:?}");
        assert_eq!(Asked { new_grant: None, ..asked }.on_key(), "no: resource", "a grant that is not told");
    }
    assert!(!terms(&["Encrypt"], from_source("arn")).covers(&terms(&["Encrypt"], free())));
}

/// Source: AWS KMS developer guide, "Retiring and revoking grants".
#[test]
fn retiring() {
    let (ann, root) =
        (GrantPrincipal::Principal(PrincipalId::User(user(1))), GrantPrincipal::Root(AWAY.parse().unwrap()));
    let the_role = GrantPrincipal::Principal(PrincipalId::Role(role(1)));
    let session = GrantPrincipal::Session(role(1), "s1".parse().unwrap());
    let (holds, lacks) =
        (terms(&["Encrypt", "RetireGrant"], subset(&[("a", "1")])), terms(&["Encrypt"], Default::default()));
    let admin: &[&[&str]] = &[&[ADMIN]];
    let cases: [(&str, &str, Who, Option<&GrantPrincipal>, Option<&GrantPrincipal>, &GrantTerms, &[&[&str]], &str);
        13] = [
        ("the retiring principal", HOME, Who::Ann, None, Some(&ann), &lacks, &[], "Allow(Retiring)"),
        ("of another account", AWAY, Who::Ann, None, Some(&ann), &lacks, &[], "Allow(Retiring)"),
        ("a retiring role", AWAY, Who::Session, None, Some(&the_role), &lacks, &[], "Allow(Retiring)"),
        ("a retiring session", AWAY, Who::Session, None, Some(&session), &lacks, &[], "Allow(Retiring)"),
        ("a retiring root", AWAY, Who::Root, None, Some(&root), &lacks, &[], "Allow(Retiring)"),
        ("a grantee whose grant holds it", AWAY, Who::Ann, Some(&ann), None, &holds, &[], "Allow(Retiring)"),
        ("a grantee whose grant lacks it", AWAY, Who::Ann, Some(&ann), None, &lacks, &[], "Resource"),
        ("the key's account, by identity policy", HOME, Who::Bob, Some(&ann), None, &lacks, admin, "Allow(Identity"),
        ("the key's account, without", HOME, Who::Bob, Some(&ann), None, &lacks, &[], "Identity"),
        ("the key's root", HOME, Who::Root, Some(&ann), None, &lacks, &[], "Allow(AccountRoot)"),
        (
            "the retiring account, by identity policy",
            AWAY,
            Who::Bob,
            None,
            Some(&root),
            &lacks,
            admin,
            "Allow(Identity",
        ),
        ("the retiring account, without", AWAY, Who::Bob, None, Some(&root), &lacks, &[], "Identity"),
        ("another account, by identity policy", AWAY, Who::Bob, Some(&ann), None, &holds, admin, "Resource"),
    ];
    for (name, account, who, grantee, retiring, terms, identity, want) in cases {
        let action = (ServiceName::Kms, "RetireGrant");
        let deny = ADMIN.replace("Allow", "Deny");
        let denying: &[&[&str]] = &[&[&deny]];
        let allow_all = ROOT.replace("111122223333", "*");
        let key: &[&str] = &[&allow_all];
        let asked = |identity| Asked { account, who, action, key, identity, ..Asked::default() };
        let grant = RetirableGrant { terms, grantee, retiring };
        // What the key policy allows has no effect.
        let decided =
            asked(identity).with_request(|request, key| format!("{:?}", decide_on_retire(request, key, &grant)));
        assert!(
            decided.contains(want) && decided.starts_with("Allow") == want.starts_with("Allow"),
            "{name}: {decided}"
        );
        // What any policy denies holds.
        let denied =
            asked(denying).with_request(|request, key| format!("{:?}", decide_on_retire(request, key, &grant)));
        assert!(denied.contains("Deny") && denied.contains("Identity"), "{name}: {denied}");
    }
}
