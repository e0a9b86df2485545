//! What the hub asks of vendors: a request and a result for each action.
pub mod kyc;
pub mod platform;
pub mod psp;
