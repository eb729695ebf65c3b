//! The bench as its users meet it.
