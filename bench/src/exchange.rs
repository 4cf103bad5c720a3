//! Sends each of many messages once over N connections and keeps the replies: what the preparation of a bench needs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::task::{JoinSet, LocalSet};

use crate::BenchError;
use crate::connection::{Connection, Endpoint};

/// The bodies of the successful replies, in the order of the messages. The first refusal ends everything.
pub async fn send_all(
    endpoint: &Endpoint,
    action: &str,
    messages: Vec<Vec<u8>>,
    connections: usize,
) -> Result<Vec<Vec<u8>>, BenchError> {
    let bodies = Rc::new(RefCell::new(vec![Vec::new(); messages.len()]));
    let messages = Rc::new(messages);
    let next = Rc::new(Cell::new(0));
    let local = LocalSet::new();
    let mut workers = JoinSet::new();
    for _ in 0..connections.min(messages.len()) {
        let worker =
            send_next(endpoint.clone(), action.to_owned(), Rc::clone(&messages), Rc::clone(&next), Rc::clone(&bodies));
        workers.spawn_local_on(worker, &local);
    }
    local
        .run_until(async {
            while let Some(done) = workers.join_next().await {
                done.map_err(|error| BenchError::Process(error.to_string()))??;
            }
            Ok::<(), BenchError>(())
        })
        .await?;
    Ok(bodies.take())
}

async fn send_next(
    endpoint: Endpoint,
    action: String,
    messages: Rc<Vec<Vec<u8>>>,
    next: Rc<Cell<usize>>,
    bodies: Rc<RefCell<Vec<Vec<u8>>>>,
) -> Result<(), BenchError> {
    let mut connection = Connection::new(&endpoint);
    loop {
        let index = next.replace(next.get() + 1);
        let Some(message) = messages.get(index) else { return Ok(()) };
        let reply = connection.exchange(message).await?;
        if reply.status != 200 {
            let body = String::from_utf8_lossy(reply.body).into_owned();
            return Err(BenchError::Refused { action, status: reply.status, body });
        }
        if let Some(slot) = bodies.borrow_mut().get_mut(index) {
            slot.extend_from_slice(reply.body);
        }
    }
}
