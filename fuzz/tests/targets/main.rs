//! The fuzz targets. Each takes bytes of a stranger (or of a damaged disk) where the service takes them, and knows more
//! about the outcome than that nothing panics.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target fails by panicking")]

mod bodies;
mod ciphertexts;
mod cloudtrail_files;
mod event_filters;
mod identifiers;
mod policies;
mod records;
mod signatures;
mod tokens;
mod transparency;
mod usage;
mod whole_service;
mod world;
mod wrapped_keys;

/// A test for each target; all share the time.
macro_rules! targets {
    ($($module:ident::$target:ident,)+) => {
        const TARGETS: u32 = [$(stringify!($target)),+].len() as u32;

        $(#[test]
        fn $target() {
            let name = stringify!($target);
            $module::$target(claviger_fuzz::Campaign::new(name, TARGETS, claviger_fuzz::check!()));
        })+
    };
}

targets! {
    bodies::json_bodies,
    bodies::form_bodies,
    ciphertexts::ciphertexts,
    cloudtrail_files::cloudtrail_files,
    event_filters::event_filters,
    identifiers::identifiers,
    identifiers::encryption_contexts,
    policies::key_policies,
    policies::identity_policies,
    records::stored_records,
    records::stored_states,
    signatures::signatures,
    tokens::session_payloads,
    tokens::session_tokens,
    tokens::tokens,
    transparency::entry_bundles,
    transparency::entry_proofs,
    transparency::notes,
    transparency::verifier_keys,
    usage::usage_imports,
    usage::usage_snapshots,
    whole_service::whole_service,
    wrapped_keys::wrapped_keys,
}
