//! The server as a client meets it: over an in-memory transport and over HTTP, with fixed data behind.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod client;
#[cfg(test)]
mod elicitation;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http;
#[cfg(test)]
mod prompts;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod shelf;
#[cfg(test)]
mod surface;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod transport;
