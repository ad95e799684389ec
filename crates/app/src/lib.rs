//! Comity app.
