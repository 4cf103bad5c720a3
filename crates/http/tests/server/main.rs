//! The server over real sockets, with the real service behind it.

#[cfg(test)]
mod connections;
#[cfg(test)]
mod events;
#[cfg(test)]
mod front_door;
#[cfg(test)]
mod support;
