//! Lists that people bring: of names, and of files that are known.
//!
//! Pure: it reads what it is given as a stream, and finds names in texts. How lists are kept, and who may see a match, is
//! the application's matter. The formats are in `docs/format/lists.md`.
//!
//! ```
//! use comity_lists::{Kind, Line, Names, read_names};
//!
//! let csv = "id,kind,name,aliases\nP1,person,Іван Сидоренко,Ivan Sydorenko\n";
//! let mut names = Names::build();
//! read_names(&mut csv.as_bytes(), None, &mut |line| {
//!     if let Line::Entity(entity) = line {
//!         names.add(&entity);
//!     }
//!     true
//! })
//! .unwrap();
//! let names = names.finish();
//! let found = names.find("Допит Івана Сидоренка", false, &mut Default::default());
//! assert_eq!(names.entity(found[0].entity).id, "P1");
//! assert_eq!(found[0].how.to_string(), "in another form");
//! assert_eq!(Kind::Person.word(), "person");
//! ```

mod entity;
mod files;
mod find;
mod how;
mod names;
mod sorted;
mod table;
mod tokens;

pub use entity::{Entity, Kind, Line, ListError, MAX_LINE, read_names};
pub use files::{Digest, FileLine, MAX_FILE_LINE, Sum, read_file_line, read_files};
pub use find::{Memory, Named};
pub use how::{Given, How, Manner};
pub use names::{Building, Names, Of};
pub use sorted::{ReadAt, Sorted, Spill, sort_digests};
