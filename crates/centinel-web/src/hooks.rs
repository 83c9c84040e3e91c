//! Webhooks: requests of services that are known by a signature, not by a session.
//!
//! They come through a tunnel or proxy under a name that is not ours, so the gate of the pages does not
//! stand before them; their signature does. No route here answers anything but whether it was taken,
//! knows a cookie, or shows a page.

pub mod forges;
pub mod slack;
