//! The Stripe simulator.
