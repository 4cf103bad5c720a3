//! The service's own managed policies, which every account may attach and none can change. A few of AWS's, cut to the
//! services that are here. Source: AWS managed policy reference guide.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use claviger_policy::IdentityPolicy;
use claviger_storage::Revision;
use claviger_types::{PolicyArn, Timestamp};

use super::policies::IdentityDocument;
use super::principals::{ManagedPolicy, Tags};
use crate::records::PolicyVersionRecord;

/// The ARN of the policy that an account's first user has.
pub const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A policy of this ARN; case counts.
pub fn find(arn: &PolicyArn) -> Option<&'static Arc<ManagedPolicy>> {
    POLICIES.get(arn)
}

/// All of them, in order of their names.
pub fn all() -> impl Iterator<Item = &'static Arc<ManagedPolicy>> {
    POLICIES.values()
}

/// A policy as it is written down here.
struct Source {
    arn: &'static str,
    id: &'static str,
    description: &'static str,
    document: &'static str,
}

const SOURCES: [Source; 6] = [
    Source {
        arn: ADMINISTRATOR_ACCESS,
        id: "ANPAADMINISTRATORACC",
        description: "Provides full access to AWS services and resources.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ]
}"#,
    },
    Source {
        arn: "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser",
        id: "ANPAKMSPOWERUSERAAAA",
        description: "Provides access to AWS Key Management Service (KMS).",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:Describe*", "kms:GenerateRandom", "kms:Get*",
                "kms:List*", "kms:TagResource", "kms:UntagResource", "iam:ListGroups", "iam:ListRoles", "iam:ListUsers"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    Source {
        arn: "arn:aws:iam::aws:policy/IAMFullAccess",
        id: "ANPAIAMFULLACCESSAAA",
        description: "Provides full access to IAM.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    ]
}"#,
    },
    Source {
        arn: "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
        id: "ANPAIAMREADONLYACCES",
        description: "Provides read only access to IAM.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["iam:Get*", "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy"],
            "Resource": "*"
        }
    ]
}"#,
    },
    Source {
        arn: "arn:aws:iam::aws:policy/ReadOnlyAccess",
        id: "ANPAREADONLYACCESSAA",
        description: "Provides read-only access to AWS services and resources.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "claviger:Describe*", "claviger:Get*", "claviger:List*", "claviger:Search*",
                "cloudtrail:LookupEvents",
                "iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*",
                "kms:Describe*", "kms:Get*", "kms:List*",
                "sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "sts:GetSessionToken"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    Source {
        arn: "arn:aws:iam::aws:policy/SecurityAudit",
        id: "ANPASECURITYAUDITAAA",
        description: "Grants access to read security configuration metadata.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "cloudtrail:LookupEvents", "iam:Get*", "iam:List*", "iam:Simulate*", "kms:Describe*", "kms:Get*", "kms:List*"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
];

/// 2026-01-01T00:00:00Z.
const CREATED_AT_MILLIS: i64 = 1_767_225_600_000;

static POLICIES: LazyLock<BTreeMap<PolicyArn, Arc<ManagedPolicy>>> =
    LazyLock::new(|| SOURCES.iter().filter_map(read).map(|policy| (policy.arn.clone(), Arc::new(policy))).collect());

/// INVARIANT: every source can be read; a test reads them all.
fn read(source: &Source) -> Option<ManagedPolicy> {
    let compiled = Arc::new(IdentityPolicy::parse(source.document).ok()?);
    let version =
        PolicyVersionRecord { number: 1, created_at: CREATED_AT_MILLIS, document: source.document.to_owned() };
    Some(ManagedPolicy {
        arn: source.arn.parse().ok()?,
        id: source.id.parse().ok()?,
        created_at: Timestamp::from_millis(CREATED_AT_MILLIS),
        updated_at: Timestamp::from_millis(CREATED_AT_MILLIS),
        description: Some(source.description.into()),
        tags: Tags::default(),
        versions: [version].into(),
        default_version: 1,
        versions_made: 1,
        document: Arc::new(IdentityDocument { text: source.document.into(), compiled }),
        revision: Revision::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_read() {
        for source in &SOURCES {
            assert!(read(source).is_some(), "{}", source.arn);
        }
        assert_eq!(all().count(), SOURCES.len());
        assert!(find(&ADMINISTRATOR_ACCESS.parse().unwrap()).is_some());
    }
}
