//! The Adyen simulator.
