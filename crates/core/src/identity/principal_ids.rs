//! The unique ids behind the ARNs that policies name: what is bound to one never lets in a successor of the same name.

use claviger_types::{PrincipalArn, PrincipalId};

use crate::view::View;

/// The user or role of this ARN, for a session its role. The path must be its own, and case counts.
pub fn id_of(arn: &PrincipalArn, view: &View) -> Option<PrincipalId> {
    match arn {
        PrincipalArn::Root(_) => None,
        PrincipalArn::User { account, path, name } => {
            let user = view.user(*account, name).filter(|user| user.path == *path && user.name == *name);
            user.map(|user| PrincipalId::User(user.id))
        }
        PrincipalArn::Role { account, path, name } => {
            let role = view.role(*account, name).filter(|role| role.path == *path && role.name == *name);
            role.map(|role| PrincipalId::Role(role.id))
        }
        PrincipalArn::Session { account, role, .. } => {
            let found = view.role(*account, role).filter(|found| found.name == *role);
            found.map(|role| PrincipalId::Role(role.id))
        }
    }
}
