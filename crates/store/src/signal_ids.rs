//! Signal ids already seen.
