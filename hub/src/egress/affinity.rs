//! Requests that must share a TCP connection (MT5 binds its log-in to one).
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A client with one connection and one cookie jar, and its turn-taking.
pub type Held = Arc<tokio::sync::Mutex<reqwest::Client>>;

/// Clients by connection and affinity. They live on between calls, so that a log-in does.
#[derive(Default)]
pub struct Affinities {
    held: Mutex<HashMap<(String, String), Held>>,
}

impl Affinities {
    /// The client of this affinity; a caller holds its lock for a whole call, so that two calls
    /// never share the wire at once.
    pub fn get(
        &self,
        connection: &str,
        name: &str,
        make: impl FnOnce() -> Result<reqwest::Client, reqwest::Error>,
    ) -> Result<Held, reqwest::Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (connection.to_owned(), name.to_owned());
        if let Some(found) = held.get(&key) {
            return Ok(found.clone());
        }
        let made = Arc::new(tokio::sync::Mutex::new(make()?));
        held.insert(key, made.clone());
        Ok(made)
    }
}
