//! Machines in folders.
