//! The reference evaluator of the policy language, held against the documented rules.
//!
//! `evaluator` is the evaluator with the generators of its input; `examples` and `cases` say what it must answer, and
//! `mixture` that the generators reach every answer.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod evaluator;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod mixture;
