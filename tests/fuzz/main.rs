//! Every parser that reads what others wrote, on inputs that nobody would write.
//!
//! `cargo test -p centinel-tests --test fuzz` runs a fixed number of executions of each target. A longer
//! run: `CENTINEL_FUZZ_EXECUTIONS=10000000 cargo test -p centinel-tests --test fuzz -- --nocapture
//! --test-threads 1 [TARGET]`; `CENTINEL_FUZZ_SECONDS` ends it earlier, `CENTINEL_FUZZ_SEED` makes it
//! another one. The inputs of `detect`, `decompose` and `commit` are parsed in the binary;
//! their targets are in its own tests, on the same driver.

#[cfg(test)]
mod driver;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod ingest;
