//! One statement: what it matches, and what it says then. Of whom it speaks is its policy's to know.

use crate::actions::{Action, ActionSet};
use crate::conditions::Condition;
use crate::context::Context;
use crate::pattern::{DECISION_STEPS_MAX, Steps};
use crate::principals::Naming;
use crate::resources::{Resources, Target};
use crate::trace::{Found, SeenCondition, SeenStatement, Trace};
use crate::truth::Truth;
use crate::verdict::{Layer, StatementId};

/// What a matching statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`.
    Allow,
    /// `Deny`.
    Deny,
}

/// A statement without its principals.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    pub(crate) actions: ActionSet,
    pub(crate) resources: Resources,
    pub(crate) conditions: Box<[Condition]>,
}

/// What statements are asked during one decision.
pub(crate) struct Question<'a> {
    pub(crate) action: Action,
    pub(crate) target: Target<'a>,
    pub(crate) context: &'a dyn Context,
    /// Those that all conditions may take.
    pub(crate) steps: Steps,
    /// Those that conditions may take which the decision does without, and which are looked at to be shown.
    pub(crate) shown_steps: Steps,
}

impl Question<'_> {
    /// The steps that were taken for it so far.
    pub(crate) fn steps_taken(&self) -> usize {
        let left = [&self.steps, &self.shown_steps, self.target.arn().steps()].map(Steps::left);
        left.into_iter().map(|left| DECISION_STEPS_MAX - left).sum()
    }
}

impl Statement {
    /// Whether it matches, apart from its principals.
    pub(crate) fn matches<'p>(&'p self, question: &Question<'p>) -> Truth {
        if !self.actions.contains(question.action) {
            return Truth::No;
        }
        match self.resources.matches(&question.target, question.context) {
            Truth::No => Truth::No,
            resource => resource.and(self.conditions_hold(question)),
        }
    }

    fn conditions_hold(&self, question: &Question<'_>) -> Truth {
        Truth::all(
            self.conditions.iter().map(|condition| condition.holds(self.effect, question.context, &question.steps)),
        )
    }

    /// Whether it matches a caller of whom it speaks in one of these ways, and each step of the answer.
    pub(crate) fn examine<'p, T: Trace>(
        &'p self,
        question: &Question<'p>,
        layer: Layer,
        id: StatementId,
        namings: Option<&[Naming]>,
        trace: &mut T,
    ) -> Truth {
        let action = self.actions.contains(question.action);
        let resource = self.resources.matches(&question.target, question.context);
        let principal = namings.is_none_or(|namings| !namings.is_empty());
        let mut matches = if action { resource } else { Truth::No };
        let seen = |condition: &Condition| {
            let decides = matches != Truth::No;
            let steps = if decides { &question.steps } else { &question.shown_steps };
            let result = condition.holds(self.effect, question.context, steps);
            if decides {
                matches = matches.and(result);
            }
            SeenCondition {
                operator: condition.operator.to_string(),
                key: condition.key.clone(),
                wanted: condition.wanted_texts(),
                found: Found::of(question.context.values(&condition.key)),
                result,
            }
        };
        let conditions = self.conditions.iter().map(seen).collect();
        let matches = Truth::from(principal).and(matches);
        trace.statement(SeenStatement {
            layer,
            id,
            sid: self.sid.as_deref().map(Into::into),
            effect: self.effect,
            namings: namings.map(Into::into),
            action,
            resource,
            resources: self.resources.texts(),
            conditions,
            result: matches,
        });
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IdentityPolicy, KeyPolicyDocument};

    /// Policies are held in memory by the ten thousand: what is written in few bytes must not grow much.
    #[test]
    fn statements_and_conditions_are_small() {
        assert!(size_of::<Statement>() <= 112, "{}", size_of::<Statement>());
        assert!(size_of::<Condition>() <= 80, "{}", size_of::<Condition>());
    }

    /// What fills the longest document with the dearest elements is still read at once.
    #[test]
    fn hostile_documents_are_read_in_bounded_time() {
        let filled = |element: &str, bytes: usize| vec![element; bytes / (element.len() + 1)].join(",");
        for (actions, resources, conditions) in [
            (filled(r#""iam:*a*b*c*d*e*""#, 120_000), r#""*""#.into(), String::new()),
            (filled(r#""s3:x""#, 120_000), r#""*""#.into(), String::new()),
            (r#""*""#.into(), filled(r#""arn:a:b:::*${a:b}""#, 120_000), String::new()),
            (r#""*""#.into(), r#""*""#.into(), format!(r#""StringLike":{{"a:b":[{}]}}"#, filled(r#""*a*""#, 120_000))),
        ] {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{actions}],"Resource":[{resources}],
                "Condition":{{{conditions}}}}}}}"#
            );
            assert!(IdentityPolicy::parse(&text).is_ok(), "{}", &text[..200]);
        }
        let keys = (0..2_000).map(|number| format!(r#""a:{number}":1"#)).collect::<Vec<_>>().join(",");
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Condition":{{"NumericEquals":{{{keys}}}}}}}}}"#
        );
        assert!(KeyPolicyDocument::parse(&text).is_ok());
    }
}
