//! The product's evaluator and the reference evaluator answer alike, on random policies and requests; and what the
//! product answers before all is known stays its answer, whatever comes.
//!
//! `CLAVIGER_AGREEMENT_CASES` says how many cases there are, over all tests. Compared are allow or deny, and of a denial
//! whether a statement denies and in which layer. Management of a key of another account is left out: who asks the
//! product for a decision refuses it before.

mod product;

use std::collections::BTreeMap;

use claviger_policy::{Decision, Denial};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use self::product::{ENCRYPTION_CONTEXT, Known, NEW_GRANT, Product, outcome};
use crate::evaluator::decision::{ACROSS_ACCOUNTS, decide, decide_on_retirement, decide_on_role};
use crate::evaluator::documents::{REQUEST_TAG, SEVERAL, SINGLE};
use crate::evaluator::generators::{self, Circumstances, circumstances};
use crate::evaluator::scenario::{Outcome, Scenario};

/// Which question is asked about a scenario.
#[derive(Debug, Clone)]
pub enum Case {
    Request(Scenario),
    /// With whom the grant names as its retiring principal.
    Retirement(Scenario, Option<String>),
    Role(Scenario),
}

impl Case {
    pub fn scenario(&self) -> &Scenario {
        match self {
            Self::Request(scenario) | Self::Retirement(scenario, _) | Self::Role(scenario) => scenario,
        }
    }

    fn reference(&self) -> Outcome {
        match self {
            Self::Request(scenario) => decide(scenario),
            Self::Retirement(scenario, retiring) => decide_on_retirement(scenario, retiring.as_deref()),
            Self::Role(scenario) => decide_on_role(scenario),
        }
    }
}

fn on_key() -> impl Strategy<Value = Case> {
    generators::on_key().prop_map(|mut scenario| {
        let foreign = scenario.key.as_ref().is_some_and(|key| key.account != scenario.caller.account);
        if foreign && !ACROSS_ACCOUNTS.contains(&scenario.action.as_str()) {
            scenario.action = "kms:DescribeKey".to_owned();
        }
        Case::Request(scenario)
    })
}

fn without_key() -> impl Strategy<Value = Case> {
    generators::without_key().prop_map(Case::Request)
}

fn on_role() -> impl Strategy<Value = Case> {
    generators::on_role().prop_map(Case::Role)
}

fn on_retirement() -> impl Strategy<Value = Case> {
    generators::on_retirement().prop_map(|(scenario, retiring)| Case::Retirement(scenario, retiring))
}

fn any_case() -> impl Strategy<Value = Case> {
    prop_oneof![4 => on_key(), 1 => without_key(), 1 => on_role(), 1 => on_retirement()]
}

/// The cases of a test that gets this many of each hundred.
fn cases(percent: u32) -> ProptestConfig {
    let cases = std::env::var("CLAVIGER_AGREEMENT_CASES").ok();
    let cases = cases.map_or(CASES_USUAL, |cases| cases.parse().expect("CLAVIGER_AGREEMENT_CASES is a number"));
    ProptestConfig { cases: cases / 100 * percent, failure_persistence: None, ..ProptestConfig::default() }
}

const CASES_USUAL: u32 = 15_000;

fn agree(case: &Case) {
    let decision = Product::of(case).decide(&Known::all_of(case.scenario()));
    assert_eq!(outcome(decision), case.reference(), "the product's decision, and the reference's");
}

proptest! {
    #![proptest_config(cases(55))]
    #[test]
    fn on_requests_on_keys(case in on_key()) {
        agree(&case);
    }
}

proptest! {
    #![proptest_config(cases(10))]
    #[test]
    fn on_requests_without_a_key(case in without_key()) {
        agree(&case);
    }

    #[test]
    fn on_roles_to_be_assumed(case in on_role()) {
        agree(&case);
    }

    #[test]
    fn on_grants_to_be_retired(case in on_retirement()) {
        agree(&case);
    }
}

/// All that may be unknown of a request.
fn units() -> Vec<String> {
    let of_caller = [
        "aws:principalaccount",
        "aws:principalarn",
        "aws:userid",
        "aws:username",
        "kms:calleraccount",
        ENCRYPTION_CONTEXT,
        NEW_GRANT,
    ];
    let keys = SINGLE.iter().chain(SEVERAL).chain([&REQUEST_TAG]).map(|(key, _)| key.to_lowercase());
    let keys = keys.filter(|key| !key.starts_with(ENCRYPTION_CONTEXT));
    keys.chain(of_caller.map(str::to_owned)).collect()
}

/// Some of them, in random order.
fn some_units() -> impl Strategy<Value = Vec<String>> {
    let units = units();
    let most = units.len();
    prop::sample::subsequence(units, 0..=most).prop_shuffle()
}

/// The scenario, where what is unknown comes out as it does elsewhere.
fn completed(scenario: &Scenario, unknown: &[String], other: &Circumstances) -> Scenario {
    let mut completed = scenario.clone();
    for unit in unknown {
        match unit.as_str() {
            ENCRYPTION_CONTEXT => completed.encryption_context.clone_from(&other.encryption_context),
            NEW_GRANT => completed.new_grant.clone_from(&other.new_grant),
            key => {
                completed.context.remove(key);
                let found = other.context.get_key_value(key);
                completed.context.extend(found.map(|(key, values)| (key.clone(), values.clone())));
            }
        }
    }
    completed
}

/// Whether an answer that was given with less knowledge stands. Which layer denies may become clearer, but what a
/// statement denies stays denied by a statement.
fn stands(before: Decision, after: Decision) -> bool {
    let by_statement = |decision| matches!(decision, Decision::Deny(Denial { statement: Some(_), .. }));
    match before {
        Decision::Allow(_) => matches!(after, Decision::Allow(_)),
        Decision::Deny(_) => matches!(after, Decision::Deny(_)) && (by_statement(after) || !by_statement(before)),
        Decision::Depends => true,
    }
}

proptest! {
    #![proptest_config(cases(10))]

    #[test]
    fn what_is_unknown_is_not_guessed(
        case in any_case(),
        unknown in some_units(),
        still_unknown in any::<prop::sample::Index>(),
        others in vec(circumstances(), 2),
    ) {
        let scenario = case.scenario();
        let product = Product::of(&case);
        let early = product.decide(&Known::but(scenario, unknown.iter().map(String::as_str)));
        let fewer = &unknown[..still_unknown.index(unknown.len() + 1)];
        let later = product.decide(&Known::but(scenario, fewer.iter().map(String::as_str)));
        prop_assert!(stands(early, later), "{:?}, and with more known {:?}", early, later);
        for completed in others.iter().map(|other| completed(scenario, &unknown, other)).chain([scenario.clone()]) {
            let last = product.decide(&Known::all_of(&completed));
            prop_assert!(stands(early, last), "{:?}, then {:?} in {:?}", early, last, completed);
        }
        let last = product.decide(&Known::all_of(scenario));
        prop_assert!(last != Decision::Depends && stands(later, last), "{:?}, and at last {:?}", later, last);
    }
}

/// Neither do the random cases decide all at once, nor nothing.
#[test]
fn much_is_decided_early_and_much_is_not() {
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    let questions = (any_case(), some_units());
    for _ in 0..SAMPLES {
        let (case, unknown) = questions.new_tree(&mut runner).unwrap().current();
        let unknown = Known::but(case.scenario(), unknown.iter().map(String::as_str));
        let answer = match Product::of(&case).decide(&unknown) {
            Decision::Allow(_) => "allow",
            Decision::Deny(_) => "deny",
            Decision::Depends => "depends",
        };
        *counts.entry(answer).or_default() += 1;
    }
    assert!(counts.len() == 3 && counts.values().all(|count| *count > SAMPLES / 20), "{counts:?}");
}

const SAMPLES: usize = 1_000;
