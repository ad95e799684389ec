//! Finding items: what a person asks, and (to come) the index that answers.
//!
//! [`query`] reads a question as people type it. A question that cannot be understood exactly is refused with the place
//! and the reason; none becomes another one silently.
//!
//! ```
//! use comity_search::query::parse;
//!
//! let question = parse(r#"наказ near/5 "командир бригади" NOT state:damaged"#)?;
//! assert_eq!(question.to_string(), r#"наказ near/5 "командир бригади" AND NOT state:damaged"#);
//! assert_eq!(parse("(наказ").unwrap_err().to_string(), "a parenthesis is opened and not closed, at character 1");
//! # Ok::<(), comity_search::query::QueryError>(())
//! ```

pub mod query;
