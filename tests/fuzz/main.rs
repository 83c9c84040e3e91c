//! Every parser that reads what others wrote, on inputs that nobody would write.
//!
//! `cargo test -p centinel-tests --test fuzz` runs a fixed number of executions of each target. A longer
//! run: `CENTINEL_FUZZ_EXECUTIONS=10000000 cargo test -p centinel-tests --test fuzz -- --nocapture
//! --test-threads 1`; `CENTINEL_FUZZ_TARGETS=aws_cur,invoice` runs these only, `CENTINEL_FUZZ_SECONDS` ends
//! it earlier, `CENTINEL_FUZZ_SEED` makes it another one.
//!
//! The tables of `detect`, `decompose` and `commit` have one reader (`Table`), which is a target; what
//! these commands make of its fields is in no target.

#[cfg(test)]
mod driver;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod ingest;
