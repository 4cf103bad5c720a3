//! Random scenarios reach every answer, and the reference evaluator's answers hang together.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::evaluator::decision::{decide, decide_on_role};
use crate::evaluator::generators::{any_request, on_key, on_role};
use crate::evaluator::scenario::{Layer, Outcome, Scenario};

const LAYERS: [Layer; 6] =
    [Layer::ServiceControl, Layer::ResourceControl, Layer::Resource, Layer::Identity, Layer::Boundary, Layer::Session];

fn outcomes(
    scenarios: impl Strategy<Value = Scenario>,
    decide: impl Fn(&Scenario) -> Outcome,
) -> BTreeMap<Outcome, usize> {
    let mut runner = TestRunner::deterministic();
    let mut counts = BTreeMap::new();
    for _ in 0..SAMPLES {
        let scenario = scenarios.new_tree(&mut runner).unwrap().current();
        *counts.entry(decide(&scenario)).or_default() += 1;
    }
    counts
}

const SAMPLES: usize = 3_000;

#[test]
fn random_scenarios_reach_every_answer() {
    for counts in [outcomes(any_request(), decide), outcomes(on_role(), decide_on_role)] {
        let allowed = counts[&Outcome::Allow];
        assert!(SAMPLES / 6 < allowed && allowed < SAMPLES * 5 / 6, "{counts:?}");
        for layer in LAYERS {
            for outcome in [Outcome::ExplicitDeny(layer), Outcome::NoAllow(layer)] {
                let count = counts.get(&outcome).copied().unwrap_or(0);
                assert!(count > 5, "{outcome:?} hardly comes out of {counts:?}");
            }
        }
    }
}

/// A statement that denies everything to everyone, in a policy of this layer.
fn deny_all(scenario: &mut Scenario, layer: Layer) {
    let statement = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
    let mut of_resource = statement.clone();
    of_resource["Principal"] = json!("*");
    let policy = |statement: &Value| json!({"Version": "2012-10-17", "Statement": statement});
    let key = scenario.key.as_mut().unwrap();
    match layer {
        Layer::ServiceControl => scenario.scp_levels.push(vec![policy(&statement)]),
        Layer::ResourceControl => key.rcp_levels.push(vec![policy(&of_resource)]),
        Layer::Resource => key.policy = policy(&of_resource),
        Layer::Identity => scenario.identity.push(policy(&statement)),
        Layer::Boundary => scenario.boundary = Some(policy(&statement)),
        Layer::Session => scenario.session_policies = Some(vec![policy(&statement)]),
    }
}

fn reversed(mut scenario: Scenario) -> Scenario {
    let reverse = |policy: &mut Value| {
        if let Some(statements) = policy["Statement"].as_array_mut() {
            statements.reverse();
        }
    };
    scenario.identity.reverse();
    scenario.identity.iter_mut().for_each(reverse);
    scenario.boundary.iter_mut().for_each(reverse);
    scenario.session_policies.iter_mut().flatten().for_each(reverse);
    scenario.scp_levels.reverse();
    if let Some(key) = &mut scenario.key {
        reverse(&mut key.policy);
        key.rcp_levels.reverse();
        key.grants.reverse();
    }
    scenario
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_deny_of_all_ends_it(scenario in on_key(), layer in prop::sample::select(LAYERS.to_vec())) {
        let mut denied = scenario;
        deny_all(&mut denied, layer);
        let root = denied.caller.arn.ends_with(":root");
        let own = [Layer::Identity, Layer::Boundary, Layer::Session].contains(&layer);
        match decide(&denied) {
            Outcome::ExplicitDeny(found) => prop_assert!(found <= layer, "{found:?} stands behind {layer:?}"),
            other => prop_assert!(root && own, "{other:?} in spite of {layer:?}"),
        }
    }

    #[test]
    fn order_does_not_matter(scenario in any_request()) {
        prop_assert_eq!(decide(&scenario), decide(&reversed(scenario.clone())));
    }

    #[test]
    fn less_never_allows_more(scenario in on_key()) {
        let mut without_grants = scenario.clone();
        without_grants.key.as_mut().unwrap().grants.clear();
        if decide(&without_grants).is_allow() {
            prop_assert!(decide(&scenario).is_allow(), "a grant took something away");
        }
        let mut unlimited = scenario.clone();
        unlimited.boundary = None;
        unlimited.session_policies = None;
        unlimited.scp_levels.clear();
        if decide(&scenario).is_allow() {
            prop_assert!(decide(&unlimited).is_allow(), "a limit gave something");
        }
    }
}
