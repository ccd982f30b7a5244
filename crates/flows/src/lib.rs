//! Frames to conversations to observations; all memory bounded.
