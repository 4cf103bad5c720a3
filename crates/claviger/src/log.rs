//! The log: lines on standard error, for people or for machines.

use std::any::Any;
use std::backtrace::Backtrace;
use std::io::{self, IsTerminal};
use std::panic;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts it. `CLAVIGER_LOG` says what is logged, in the form of tracing's filters, such as `debug`.
pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("CLAVIGER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Human => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
    // A panic is caught where it happens: by the store, which meets damaged files, and around each request. Those
    // who caught it answer for it; the log has one line, in the form of all others.
    panic::set_hook(Box::new(|broken| {
        let place = broken.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a step broke off: {}", text_of(broken.payload()));
        tracing::debug!(backtrace = %Backtrace::force_capture(), "where it broke off");
    }));
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}
