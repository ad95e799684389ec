//! Tests only: a real PostgreSQL and a real S3 server, started when first asked for, and the program that reads files.
//!
//! Both are there for the life of the test process and gone after it, also when it is killed. A missing PostgreSQL
//! fails the test with a sentence that says what to install; nothing is skipped.
//!
//! ```
//! let store = comity_rig::s3();
//! assert!(store.url.starts_with("s3://"));
//!
//! let url = comity_rig::postgres();
//! assert!(url.starts_with("postgres://"));
//! ```

mod fate;
mod guard;
mod postgres;
mod s3;
mod worker;

pub use fate::{Fate, Fates};
pub use postgres::{Postgres, postgres, postgres_copy};
pub use s3::{S3, s3, s3_with};
pub use worker::extract_worker;
