//! Tollgate decides which LLM requests may pass an Envoy, and on whose account.
//!
//! A request goes through the steps of [`exchange::Exchange`], one module each, in this order:
//!
//! 1. [`endpoint`]: which endpoint of which API is this;
//! 2. [`client`]: who is calling;
//! 3. [`limit`]: may this client send another request now;
//! 4. [`media`]: is the body of a kind and size that can be judged;
//! 5. [`document`], [`schema`] and [`rules`]: is the body one sound JSON document, and what the endpoint takes in the
//!    [`dialect`] of the model's provider;
//! 6. [`model`]: which provider that is, and may this client use the model;
//! 7. [`provider`]: the provider's own credential in place of the client's;
//! 8. [`response`]: the headers of the answer.
//!
//! All of it is plain Rust: values in, values out. What the world around supplies (the time, the counters that
//! Envoy's workers share, the secrets) comes in through the traits of [`exchange`]. `filter`, compiled for
//! `wasm32-wasip1` only, is the one module that knows proxy-wasm.

pub mod client;
pub mod dialect;
pub mod document;
pub mod edit;
pub mod endpoint;
pub mod exchange;
pub mod glob;
pub mod headers;
pub mod limit;
pub mod media;
pub mod model;
pub mod place;
pub mod policy;
pub mod provider;
pub mod refusal;
pub mod response;
pub mod rules;
pub mod schema;

#[cfg(target_family = "wasm")]
mod filter;
