//! The table of operations. A row is made from the operation's trait, so that none can skip a step of the pipeline;
//! action name, metrics label and audit name follow from it.

use std::collections::HashMap;
use std::sync::LazyLock;

use claviger_policy::Action;
use claviger_types::ServiceName;

use crate::error::Error;
use crate::operations;
use crate::pipeline::event::AskedFor;
use crate::pipeline::operation::{Command, Import, Lookup, Operation, Read, Sessions, Use};
use crate::pipeline::{self, Execute};
use crate::target::{Asked, Callers, ResourceType, Target};
use crate::wire::query::Form;
use crate::wire::{self, Fields};

/// An operation as the front door needs it.
pub struct Row {
    /// Place in the table; metrics are kept by it.
    pub index: usize,
    /// Whose operation it is.
    pub service: ServiceName,
    /// The API's name for it.
    pub name: &'static str,
    /// The model of its input.
    pub model: &'static wire::model::Operation,
    /// What policies are asked.
    pub asked: Asked,
    /// What they may be asked besides.
    pub asked_besides: &'static [Action],
    /// What they are asked about.
    pub resource_type: ResourceType,
    /// Which callers it answers at all.
    pub callers: Callers,
    /// Which sessions it answers.
    pub sessions: Sessions,
    /// What events say that was asked for.
    pub asked_for: AskedFor,
    /// Executes it.
    pub execute: Execute,
}

impl Row {
    /// Reads a JSON body: types as the model says, constraints not yet.
    pub fn read_json(&self, body: &[u8]) -> Result<Fields, Error> {
        wire::json::decode(&self.model.input, body).map_err(|bad| Error::Serialization(bad.message))
    }

    /// Reads the parameters of a form body.
    pub fn read_query(&self, form: &[(String, String)]) -> Result<Fields, Error> {
        wire::query::decode(&self.model.input, form).map_err(|bad| Error::Serialization(bad.message))
    }

    /// Whether a code of an MFA device may come with the request, which counts before the session's.
    pub fn takes_code(&self) -> bool {
        self.model.input.members().iter().any(|member| &*member.name == "TokenCode")
    }
}

fn read<O: Read>() -> Option<Row> {
    row::<O>(pipeline::read::<O>, AskedFor::at_once::<O>())
}

fn lookup<O: Lookup>() -> Option<Row> {
    row::<O>(pipeline::lookup::<O>, AskedFor::at_once::<O>())
}

fn import<O: Import>() -> Option<Row> {
    row::<O>(pipeline::import::<O>, AskedFor::import::<O>())
}

fn use_material<O: Use>() -> Option<Row> {
    row::<O>(pipeline::use_material::<O>, AskedFor::at_once::<O>())
}

fn command<O: Command>() -> Option<Row> {
    row::<O>(pipeline::command::<O>, AskedFor::command::<O>())
}

/// The row of an operation that has a model; its place is not known here.
fn row<O: Operation>(execute: Execute, asked_for: AskedFor) -> Option<Row> {
    Some(Row {
        index: 0,
        service: O::SERVICE,
        name: O::NAME,
        model: wire::operation_model(O::SERVICE, O::NAME)?,
        asked: O::asked(),
        asked_besides: O::ASKED_BESIDES,
        resource_type: O::Target::RESOURCE_TYPE,
        callers: O::Target::CALLERS,
        sessions: O::SESSIONS,
        asked_for,
        execute,
    })
}

macro_rules! operations {
    ($($kind:ident $module:ident::$name:ident,)+) => {
        fn made() -> Vec<Option<Row>> { vec![$($kind::<operations::$module::$name>()),+] }

        /// The names of operations, each with the word for its kind.
        #[cfg(test)]
        pub(crate) const KINDS: &[(&str, &str)] =
            &[$((stringify!($kind), <operations::$module::$name as Operation>::NAME)),+];
    };
}

operations! {
    command cancel_key_deletion::CancelKeyDeletion,
    command create_alias::CreateAlias,
    command create_grant::CreateGrant,
    command create_key::CreateKey,
    use_material decrypt::Decrypt,
    command delete_alias::DeleteAlias,
    read describe_key::DescribeKey,
    command disable_key::DisableKey,
    command enable_key::EnableKey,
    use_material encrypt::Encrypt,
    use_material generate_data_key::GenerateDataKey,
    use_material generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintext,
    use_material generate_mac::GenerateMac,
    use_material generate_random::GenerateRandom,
    read get_key_last_usage::GetKeyLastUsage,
    read get_key_policy::GetKeyPolicy,
    read get_key_rotation_status::GetKeyRotationStatus,
    read list_aliases::ListAliases,
    read list_grants::ListGrants,
    read list_key_policies::ListKeyPolicies,
    read list_keys::ListKeys,
    read list_resource_tags::ListResourceTags,
    read list_retirable_grants::ListRetirableGrants,
    command put_key_policy::PutKeyPolicy,
    use_material re_encrypt::ReEncrypt,
    command retire_grant::RetireGrant,
    command revoke_grant::RevokeGrant,
    command schedule_key_deletion::ScheduleKeyDeletion,
    command tag_resource::TagResource,
    command untag_resource::UntagResource,
    command update_alias::UpdateAlias,
    command update_key_description::UpdateKeyDescription,
    use_material verify_mac::VerifyMac,
    command add_user_to_group::AddUserToGroup,
    command attach_group_policy::AttachGroupPolicy,
    command attach_role_policy::AttachRolePolicy,
    command attach_user_policy::AttachUserPolicy,
    command create_access_key::CreateAccessKey,
    command create_account_alias::CreateAccountAlias,
    command create_group::CreateGroup,
    command create_policy::CreatePolicy,
    command create_policy_version::CreatePolicyVersion,
    command create_role::CreateRole,
    command create_user::CreateUser,
    command create_virtual_mfa_device::CreateVirtualMFADevice,
    command deactivate_mfa_device::DeactivateMFADevice,
    command delete_access_key::DeleteAccessKey,
    command delete_account_alias::DeleteAccountAlias,
    command delete_group::DeleteGroup,
    command delete_group_policy::DeleteGroupPolicy,
    command delete_policy::DeletePolicy,
    command delete_policy_version::DeletePolicyVersion,
    command delete_role::DeleteRole,
    command delete_role_permissions_boundary::DeleteRolePermissionsBoundary,
    command delete_role_policy::DeleteRolePolicy,
    command delete_user::DeleteUser,
    command delete_user_permissions_boundary::DeleteUserPermissionsBoundary,
    command delete_user_policy::DeleteUserPolicy,
    command delete_virtual_mfa_device::DeleteVirtualMFADevice,
    command detach_group_policy::DetachGroupPolicy,
    command detach_role_policy::DetachRolePolicy,
    command detach_user_policy::DetachUserPolicy,
    command enable_mfa_device::EnableMFADevice,
    read get_access_key_last_used::GetAccessKeyLastUsed,
    read get_account_authorization_details::GetAccountAuthorizationDetails,
    read get_account_summary::GetAccountSummary,
    read get_group::GetGroup,
    read get_group_policy::GetGroupPolicy,
    read get_policy::GetPolicy,
    read get_policy_version::GetPolicyVersion,
    read get_role::GetRole,
    read get_role_policy::GetRolePolicy,
    read get_user::GetUser,
    read get_user_policy::GetUserPolicy,
    read list_access_keys::ListAccessKeys,
    read list_account_aliases::ListAccountAliases,
    read list_attached_group_policies::ListAttachedGroupPolicies,
    read list_attached_role_policies::ListAttachedRolePolicies,
    read list_attached_user_policies::ListAttachedUserPolicies,
    read list_entities_for_policy::ListEntitiesForPolicy,
    read list_group_policies::ListGroupPolicies,
    read list_groups::ListGroups,
    read list_groups_for_user::ListGroupsForUser,
    read list_instance_profiles_for_role::ListInstanceProfilesForRole,
    read list_mfa_devices::ListMFADevices,
    read list_policies::ListPolicies,
    read list_policy_tags::ListPolicyTags,
    read list_policy_versions::ListPolicyVersions,
    read list_role_policies::ListRolePolicies,
    read list_role_tags::ListRoleTags,
    read list_roles::ListRoles,
    read list_user_policies::ListUserPolicies,
    read list_user_tags::ListUserTags,
    read list_users::ListUsers,
    read list_virtual_mfa_devices::ListVirtualMFADevices,
    command put_group_policy::PutGroupPolicy,
    command put_role_permissions_boundary::PutRolePermissionsBoundary,
    command put_role_policy::PutRolePolicy,
    command put_user_permissions_boundary::PutUserPermissionsBoundary,
    command put_user_policy::PutUserPolicy,
    command remove_user_from_group::RemoveUserFromGroup,
    command resync_mfa_device::ResyncMFADevice,
    command set_default_policy_version::SetDefaultPolicyVersion,
    read simulate_custom_policy::SimulateCustomPolicy,
    read simulate_principal_policy::SimulatePrincipalPolicy,
    command tag_policy::TagPolicy,
    command tag_role::TagRole,
    command tag_user::TagUser,
    command untag_policy::UntagPolicy,
    command untag_role::UntagRole,
    command untag_user::UntagUser,
    command update_access_key::UpdateAccessKey,
    command update_assume_role_policy::UpdateAssumeRolePolicy,
    command update_group::UpdateGroup,
    command update_role::UpdateRole,
    command update_role_description::UpdateRoleDescription,
    command update_user::UpdateUser,
    lookup lookup_events::LookupEvents,
    read get_access_key_info::GetAccessKeyInfo,
    read get_caller_identity::GetCallerIdentity,
    command assume_role::AssumeRole,
    command get_session_token::GetSessionToken,
    command attach_control_policy::AttachControlPolicy,
    command close_account::CloseAccount,
    command create_account::CreateAccount,
    command create_control_policy::CreateControlPolicy,
    command create_organizational_unit::CreateOrganizationalUnit,
    command delete_control_policy::DeleteControlPolicy,
    command delete_organizational_unit::DeleteOrganizationalUnit,
    read describe_account::DescribeAccount,
    read describe_control_policy::DescribeControlPolicy,
    read describe_organization::DescribeOrganization,
    read describe_organizational_unit::DescribeOrganizationalUnit,
    command detach_control_policy::DetachControlPolicy,
    read explain_access::ExplainAccess,
    import import_cloud_trail::ImportCloudTrail,
    read list_account_tags::ListAccountTags,
    read list_accounts::ListAccounts,
    read list_control_policies::ListControlPolicies,
    read list_control_policies_for_target::ListControlPoliciesForTarget,
    read list_organizational_units::ListOrganizationalUnits,
    read list_targets_for_control_policy::ListTargetsForControlPolicy,
    command move_account::MoveAccount,
    command rename_account::RenameAccount,
    command rename_organizational_unit::RenameOrganizationalUnit,
    command reopen_account::ReopenAccount,
    command reset_key_policy::ResetKeyPolicy,
    command revoke_sessions::RevokeSessions,
    command rotate_audit_key::RotateAuditKey,
    command rotate_cluster_key::RotateClusterKey,
    command rotate_domain_keys::RotateDomainKeys,
    command set_dev_clock::SetDevClock,
    command tag_account::TagAccount,
    command untag_account::UntagAccount,
    command update_control_policy::UpdateControlPolicy,
}

/// The services that speak JSON, the busy one first. The others speak Query.
const JSON_SERVICES: [ServiceName; 3] = [ServiceName::Kms, ServiceName::Claviger, ServiceName::CloudTrail];

/// All rows.
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The operation of an `X-Amz-Target`. One that the public model knows and the table does not is told apart from one
/// that nobody knows.
pub fn route_json(target: &str) -> Result<&'static Row, Error> {
    let (prefix, name) = target.rsplit_once('.').ok_or(Error::UnknownOperation)?;
    let has_prefix = |service: &ServiceName| wire::model::service(*service).target_prefix.as_deref() == Some(prefix);
    let service = JSON_SERVICES.into_iter().find(has_prefix).ok_or(Error::UnknownOperation)?;
    route(service, name)
}

/// The operation of a form for a Query service.
pub fn route_query(service: ServiceName, form: &Form) -> Result<&'static Row, Error> {
    let action = form.action();
    if action.is_empty() {
        return Err(Error::MissingAction);
    }
    let row = match service {
        ServiceName::Iam | ServiceName::Sts => route(service, action),
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => Err(Error::UnknownOperation),
    };
    row.map_err(|error| match error {
        Error::UnknownOperation => {
            let version = form.version().unwrap_or("null");
            Error::UnknownAction(format!("Could not find operation {action} for version {version}"))
        }
        error => error,
    })
}

fn route(service: ServiceName, name: &str) -> Result<&'static Row, Error> {
    match BY_NAME.get(&(service, name)).and_then(|index| ROWS.get(*index)) {
        Some(row) => Ok(row),
        None if wire::operation_model(service, name).is_some() => {
            Err(Error::Unsupported(format!("Claviger does not support {name} yet.")))
        }
        None => Err(Error::UnknownOperation),
    }
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = made().into_iter().flatten();
    rows.enumerate().map(|(index, row)| Row { index, ..row }).collect()
});

static BY_NAME: LazyLock<HashMap<(ServiceName, &'static str), usize>> =
    LazyLock::new(|| ROWS.iter().map(|row| ((row.service, row.name), row.index)).collect());

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A row without a model would vanish.
    #[test]
    fn every_operation_has_a_model() {
        assert_eq!(rows().len(), made().len());
    }

    /// What is asked besides is no operation's own action, so that each action has one row at most.
    #[test]
    fn each_action_has_one_row() {
        let mut seen = HashSet::new();
        let actions = rows().iter().flat_map(|row| row.asked_besides.iter().copied().chain([row.asked.action]));
        actions.for_each(|action| assert!(seen.insert(action.to_string()), "{action}"));
    }
}
