//! adyen
