//! Fixtures, fakes and a loopback mirror for tests.
//!
//! # Never
//! Is a dependency of the product.
