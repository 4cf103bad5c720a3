//! A second evaluator of the policy language: plain, slow, and written from the documented rules alone.
//!
//! It reads the JSON afresh at every decision, compiles nothing and knows nothing of the product's evaluator: no line of
//! it may lean on `claviger_policy`, or the agreement of the two would prove nothing. It takes policies that are valid;
//! what a policy document may hold is the parser's business, and a document that no parser would let pass is a panic.
//! Source: IAM user guide, "Policy evaluation logic" and "Policy elements reference"; KMS developer guide, "Key policies".

pub mod comparisons;
pub mod conditions;
pub mod decision;
pub mod documents;
pub mod generators;
pub mod grants;
pub mod patterns;
pub mod principals;
pub mod scenario;
pub mod statements;
