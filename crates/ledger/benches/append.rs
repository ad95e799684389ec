//! Appending, trimming and proving.
fn main() {
    divan::main();
}
