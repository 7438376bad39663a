//! What goes over the wire: every peer here is a socket on loopback.

mod callbacks;
mod downloads;
mod server;
