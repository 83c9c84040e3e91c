//! Journeys through the whole product, and the rules that hold its parts apart. One binary: one link.

// `cfg(test)` tells clippy that whole modules are tests, their helpers included.
#[cfg(test)]
mod access;
#[cfg(test)]
mod analysis;
#[cfg(test)]
mod anomalies;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod ask;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bills;
#[cfg(test)]
mod bypass;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod execution;
#[cfg(test)]
mod explanation;
/// The Slack that tests of messages and clicks stand on.
#[cfg(test)]
#[path = "../../crates/centinel-approvals/tests/it/fake_slack.rs"]
#[expect(dead_code, reason = "tests of messages and clicks use more of it")]
mod fake_slack;
#[cfg(test)]
mod first_steps;
#[cfg(test)]
mod forecast;
#[cfg(test)]
mod forge;
/// The git server and the forge that tests of the delivery itself stand on.
#[cfg(test)]
#[path = "../../crates/centinel-approvals/src/delivery/testing"]
#[expect(dead_code, reason = "tests of the delivery use more of it")]
mod forges {
    pub(crate) mod github;
    pub(crate) mod openapi;
    pub(crate) mod repository;
    pub(crate) mod server;
}
#[cfg(test)]
mod journey;
#[cfg(test)]
mod live;
#[cfg(test)]
mod mcp_clients;
#[cfg(test)]
mod model;
#[cfg(test)]
mod narrator;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod others_bugs;
#[cfg(test)]
mod page;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod product;
#[cfg(test)]
mod reconciliation;
