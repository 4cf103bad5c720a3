//! What can go wrong with keys, in this crate's words. No variant carries key bytes, plaintext or the reason why a
//! ciphertext was refused: a reason would tell an attacker how near he came.

use thiserror::Error;

/// The cryptographic module gave no random bytes or refused an operation whose inputs are right by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the cryptographic module failed")]
pub struct ModuleFailed;

/// A wrapped key does not open: it was altered, belongs to another place, or was wrapped by another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the wrapped key is damaged or does not belong to this record")]
pub struct Damaged;

/// A wrapped key could not be wrapped again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RewrapError {
    /// The record to wrap again does not open.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// Wrapping failed.
    #[error(transparent)]
    Module(#[from] ModuleFailed),
}

/// A backing key could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UseError {
    /// The key's spec has no such operation.
    #[error("the key's spec does not allow this operation")]
    WrongSpec,
    /// The operation failed.
    #[error(transparent)]
    Module(#[from] ModuleFailed),
}

/// A ciphertext does not open. One error for every reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the ciphertext is not valid")]
pub struct InvalidCiphertext;

/// A MAC is not the message's under this key and algorithm. One error for every reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the MAC is not valid")]
pub struct InvalidMac;
