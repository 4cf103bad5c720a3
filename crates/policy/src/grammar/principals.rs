//! `Principal` and `NotPrincipal`. Source: IAM user guide, "AWS JSON policy elements: Principal" and "NotPrincipal".
//!
//! Services, federated providers and canonical users are accepted where AWS accepts them. None of them calls here, so
//! a statement that names only these speaks of nobody.

use claviger_types::PrincipalArn;

use super::place::{Elements, Place, Side, Sided, each, quoted};
use crate::PolicyError;
use crate::json::Json;
use crate::principals::{Listed, Speaks};

const KINDS: [&str; 4] = ["AWS", "CanonicalUser", "Federated", "Service"];

/// Of whom a statement speaks.
pub(super) fn speaks(outer: &Place<'_>, element: &Sided<'_>) -> Result<Speaks, PolicyError> {
    let listed = listed(&Place::Element(outer, element.name), element.json)?;
    Ok(match element.side {
        Side::AllButThese => Speaks::OfAllBut(listed),
        Side::These => Speaks::Of(listed),
    })
}

/// A resource control policy speaks of everyone.
pub(super) fn everyone(outer: &Place<'_>, json: &Json) -> Result<(), PolicyError> {
    let place = Place::Element(outer, "Principal");
    let listed = listed(&place, json)?;
    if listed.anyone && listed.accounts.is_empty() && listed.arns.is_empty() {
        return Ok(());
    }
    Err(place.malformed("a resource control policy names `*` alone"))
}

fn listed(place: &Place<'_>, json: &Json) -> Result<Listed, PolicyError> {
    let mut listed = Listed::default();
    match json {
        Json::String(text) if text == "*" => listed.anyone = true,
        Json::Object(entries) if entries.is_empty() => return Err(place.malformed("names nobody")),
        Json::Object(_) => {
            let elements = Elements::new(place, json, &KINDS)?;
            if let Some(json) = elements.get("AWS") {
                each(&Place::Element(place, "AWS"), json, |place, json| add(&mut listed, place, json))?;
            }
            for kind in ["CanonicalUser", "Federated", "Service"] {
                if let Some(json) = elements.get(kind) {
                    each(&Place::Element(place, kind), json, other_kind)?;
                }
            }
        }
        _ => return Err(place.malformed("must be `*` or an object")),
    }
    Ok(listed)
}

/// One value of a principal's `AWS`.
fn add(listed: &mut Listed, place: &Place<'_>, json: &Json) -> Result<(), PolicyError> {
    let text = place.string(json)?;
    if text == "*" {
        listed.anyone = true;
        return Ok(());
    }
    if let Ok(account) = text.parse() {
        listed.accounts.push(account);
        return Ok(());
    }
    match text.parse() {
        Ok(PrincipalArn::Root(account)) => listed.accounts.push(account),
        Ok(arn @ (PrincipalArn::Role { .. } | PrincipalArn::Session { .. } | PrincipalArn::User { .. })) => {
            listed.arns.push(arn);
        }
        Err(_) => return Err(no_principal(place, text)),
    }
    Ok(())
}

fn no_principal(place: &Place<'_>, text: &str) -> PolicyError {
    if text.contains(['*', '?']) {
        return place.malformed("a principal's ARN holds no wildcards");
    }
    if text.starts_with("arn:aws:sts::") && text.contains(":federated-user/") {
        return place.unsupported("a federated user as principal");
    }
    place.malformed(format!("`{}` is neither an account nor the ARN of a principal", quoted(text)))
}

/// One value of another kind of principal.
fn other_kind(place: &Place<'_>, json: &Json) -> Result<(), PolicyError> {
    let text = place.string(json)?;
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(place.malformed(format!("`{}` names no principal", quoted(text))));
    }
    Ok(())
}
