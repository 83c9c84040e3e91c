//! What tests of delivery stand on: a git server, two forges, a description of one of them.

pub(super) mod github;
pub(super) mod gitlab;
pub(super) mod openapi;
pub(super) mod repository;
pub(super) mod server;
pub(super) mod world;
