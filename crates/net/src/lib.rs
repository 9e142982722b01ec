//! Sockets in a ring of their own: accept, receive, cut frames, send, close.
//!
//! Knows nothing of what a frame says, of Node, or of files. Single-threaded: it is driven by whoever polls `poll_fd`.
//!
//! The one invariant: memory that the kernel was given stays where it is, unfreed, until its completion has been seen.

mod accept;
mod buffer_ring;
mod close;
mod config;
mod connection;
mod counters;
mod cut;
mod event;
mod gather;
mod id;
mod input;
mod lender;
mod listener;
mod memory;
mod net;
mod output;
mod park;
mod payload;
mod receive;
mod ring;
mod send;
mod setup;
mod shutdown;
mod slots;
mod table;

pub use config::{ConfigError, NetConfig};
pub use counters::NetCounters;
pub use event::{CloseReason, Event, Framing};
pub use id::{ConnectionId, Token};
pub use net::{Net, OpenError};
pub use payload::Foreign;
