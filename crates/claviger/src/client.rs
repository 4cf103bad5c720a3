//! The client of our own API: finds endpoint, Region and access key where the AWS CLI finds them, signs, asks.
//!
//! Source: AWS SDKs and Tools reference guide, the order of the settings and service-specific endpoints.

mod exchange;
mod settings;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(crate) use self::exchange::ExchangeError;
use self::settings::Settings;
pub(crate) use self::settings::SettingsError;

/// A server could not be asked, or it refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No answer came.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The server refused.
    #[error("{operation} was refused: {code}: {message}")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// The error's code.
        code: String,
        /// The server's text.
        message: String,
    },
    /// The answer is no JSON.
    #[error("the answer of {operation} cannot be read: {reason}")]
    Reply {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The request cannot be written as JSON, or no runtime.
    #[error("cannot send {operation}: {reason}")]
    Request {
        /// The operation.
        operation: &'static str,
        /// Why not.
        reason: String,
    },
    /// Something that a client needs is nowhere.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// What an error answer says.
#[derive(Deserialize, Default)]
struct ErrorReply {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// Asks the server that `environment` names. The reply may hold secrets.
pub(crate) fn ask(
    operation: &'static str,
    request: &impl Serialize,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Zeroizing<String>, ClientError> {
    let failed = |reason: String| ClientError::Request { operation, reason };
    let settings = Settings::find(environment)?;
    let body = serde_json::to_vec(request).map(Zeroizing::new).map_err(|error| failed(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let reply = runtime.block_on(exchange::exchange(&settings, operation, &body))?;
    if reply.status != 200 {
        let error: ErrorReply = serde_json::from_str(&reply.body).unwrap_or_default();
        let named = if error.code.is_empty() { format!("HTTP status {}", reply.status) } else { error.code };
        return Err(ClientError::Refused { operation, code: named, message: error.message });
    }
    Ok(reply.body)
}
