//! The reference evaluator of the policy language, held against the documented rules; and the product's evaluator, held
//! against it.
//!
//! `evaluator` is the reference evaluator with the generators of its input; `examples` and `cases` say what it must
//! answer, `mixture` that the generators reach every answer, and `agreement` that the product answers the same.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod evaluator;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod mixture;
