//! Delivery end to end: real git over HTTP, a forge with a memory, and everything that goes wrong.

mod client;
mod endings;
mod gitlab;
mod journeys;
mod kill;
mod local;
mod pure;
mod races;
