//! The sessions that one worker has opened. To open a token and to compile its policy takes longer than to look it up;
//! whether the session is alive is asked anew for each request, and is never kept.

use std::collections::HashMap;
use std::sync::Arc;

use claviger_core::{Session, View};
use claviger_types::SessionKeyId;

/// Sessions that one worker keeps: with their tokens some megabytes at most.
const SESSIONS_MAX: usize = 1024;

/// Opened sessions by the ids of their access keys.
#[derive(Default)]
pub(crate) struct OpenedSessions(HashMap<SessionKeyId, Opened>);

struct Opened {
    token: Box<[u8]>,
    session: Arc<Session>,
}

impl OpenedSessions {
    /// The session of this token, if it was given out with this access key. Every byte of the token is compared.
    pub(crate) fn find_or_open(&mut self, view: &View, id: SessionKeyId, token: &[u8]) -> Option<Arc<Session>> {
        if let Some(opened) = self.0.get(&id)
            && *opened.token == *token
        {
            // A session key goes long after its last token has ended; a worker must not remember longer.
            view.session_key(opened.session.session_key_version)?;
            return Some(Arc::clone(&opened.session));
        }
        let session = Arc::new(Session::open(view, id, token)?);
        // Ended ones are not told from the others here: to open those again that are in use costs microseconds.
        if self.0.len() >= SESSIONS_MAX {
            self.0.clear();
        }
        self.0.insert(id, Opened { token: token.into(), session: Arc::clone(&session) });
        Some(session)
    }
}
