//! Journeys through the whole product, and the rules that hold its parts apart. One binary: one link.

// `cfg(test)` tells clippy that whole modules are tests, their helpers included.
#[cfg(test)]
mod access;
#[cfg(test)]
mod anomalies;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bills;
#[cfg(test)]
mod execution;
#[cfg(test)]
mod explanation;
#[cfg(test)]
mod first_steps;
#[cfg(test)]
mod forecast;
#[cfg(test)]
mod live;
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
