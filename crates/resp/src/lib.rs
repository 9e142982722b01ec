//! The bytes of Redis' protocol, for the few commands that are run where the data is: cutting them, writing replies.
//!
//! What it is not: the parser of the Redis server (ts/redis/protocol), which knows every form and every error. Whatever
//! is not one of the plain forms here is left to it, byte for byte.
//!
//! The invariant: a command that is cut here is cut by that parser at the same places; nothing is allocated.

mod command;
mod cut;
mod number;
mod reply;

pub use command::{Kind, Simple};
pub use cut::{ARGUMENT_MAX, ARGUMENTS_MAX, Arguments, Cut, cut};
pub use number::integer;
pub use reply::{Protocol, REPLY_LEAST, absent, array, bulk, bulk_bytes, decimal, number, ok};
