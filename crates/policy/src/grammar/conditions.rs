//! `Condition`: operators, keys, values. Source: IAM user guide, "IAM JSON policy elements: Condition".

use std::collections::BTreeSet;

use super::place::{Place, each, entries, quoted};
use super::{Kind, Language};
use crate::PolicyError;
use crate::conditions::{Condition, Variable, Wanted};
use crate::json::Json;
use crate::keys::ConditionKey;
use crate::operators::{Operator, SetOperator, Test};
use crate::texts::Texts;
use crate::values::{Network, number, time};
use crate::variables::{self, is_key_name};

/// The conditions of a statement. None at all, and an operator without keys, hold always.
pub(super) fn conditions(
    outer: &Place<'_>,
    json: Option<&Json>,
    language: Language,
) -> Result<Vec<Condition>, PolicyError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let place = Place::Element(outer, "Condition");
    let mut conditions = Vec::new();
    let mut operators: Vec<&str> = Vec::new();
    for (name, keys) in entries(&place, json)? {
        let operator = Operator::parse(name)
            .ok_or_else(|| place.malformed(format!("`{}` is no condition operator", quoted(name))))?;
        let place = Place::Element(&place, name);
        if operators.contains(&name) {
            return Err(place.malformed("is given twice"));
        }
        operators.push(name);
        let mut names = BTreeSet::new();
        for (name, values) in entries(&place, keys)? {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(Place::Element(&place, name).malformed("is given twice"));
            }
            conditions.push(condition(&place, operator, name, values, language)?);
        }
    }
    Ok(conditions)
}

fn condition(
    outer: &Place<'_>,
    operator: Operator,
    name: &str,
    values: &Json,
    language: Language,
) -> Result<Condition, PolicyError> {
    let place = Place::Element(outer, name);
    if !is_key_name(name) {
        return Err(place.malformed("is no condition key"));
    }
    let key = key(&place, name, operator, language)?;
    Ok(Condition { operator, key, wanted: wanted(&place, operator.test, values, language)? })
}

fn key(place: &Place<'_>, name: &str, operator: Operator, language: Language) -> Result<ConditionKey, PolicyError> {
    match ConditionKey::parse(name) {
        ConditionKey::AwsRequestTag(_) | ConditionKey::KmsEncryptionContext(_)
            if language.kind == Kind::Key && operator.set == Some(SetOperator::All) =>
        {
            Err(PolicyError::OverlyPermissiveCondition { place: place.to_string() })
        }
        //= AWS KMS developer guide, "kms:ResourceAliases"
        //# counts in identity policies only
        ConditionKey::KmsResourceAliases if language.kind != Kind::Identity => Ok(ConditionKey::Unknown(name.into())),
        key => Ok(key),
    }
}

/// The values, as the operator compares them.
fn wanted(place: &Place<'_>, test: Test, json: &Json, language: Language) -> Result<Wanted, PolicyError> {
    let read = |place: &Place<'_>, json: &Json| match json {
        Json::Scalar(text) | Json::String(text) => Ok(text.clone()),
        Json::Array(_) | Json::Null | Json::Object(_) => Err(place.malformed("must be a string")),
    };
    let texts = each(place, json, read)?;
    let typed = |what: &str, good: &dyn Fn(&str) -> bool| match texts.iter().find(|text| !good(text)) {
        Some(bad) => Err(place.malformed(format!("`{}` is no {what}", quoted(bad)))),
        None => Ok(()),
    };
    match test {
        Test::Address => {
            typed("address or range of addresses", &|text| Network::parse(text).is_some())?;
            Ok(Wanted::Addresses(texts.iter().filter_map(|text| Network::parse(text)).collect()))
        }
        Test::Bool | Test::Null => {
            let is = |text: &str, wanted: &str| text.eq_ignore_ascii_case(wanted);
            typed("boolean", &|text| is(text, "true") || is(text, "false"))?;
            let any = |wanted| texts.iter().any(|text| is(text, wanted));
            Ok(Wanted::Bools { yes: any("true"), no: any("false") })
        }
        Test::Number(_) => {
            typed("number", &|text| number(text).is_some())?;
            let mut numbers: Vec<f64> = texts.iter().filter_map(|text| number(text)).collect();
            numbers.sort_by(f64::total_cmp);
            numbers.dedup();
            Ok(Wanted::Numbers(numbers.into()))
        }
        Test::Time(_) => {
            typed("point in time", &|text| time(text).is_some())?;
            Ok(Wanted::Times(texts.iter().filter_map(|text| time(text)).collect()))
        }
        Test::Binary => {
            typed("base64 text", &is_base64)?;
            Ok(Wanted::Texts(Texts::new(texts.iter().map(String::as_str).collect())))
        }
        Test::Arn | Test::ArnLike | Test::Text | Test::TextIgnoringCase | Test::TextLike => {
            wanted_texts(place, test, &texts, language)
        }
    }
}

fn wanted_texts(place: &Place<'_>, test: Test, texts: &[String], language: Language) -> Result<Wanted, PolicyError> {
    let mut with_variables = false;
    for text in texts {
        let variables = language.variables && text.contains(variables::OPEN);
        if variables && variables::check(text).is_err() {
            return Err(place.malformed(format!("`{}` holds a malformed policy variable", quoted(text))));
        }
        // A variable may bring the parts that are missing.
        if matches!(test, Test::Arn | Test::ArnLike) && !variables && variables::arn_parts(text).len() < 6 {
            return Err(place.malformed(format!("`{}` is no ARN", quoted(text))));
        }
        with_variables |= variables;
    }
    if let ([text], true, false) = (texts, with_variables, matches!(test, Test::Arn | Test::ArnLike))
        && let Some((key, default)) = variables::alone(text)
    {
        let (default, text) = (default.map(Into::into), text.as_str().into());
        return Ok(Wanted::Variable(Box::new(Variable { key, default, text })));
    }
    let texts = Texts::new(texts.iter().map(String::as_str).collect());
    Ok(if with_variables { Wanted::TextsWithVariables(texts) } else { Wanted::Texts(texts) })
}

/// RFC 4648, section 4.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}
