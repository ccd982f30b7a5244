//! The shared vocabulary: types and serialisation only.
