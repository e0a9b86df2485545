//! sumsub
