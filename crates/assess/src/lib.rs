//! Observations to conclusions: inventory, exposures, detection.
