//! Examines a store that no server has open: each record parses, opens under its key, and refers to what is there.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use claviger_keyring::{BackingKeyBinding, RootOfTrust};
use claviger_storage::{Store, StoreError};
use claviger_tlog::Directory;
use claviger_types::{AccessKeyId, Region};

use crate::audit;
use crate::identity::entities::Entity;
use crate::identity::{attachments, mfa};
use crate::paths::{self, PathKind};
use crate::records::EventRecord;
use crate::usage::ImportFiles;
use crate::view::{Account, DamagedState, Grant, Key, Opener, PolicyInterner, User, View};

/// What findings call the audit log.
const AUDIT_LOG: &str = "audit";

/// What they call the folder of usage.
const USAGE: &str = "usage";

/// What they say of an import that was set aside. Which files of CloudTrail were in it nothing tells any more; what is
/// imported again does not count twice.
const SET_ASIDE: &str = "was damaged and is not counted, so that usage is missed: import the trail again, of which only \
                         what is missed will count, and remove this file";

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Records that were read.
    pub records: u64,
    /// What is wrong, if anything is.
    pub findings: Vec<DamagedState>,
    /// The audit log, if it verifies.
    pub audit_log: Option<AuditLog>,
}

/// An audit log that verifies.
#[derive(Debug)]
pub struct AuditLog {
    /// How many entries it has had.
    pub entries: u64,
    /// Those from this one on are kept.
    pub kept_from: u64,
    /// The public key by which anybody can verify it.
    pub verifier_key: String,
}

/// Reads everything, and what lies beside the store. The error is for a store that cannot be read at all.
pub fn check(
    store: &dyn Store,
    root: &dyn RootOfTrust,
    audit_folder: &Path,
    usage_folder: &Path,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut view = View::default();
    let mut policies = PolicyInterner::default();
    let mut counters = HashMap::new();
    let mut opener = Opener { root, policies: &mut policies };
    let revision = store.load(&mut |record| {
        report.records += 1;
        match paths::parse(record.path) {
            Some((PathKind::Counter, _, _)) => {
                counters.insert(record.path.to_owned(), record.value.try_into().map(u64::from_be_bytes).ok());
            }
            Some((PathKind::Outbox, _, _)) => {
                if let Err(error) = EventRecord::parse(record.value) {
                    report.find(record.path, error.to_string());
                }
            }
            _ => {}
        }
        match view.put(record.path, record.value, record.revision, &mut opener) {
            Ok(()) if !paths::is_canonical(record.path) => report.find(record.path, "nothing looks for it here".into()),
            put => report.findings.extend(put.err()),
        }
    })?;
    // What this finds first is among what is found below.
    let _ = view.finish(revision, None);
    report.findings.extend(view.organization_damage());
    if view.deployment().is_none() {
        report.find(&paths::deployment(), "missing: the store holds no deployment".into());
    }
    view.regions().for_each(|region| check_region(&view, region, &mut counters, &mut report));
    view.accounts().for_each(|account| check_identities(&view, account, &mut counters, &mut report));
    check_mfa_devices(&view, &mut counters, &mut report);
    check_sessions(&view, &mut report);
    check_audit_log(&view, audit_folder, &mut report);
    check_imports(usage_folder, &mut report);
    for (path, value) in counters {
        report.find(&path, format!("counts {value:?} of what is not there"));
    }
    Ok(report)
}

impl Report {
    fn find(&mut self, path: &str, problem: String) {
        self.findings.push(DamagedState { path: path.to_owned(), problem });
    }

    /// A counter must be what was counted; a missing one is 0.
    fn check_counter(&mut self, counters: &mut HashMap<String, Option<u64>>, path: String, counted: u64) {
        let stored = counters.remove(&path).unwrap_or(Some(0));
        if stored != Some(counted) {
            self.find(&path, format!("shows {stored:?}, and {counted} are there"));
        }
    }
}

/// Imports are told by nothing else.
fn check_imports(folder: &Path, report: &mut Report) {
    let files = ImportFiles::new(Arc::new(Directory::new(folder)));
    match (files.numbers(), files.numbers_aside()) {
        (Ok(numbers), Ok(aside)) => {
            for (number, error) in numbers.into_iter().filter_map(|number| Some((number, files.read(number).err()?))) {
                report.find(&format!("{USAGE}/{}", ImportFiles::path(number)), error.to_string());
            }
            for number in aside {
                report.find(&format!("{USAGE}/{}", ImportFiles::path_aside(number)), SET_ASIDE.into());
            }
        }
        (Err(error), _) | (_, Err(error)) => report.find(USAGE, error.to_string()),
    }
}

fn check_region(view: &View, region: Region, counters: &mut HashMap<String, Option<u64>>, report: &mut Report) {
    let mut keys: Vec<_> = view.keys(region).collect();
    keys.sort_by_key(|key| key.arn.id);
    for key in keys {
        check_key(key, report);
        let aliases = view.aliases_of_key(region, key, None).count() as u64;
        report.check_counter(counters, paths::alias_count(region, key.arn.id), aliases);
        let grants = view.grants_on(region, key.arn.id, None).count() as u64;
        report.check_counter(counters, paths::grant_count(region, key.arn.id), grants);
        if view.account(key.arn.account).is_none() {
            report.find(&paths::key(region, key.arn.id), format!("its account {} is missing", key.arn.account));
        }
    }
    view.grants(region).for_each(|grant| check_grant(view, grant, report));
    for (key, digest, id) in view.grant_names(region) {
        let grant = view.grant(region, key, id);
        if grant.and_then(|grant| grant.name.as_ref()).is_none_or(|name| name.digest != digest) {
            report.find(&paths::named_grant(region, key, &digest), format!("no grant {id} of the key has this name"));
        }
    }
    for account in view.accounts() {
        let keys = view.keys_after(region, account.id, None).count() as u64;
        report.check_counter(counters, paths::key_count(region, account.id), keys);
        for alias in view.aliases_after(region, account.id, None) {
            let target = view.key(region, alias.key_id).filter(|key| key.arn.account == account.id);
            if target.is_none() {
                let path = paths::alias(region, account.id, &alias.name);
                report.find(&path, format!("points to the key {}, which is not there", alias.key_id));
            }
        }
    }
}

/// A principal that a grant names may be gone: the grant shows its unique id then, and serves nobody.
fn check_grant(view: &View, grant: &Grant, report: &mut Report) {
    let (region, key) = (grant.key.region, grant.key.id);
    let mut find = |problem: String| report.find(&paths::grant(region, key, grant.id), problem);
    if view.key(region, key).is_none_or(|found| found.arn != grant.key) {
        find(format!("is on {}, which is not there", grant.key));
    }
    if view.account(grant.issuing_account).is_none() {
        find(format!("its issuing account {} is missing", grant.issuing_account));
    }
    if let Some(name) = &grant.name {
        let known = view.named_grant(region, key, &name.digest).map(|found| found.id);
        if known != Some(grant.id) {
            find(format!("its name `{}` does not lead to it", name.name));
        }
    }
}

fn check_key(key: &Key, report: &mut Report) {
    let binding = BackingKeyBinding { key_id: key.arn.id, spec: key.spec };
    for backing in &key.backing_keys {
        let opened = backing.domain.key.unwrap_backing_key(binding, &backing.material_id, &backing.wrapped);
        if let Err(error) = opened.and_then(|opened| opened.check_material_id()) {
            report.find(&paths::key(key.arn.region, key.arn.id), format!("material {}: {error}", backing.material_id));
        }
    }
}

/// Verifies the log by the deployment's own key. Whoever has the key too can write another log that verifies: only a
/// checkpoint that was kept elsewhere tells.
fn check_audit_log(view: &View, folder: &Path, report: &mut Report) {
    let mut bad = Vec::new();
    let verified = audit::Place::new(view, Arc::new(Directory::new(folder))).and_then(|place| {
        audit::verify(&place, &mut |index, entry| {
            if let Err(error) = EventRecord::parse(entry) {
                bad.push(format!("entry {index}: {error}"));
            }
        })
    });
    bad.into_iter().for_each(|problem| report.find(AUDIT_LOG, problem));
    match verified {
        Ok(verified) if verified.entries < view.audit_position() => {
            let problem = format!("has {} entries, and {} were written", verified.entries, view.audit_position());
            report.find(AUDIT_LOG, problem);
        }
        Ok(verified) => {
            let verifier_key = verified.key.to_string();
            let (entries, kept_from) = (verified.entries, verified.kept_from);
            report.audit_log = Some(AuditLog { entries, kept_from, verifier_key });
        }
        Err(error) => report.find(AUDIT_LOG, error.to_string()),
    }
}

fn check_identities(view: &View, account: &Account, counters: &mut HashMap<String, Option<u64>>, report: &mut Report) {
    let id = account.id;
    view.users_after(id, "").for_each(|user| check_access_keys(view, user, report));
    report.check_counter(counters, paths::user_count(id), view.users_after(id, "").count() as u64);
    report.check_counter(counters, paths::role_count(id), view.roles_after(id, "").count() as u64);
    report.check_counter(counters, paths::group_count(id), view.groups_after(id, "").count() as u64);
    for group in view.groups_after(id, "") {
        report.check_counter(counters, paths::group_member_count(group.id), view.member_count(group) as u64);
    }
    let policies = view.customer_policies_after(id, "").count() as u64;
    report.check_counter(counters, paths::customer_policy_count(id), policies);
    for policy in view.customer_policies_after(id, "") {
        let uses = view.attachment_count(id, &policy.arn) + view.boundary_count(id, &policy.arn);
        if let Some(path) = attachments::uses_path(&policy.arn) {
            report.check_counter(counters, path, uses as u64);
        }
    }
    if let Some(alias) = account.alias.as_ref().filter(|alias| view.account_of_alias(alias) != Some(id)) {
        report.find(&paths::account(id), format!("its alias {alias} is not taken for it"));
    }
}

fn check_mfa_devices(view: &View, counters: &mut HashMap<String, Option<u64>>, report: &mut Report) {
    for account in view.accounts() {
        let mut devices = 0;
        for device in view.mfa_devices_after(account.id, "") {
            devices += 1;
            if mfa::seed(view, device).is_err() {
                report.find(&mfa::path_of(device), "the seed does not open".into());
            }
            let user = device.assignment.map(|assigned| view.user_by_id(assigned.user));
            if user.is_some_and(|user| user.is_none_or(|user| user.account != account.id)) {
                report.find(&mfa::path_of(device), "it is enabled for a user who is not there".into());
            }
        }
        report.check_counter(counters, paths::mfa_device_count(account.id), devices);
    }
}

fn check_sessions(view: &View, report: &mut Report) {
    if view.newest_session_key().is_none() {
        report.find(&paths::session_key(1), "missing: the store holds no session key".into());
    }
    if view.audit_keys().next().is_none() {
        report.find(&paths::audit_key(1), "missing: the store holds no audit key".into());
    }
    for (principal, revocation) in view.session_revocations() {
        if view.account_of(principal) != Some(revocation.account) {
            let path = paths::session_revocation(revocation.account, principal);
            report.find(&path, "its principal is not there".into());
        }
    }
}

fn check_access_keys(view: &View, user: &User, report: &mut Report) {
    let path = user.record_path();
    for stored in user.access_keys.iter() {
        let domain = view.domain_key_version(claviger_keyring::Space::Global, user.account, stored.domain_key_version);
        let opened = match (domain, stored.id.parse::<AccessKeyId>()) {
            (Some(domain), Ok(id)) => domain.key.unwrap_secret_access_key(&id, &stored.wrapped_secret).is_ok(),
            _ => false,
        };
        if !opened {
            report.find(&path, format!("the secret of access key {} does not open", stored.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use claviger_storage::{MemoryStore, Transaction, Write};
    use serde_json::json;

    use super::*;
    use crate::records::{self, AuditPositionRecord};
    use crate::testing::test_kms::TestKms;

    /// The findings in a store of these records.
    fn findings(kms: &TestKms, records: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<DamagedState> {
        findings_beside(kms, records, Path::new("absent"))
    }

    /// The same with a folder of usage.
    fn findings_beside(
        kms: &TestKms,
        records: impl Iterator<Item = (String, Vec<u8>)>,
        usage_folder: &Path,
    ) -> Vec<DamagedState> {
        let store = MemoryStore::new();
        let writes: Vec<_> = records.map(|(path, value)| Write::Put { path, value }).collect();
        for writes in writes.chunks(50) {
            let commit = store.commit(Transaction { preconditions: Vec::new(), writes: writes.to_vec() });
            kms.block_on(commit).unwrap();
        }
        check(&store, kms.service().root().as_ref(), Path::new("absent"), usage_folder).unwrap().findings
    }

    /// Where there is no log: it is missed if there was one, and so is the key to sign it.
    #[test]
    fn what_belongs_to_the_audit_log() {
        let kms = TestKms::new();
        let records = kms.store.records();
        let written = |settled| (paths::audit_position(), records::encode(&AuditPositionRecord { settled }));
        assert_eq!(findings(&kms, records.iter().cloned().chain([written(0)])), []);
        let found = findings(&kms, records.iter().cloned().chain([written(5)]));
        let problem = "has 0 entries, and 5 were written".to_owned();
        assert_eq!(found, [DamagedState { path: "audit".into(), problem }]);
        let key = paths::audit_key(1);
        let found = findings(&kms, records.iter().filter(|(path, _)| *path != key).cloned());
        let problem = "missing: the store holds no audit key".to_owned();
        assert!(found.contains(&DamagedState { path: key, problem }), "{found:?}");
    }

    /// What a server set aside stays a finding until it is removed.
    #[test]
    fn imports_that_were_set_aside() {
        let kms = TestKms::new();
        let scratch = tempfile::tempdir().unwrap();
        let imported = scratch.path().join("imported");
        std::fs::create_dir(&imported).unwrap();
        let found = || findings_beside(&kms, kms.store.records().into_iter(), scratch.path());
        for name in ["new", "0000000003.old", "3.unusable", "x.unusable"] {
            std::fs::write(imported.join(name), "noise").unwrap();
        }
        assert_eq!(found(), []);
        for name in ["0000000003.unusable", "0000000001.unusable", "0000000002"] {
            std::fs::write(imported.join(name), "noise").unwrap();
        }
        let found: Vec<_> = found().into_iter().map(|DamagedState { path, problem }| (path, problem)).collect();
        let aside = |number: u64| (format!("usage/imported/{number:010}.unusable"), SET_ASIDE.to_owned());
        assert_eq!(found[0].0, "usage/imported/0000000002");
        assert_eq!(found[1..], [aside(1), aside(3)]);
    }

    /// Each record that a grant refers to, or that refers to it, is missed. Its grantee may be gone.
    #[test]
    fn what_belongs_to_a_grant() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let body = json!({"KeyId": key, "GranteePrincipal": "arn:aws:iam::111122223333:user/ann", "Name": "n",
            "Operations": ["Encrypt"]});
        kms.ok("CreateGrant", body);
        kms.ok("DeleteUser", json!({"UserName": "ann"}));
        let records = kms.store.records();
        assert_eq!(findings(&kms, records.iter().cloned()), []);
        for missing in ["grants/", "grant-names/", "counters/us-east-1/grants/", "keys/us-east-1/"] {
            let kept = records.iter().filter(|(path, _)| !path.starts_with(missing)).cloned();
            assert_eq!(kept.clone().count(), records.len() - 1, "{missing}");
            let found = findings(&kms, kept);
            let grant = |finding: &DamagedState| finding.path.contains("grant");
            assert!(found.iter().any(grant), "without {missing}: {found:?}");
        }
        // Under another key, each path is still canonical.
        let other = kms.key();
        for moved in ["grants/", "grant-names/"] {
            let kept = records.iter().cloned().map(|(path, value)| match path.starts_with(moved) {
                true => (path.replace(&key, &other), value),
                false => (path, value),
            });
            assert_ne!(findings(&kms, kept), [], "{moved}");
        }
    }
}
