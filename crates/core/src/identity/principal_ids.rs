//! The unique ids behind the ARNs that policies name: what is bound to one never lets in a successor of the same name.

use claviger_types::{PrincipalArn, PrincipalId};

use crate::view::View;

/// Those of the ARNs that exist, with their unique ids: what a resource policy is compiled with.
pub fn ids_of<'a>(arns: impl Iterator<Item = &'a PrincipalArn>, view: &View) -> Vec<(PrincipalArn, PrincipalId)> {
    arns.filter_map(|arn| Some((arn.clone(), view.principal(arn)?.id()))).collect()
}

/// The same as a record holds them.
pub fn to_record(ids: &[(PrincipalArn, PrincipalId)]) -> Vec<(String, String)> {
    ids.iter().map(|(arn, id)| (arn.to_string(), id.to_string())).collect()
}

/// What is bound to a unique id, as answers show it: by its ARN as it is now, or by the id once it is gone. `arn` is the
/// one by which it was named.
pub fn shown(arn: &PrincipalArn, id: PrincipalId, view: &View) -> String {
    let session = match arn {
        PrincipalArn::Session { session, .. } => Some(session),
        PrincipalArn::Role { .. } | PrincipalArn::Root(_) | PrincipalArn::User { .. } => None,
    };
    let now = match id {
        PrincipalId::Role(id) => {
            view.role_by_id(id).map(|role| session.map_or_else(|| role.arn(), |session| role.session_arn(session)))
        }
        PrincipalId::User(id) => view.user_by_id(id).map(|user| user.arn()),
    };
    match (now, session) {
        (Some(arn), _) => arn.to_string(),
        (None, Some(session)) => format!("{id}:{session}"),
        (None, None) => id.to_string(),
    }
}
