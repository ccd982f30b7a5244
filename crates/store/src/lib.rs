//! Durable state and history.
