//! A keyring of format 1, written once: it must open for ever.
