//! `SimulateCustomPolicy`: what the policies of the request say of actions, whoever has them.
//! Source: IAM API reference, SimulateCustomPolicy; docs/compatibility.md.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::explain::simulation::{self, Simulation};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct SimulateCustomPolicy(Simulation);

impl Operation for SimulateCustomPolicy {
    const NAME: &'static str = "SimulateCustomPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = Account;
    type Reply = simulation::Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Simulation::parse(fields).map(Self)
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for SimulateCustomPolicy {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<simulation::Reply, Error> {
        self.0.run::<Self>(None, facts)
    }
}

#[cfg(test)]
mod tests {
    use claviger_policy::Action;
    use serde_json::{Value, json};

    use crate::testing::test_kms::{HOME, REGION, TestKms, policy, refused, statement};

    /// A policy that allows on one condition.
    fn on_condition(operator: &str, key: &str, value: &str) -> String {
        let statement =
            json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": {operator: {key: value}}});
        policy(&statement.to_string())
    }

    fn simulated(kms: &TestKms, body: Value) -> Value {
        let mut body = body;
        body["ActionNames"] = json!(["kms:Encrypt"]);
        kms.ok("SimulateCustomPolicy", body)["EvaluationResults"][0].clone()
    }

    #[test]
    fn every_type_of_context_key() {
        let kms = TestKms::new();
        for (kind, operator, key, wanted, has, has_not) in [
            ("string", "StringEquals", "kms:ViaService", "s3", "s3", "S3"),
            ("stringList", "ForAnyValue:StringEquals", "aws:TagKeys", "a", "a", "b"),
            ("numeric", "NumericLessThan", "aws:MultiFactorAuthAge", "10", "9", "10"),
            ("numericList", "NumericEquals", "aws:MultiFactorAuthAge", "1", "1.0", "2"),
            ("boolean", "Bool", "aws:SecureTransport", "true", "true", "false"),
            ("booleanList", "Bool", "aws:SecureTransport", "true", "true", "false"),
            ("ip", "IpAddress", "aws:SourceIp", "203.0.113.0/24", "203.0.113.7", "203.0.114.7"),
            ("ipList", "IpAddress", "aws:SourceIp", "203.0.113.0/24", "203.0.113.7", "203.0.114.7"),
            ("binary", "BinaryEquals", "kms:RequestAlias", "QUFB", "QUFB", "QUFC"),
            ("binaryList", "BinaryEquals", "kms:RequestAlias", "QUFB", "QUFB", "QUFC"),
            ("date", "DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-02"),
            ("dateList", "DateLessThan", "aws:EpochTime", "2026-01-01T00:00:00Z", "1", "2026-01-02T00:00:00Z"),
        ] {
            for (value, want) in [(has, "allowed"), (has_not, "implicitDeny")] {
                let entry = json!({"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]});
                let body = json!({"PolicyInputList": [on_condition(operator, key, wanted)], "ContextEntries": [entry]});
                let result = simulated(&kms, body);
                assert_eq!(result["EvalDecision"], want, "{kind} {value}");
                assert_eq!(result["MissingContextValues"], json!([]), "{kind} {value}");
            }
            let result = simulated(&kms, json!({"PolicyInputList": [on_condition(operator, key, wanted)]}));
            assert_eq!(result["EvalDecision"], "implicitDeny", "{kind}");
            assert_eq!(result["MissingContextValues"], json!([key]), "{kind}");
        }
        for (kind, values) in [
            ("boolean", json!(["yes"])),
            ("numeric", json!(["x"])),
            ("ip", json!(["x"])),
            ("string", json!(["a", "b"])),
        ] {
            let entry = json!({"ContextKeyName": "aws:TagKeys", "ContextKeyType": kind, "ContextKeyValues": values});
            let body = json!({"PolicyInputList": [policy(&statement("Allow", "*", "*"))], "ActionNames": ["kms:Encrypt"], "ContextEntries": [entry]});
            assert_eq!(kms.call("SimulateCustomPolicy", body).unwrap_err().code, "InvalidInput", "{kind} {values}");
        }
    }

    #[test]
    fn the_statements_that_decide() {
        let kms = TestKms::new();
        let (allow, deny) = (statement("Allow", "kms:*", "*"), statement("Deny", "kms:Encrypt", "*"));
        let both = format!("{{\n\"Statement\": [\n  {allow},\n  {deny}\n]}}");
        let matched = |body: Value| {
            let result = simulated(&kms, body);
            (result["EvalDecision"].as_str().unwrap().to_owned(), result["MatchedStatements"].clone())
        };
        let (decision, statements) = matched(json!({"PolicyInputList": [policy(&allow), both]}));
        assert_eq!(decision, "explicitDeny");
        let end = 3 + deny.len();
        let want = json!([{"SourcePolicyId": "PolicyInputList.2", "SourcePolicyType": "none",
            "StartPosition": {"Line": 4, "Column": 3}, "EndPosition": {"Line": 4, "Column": end}}]);
        assert_eq!(statements, want);
        let (decision, statements) = matched(json!({"PolicyInputList": [policy(&allow)]}));
        assert_eq!((decision.as_str(), &statements[0]["SourcePolicyId"]), ("allowed", &json!("PolicyInputList.1")));
        let (decision, statements) = matched(json!({"PolicyInputList": [policy(&statement("Allow", "iam:*", "*"))]}));
        assert_eq!((decision.as_str(), statements), ("implicitDeny", json!([])));
    }

    #[test]
    fn boundary_and_resource_policy() {
        let kms = TestKms::new();
        let allow = policy(&statement("Allow", "kms:*", "*"));
        for (boundary, decision, by_boundary) in [("kms:*", "allowed", true), ("iam:*", "implicitDeny", false)] {
            let boundary = policy(&statement("Allow", boundary, "*"));
            let result =
                simulated(&kms, json!({"PolicyInputList": [allow], "PermissionsBoundaryPolicyInputList": [boundary]}));
            assert_eq!(result["EvalDecision"], decision);
            let want = json!({"AllowedByPermissionsBoundary": by_boundary});
            assert_eq!(result["PermissionsBoundaryDecisionDetail"], want);
        }
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let ann = format!("arn:aws:iam::{HOME}:user/ann");
        let key = format!("arn:aws:kms:{REGION}:{HOME}:key/00000000-0000-4000-8000-000000000000");
        let by = |principal: &str, effect: &str| {
            policy(
                &json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"})
                    .to_string(),
            )
        };
        let nothing = policy(&statement("Allow", "iam:ListUsers", "*"));
        for (identity, resource, decision, sides) in [
            (&nothing, by(&ann, "Allow"), "allowed", ["implicitDeny", "allowed"]),
            (&allow, by(HOME, "Allow"), "allowed", ["allowed", "allowed"]),
            (&nothing, by(HOME, "Allow"), "implicitDeny", ["implicitDeny", "allowed"]),
            (&allow, by(&ann, "Deny"), "explicitDeny", ["allowed", "explicitDeny"]),
        ] {
            let body = json!({"PolicyInputList": [identity], "ResourceArns": [key], "ResourcePolicy": resource, "CallerArn": ann, "ResourceOwner": format!("arn:aws:iam::{HOME}:root")});
            let result = simulated(&kms, body);
            assert_eq!(result["EvalDecision"], decision, "{resource}");
            let want = json!({"IAM Policy": sides[0], "Resource-based Policy": sides[1]});
            assert_eq!(result["EvalDecisionDetails"], want, "{resource}");
            assert_eq!(result["ResourceSpecificResults"][0]["EvalResourceDecision"], decision, "{resource}");
        }
    }

    #[test]
    fn pages() {
        let kms = TestKms::new();
        let actions = ["kms:Encrypt", "kms:decrypt", "iam:GetUser"];
        for items in 1..=7 {
            let body = json!({"PolicyInputList": [policy(&statement("Allow", "kms:*", "*"))], "ActionNames": actions,
                "ResourceArns": ["*", "arn:aws:kms:us-east-1:111122223333:alias/a"], "MaxItems": items});
            let all = kms.admin().all_pages("SimulateCustomPolicy", "EvaluationResults", "EvalActionName", body);
            let want = ["kms:Encrypt", "kms:Encrypt", "kms:decrypt", "kms:decrypt", "iam:GetUser", "iam:GetUser"];
            assert_eq!(all, want, "{items}");
        }
    }

    /// However much a request names, an answer stays small, and the pages tell all results.
    #[test]
    fn answers_are_bounded() {
        let kms = TestKms::new();
        let statements = vec![statement("Allow", "*", "*"); 1_500].join(",");
        let condition = json!({"Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestTag/x": "y"}}});
        let long = vec!["v".repeat(1_000); 100];
        let entry = json!({"ContextKeyName": "aws:RequestTag/x", "ContextKeyType": "stringList",
            "ContextKeyValues": long});
        let conditions = vec![condition.to_string(); 500].join(",");
        let actions: Vec<String> =
            Action::all().map(|action| action.to_string()).filter(|name| name.starts_with("iam:")).take(40).collect();
        let mut body = json!({"PolicyInputList": [policy(&statements), policy(&conditions)], "ActionNames": actions,
            "ContextEntries": [entry], "ResourceArns": ["arn:aws:iam::111122223333:user/ann"]});
        let mut names = Vec::new();
        let mut pages = 0;
        loop {
            let reply = kms.ok("SimulateCustomPolicy", body.clone());
            let bytes = reply.to_string().len();
            assert!(bytes < 1_048_576, "{bytes}");
            let results = reply["EvaluationResults"].as_array().unwrap();
            assert!(results.len() <= 5, "a page looks at few statements");
            for result in results {
                assert_eq!(result["MatchedStatements"].as_array().unwrap().len(), 100);
                names.push(result["EvalActionName"].as_str().unwrap().to_owned());
            }
            pages += 1;
            match reply.get("Marker") {
                Some(marker) => body["Marker"] = marker.clone(),
                None => break,
            }
        }
        assert_eq!(names, actions);
        assert!(pages >= 8, "{pages}");
    }

    /// Each action on each resource is told once, in this order, wherever a page ends.
    #[test]
    fn pages_continue_one_another() {
        let kms = TestKms::new();
        let (actions, resources) = (["iam:GetUser", "iam:GetRole", "iam:GetGroup"], ["a", "b", "c", "d"]);
        let resources = resources.map(|name| format!("arn:aws:iam::111122223333:user/{name}"));
        let want: Vec<_> = actions
            .iter()
            .flat_map(|action| resources.iter().map(move |resource| ((*action).to_owned(), resource.clone())))
            .collect();
        for size in [1, 4, 5, 11, 12, 13] {
            let mut body = json!({"PolicyInputList": [policy(&statement("Allow", "*", "*"))], "ActionNames": actions,
                "ResourceArns": resources, "MaxItems": size});
            let mut told = Vec::new();
            loop {
                let reply = kms.ok("SimulateCustomPolicy", body.clone());
                for result in reply["EvaluationResults"].as_array().unwrap() {
                    let text = |member: &str| result[member].as_str().unwrap().to_owned();
                    told.push((text("EvalActionName"), text("EvalResourceName")));
                }
                match reply.get("Marker") {
                    Some(marker) => body["Marker"] = marker.clone(),
                    None => break,
                }
            }
            assert_eq!(told, want, "{size}");
        }
    }

    /// Long names are in each result twice, each sign of them may be six in XML, and long patterns and values are
    /// compared for each result.
    #[test]
    fn pages_weigh_what_the_request_repeats() {
        let kms = TestKms::new();
        let long_name = format!("arn:aws:iam::111122223333:user/{}", "&".repeat(1_900));
        let patterns: Vec<_> = (0..1_000).map(|number| format!("*?b{number}")).collect();
        let like = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"ForAnyValue:StringLike": {"aws:RequestTag/x": patterns}}});
        let entry = json!({"ContextKeyName": "aws:RequestTag/x", "ContextKeyType": "stringList",
            "ContextKeyValues": ["a".repeat(9_000)]});
        let actions = vec!["iam:GetUser"; 1_000];
        for (body, most) in [
            (json!({"PolicyInputList": [policy(&statement("Allow", "*", "*"))], "ResourceArns": [long_name]}), 25),
            (json!({"PolicyInputList": [policy(&like.to_string())], "ContextEntries": [entry]}), 30),
        ] {
            let mut body = body;
            body["ActionNames"] = json!(actions);
            body["MaxItems"] = json!(1_000);
            let reply = kms.ok("SimulateCustomPolicy", body);
            let results = reply["EvaluationResults"].as_array().unwrap();
            assert!(!results.is_empty() && results.len() <= most, "{} results, not {most}", results.len());
            assert!(reply.get("Marker").is_some());
        }
    }

    #[test]
    fn refused_requests() {
        let kms = TestKms::new();
        let allow = policy(&statement("Allow", "kms:*", "*"));
        for (member, value, message) in [
            ("ActionNames", json!(["s3:GetObject"]), "s3:GetObject is no action of a service that is here."),
            ("ResourceOwner", json!("me"), "ResourceOwner me is no account."),
            ("CallerArn", json!("me"), "CallerArn me is no ARN of a user."),
            (
                "PermissionsBoundaryPolicyInputList",
                json!([allow, allow]),
                "PermissionsBoundaryPolicyInputList takes one policy.",
            ),
            (
                "ResourcePolicy",
                json!(allow),
                "CallerArn is required with ResourcePolicy, unless the policies are a user's.",
            ),
        ] {
            let mut body = json!({"PolicyInputList": [allow], "ActionNames": ["kms:Encrypt"]});
            body[member] = value;
            assert_eq!(kms.call("SimulateCustomPolicy", body), Err(refused("InvalidInput", message)), "{member}");
        }
        let body = json!({"PolicyInputList": ["{"], "ActionNames": ["kms:Encrypt"]});
        assert_eq!(kms.call("SimulateCustomPolicy", body).unwrap_err().code, "InvalidInput");
    }
}
