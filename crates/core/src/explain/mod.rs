//! Why somebody may do something, or may not: the evaluator of requests, asked about a request that nobody made.
//!
//! The policies are those that a request of the principal would have, read off the same View; only what a request would
//! bring along is supposed. There is no second opinion here: every answer is the decision of `policy` with its steps, or
//! what the operation's row says of those whom it does not answer.

pub(crate) mod besides;
pub(crate) mod owner;
pub(crate) mod positions;
pub(crate) mod report;
pub(crate) mod simulation;
pub(crate) mod supposed;
pub(crate) mod wanted;
