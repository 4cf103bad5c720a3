//! What an operation is: five kinds, told apart by type. The pipeline drives them; none can skip a step of it.

use claviger_policy::Action;
use claviger_types::ServiceName;
use serde::Serialize;

use crate::audit::{Found, Query};
use crate::error::Error;
use crate::identity::session::SessionKind;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::{NothingTold, RequestContext};
use crate::target::{Asked, Authorized, Materials, Target};
use crate::usage::{Imported, Upload};
use crate::wire::Fields;

/// The action of this service and name, as a constant: one that the policy language does not know does not compile.
macro_rules! action {
    ($service:expr, $name:expr) => {
        const {
            match ::claviger_policy::Action::of($service, $name) {
                Some(action) => action,
                None => panic!("not in the policy language's table of actions"),
            }
        }
    };
}
pub(crate) use action;

/// One operation of one service: the request after its constraints were checked.
pub trait Operation: Sized + Send + Sync + 'static {
    /// The API's name for it.
    const NAME: &'static str;
    /// Whose operation it is.
    const SERVICE: ServiceName = ServiceName::Kms;
    /// What policies call it.
    const ACTION: Action = action!(Self::SERVICE, Self::NAME);
    /// Whether it reaches keys of other accounts.
    const CROSS_ACCOUNT: bool = false;
    /// Whether policies are told the permissions boundary of the user or role: [`Asked::tells_boundary`].
    const TELLS_BOUNDARY: bool = false;
    /// Actions that are asked besides, always or as the request or the caller's session makes them needed. Of those that
    /// no operation has the name of, this is where to find whose they are.
    const ASKED_BESIDES: &'static [Action] = &[];
    /// Which sessions may call it, whatever policies say. STS lets a user's own call but a few of its operations.
    const SESSIONS: Sessions = match Self::SERVICE {
        ServiceName::Iam => Sessions::OfRolesOrWithCode,
        ServiceName::Sts => Sessions::OfRoles,
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => Sessions::All,
    };
    /// What it acts upon.
    type Target: Target;
    /// The answer. `()` is an empty body.
    type Reply: Serialize + Send;

    /// Takes the members out of the checked shape. Every member of the model is taken or refused here.
    fn parse(fields: &mut Fields) -> Result<Self, Error>;

    /// How the request names its target.
    fn target(&self) -> &<Self::Target as Target>::Name;

    /// What the request tells policies and grants about itself.
    fn request_context(&self) -> &dyn RequestContext {
        &NothingTold
    }

    /// What policies are asked.
    fn asked() -> Asked {
        let (cross_account, tells_boundary) = (Self::CROSS_ACCOUNT, Self::TELLS_BOUNDARY);
        Asked { action: Self::ACTION, cross_account, tells_boundary }
    }
}

/// Which sessions an operation answers. Source: STS API reference, GetSessionToken, and IAM user guide, "Compare AWS STS
/// credentials".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// All of them.
    All,
    /// None.
    None,
    /// Those of roles, and not those of users.
    OfRoles,
    /// Those of roles, and those of users that were opened with a code of an MFA device.
    OfRolesOrWithCode,
}

impl Sessions {
    /// Whether a session of this kind is answered.
    pub fn answer(self, kind: SessionKind) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::OfRoles => kind == SessionKind::Role,
            Self::OfRolesOrWithCode => kind != SessionKind::User,
        }
    }
}

/// Looks at the View and answers.
pub trait Read: Operation {
    /// The answer.
    fn run(&self, facts: &Facts<'_>, target: Authorized<Self::Target>) -> Result<Self::Reply, Error>;
}

/// Uses key material, or the random number generator, and answers at once.
pub trait Use: Operation {
    /// Usage, state, algorithm, lengths, in this order: all that can be refused before material is touched.
    fn check(&self, facts: &Facts<'_>, target: &Authorized<Self::Target>) -> Result<(), Error>;

    /// Whether to stop after the checks.
    fn dry_run(&self) -> bool {
        false
    }

    /// Which backing keys [`run`](Self::run) is going to use, for the event.
    fn materials(&self, target: &Authorized<Self::Target>) -> Materials;

    /// The answer.
    fn run(self, facts: &Facts<'_>, target: Authorized<Self::Target>) -> Result<Self::Reply, Error>;
}

/// Searches the audit log, for which it waits: that is on the disk.
pub trait Lookup: Operation {
    /// What is looked for, and below which place of the log.
    fn query(&self, facts: &Facts<'_>) -> Result<(Query, Option<u64>), Error>;

    /// The answer.
    fn reply(&self, facts: &Facts<'_>, found: Found) -> Result<Self::Reply, Error>;
}

/// Takes in what others recorded, for which it waits: that is read, kept on the disk and counted as usage on other threads.
pub trait Import: Operation {
    /// What is to be read.
    fn upload(self, facts: &Facts<'_>, target: Authorized<Self::Target>) -> Result<Upload, Error>;

    /// The answer.
    fn reply(imported: Imported) -> Self::Reply;
}

/// Changes the state.
pub trait Command: Operation {
    /// Whether CloudTrail calls it read-only all the same: it gives something out, and writes at most that a code was used.
    const READ_ONLY: bool = false;
    /// What is made once, slowly or at random: ids, material, wrapped records.
    type Prepared: Send + Sync;

    /// Makes it, after the first authorization. It survives conflicts, unless the domain key that wrapped it lost a race.
    fn prepare(
        &self,
        facts: &Facts<'_>,
        target: &Authorized<Self::Target>,
        tools: &Tools<'_>,
    ) -> Result<Self::Prepared, Error>;

    /// Pure: no clock, no random, no store. Runs again, after a fresh resolution and authorization, on a conflict.
    fn decide(
        &self,
        facts: &Facts<'_>,
        target: Authorized<Self::Target>,
        prepared: &Self::Prepared,
    ) -> Result<Outcome<Self::Reply>, Error>;

    /// Whether to stop once it is decided.
    fn dry_run(&self) -> bool {
        false
    }
}

/// Changes the state, and needs nothing that must be made first.
pub trait PlainCommand: Operation {
    /// As [`Command::decide`].
    fn decide(&self, facts: &Facts<'_>, target: Authorized<Self::Target>) -> Result<Outcome<Self::Reply>, Error>;

    /// Whether to stop once it is decided.
    fn dry_run(&self) -> bool {
        false
    }
}

impl<O: PlainCommand> Command for O {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<O::Target>, _: &Tools<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<O::Target>, (): &()) -> Result<Outcome<O::Reply>, Error> {
        PlainCommand::decide(self, facts, target)
    }

    fn dry_run(&self) -> bool {
        PlainCommand::dry_run(self)
    }
}
