//! The loop of the worker: a file, its end, the next file.

use crate::{
    Input, Out, draw_file, heif, read_file,
    talk::{Shared, Socket, held},
};
use comity_extract::protocol::{Asked, Said, VERSION};
use std::sync::{Arc, Mutex};

/// Says that it is locked in, and reads what it is asked to until the supervisor closes the socket.
pub fn serve() {
    heif::in_this_thread();
    let socket = Arc::new(Mutex::new(Socket::default()));
    let reader = concat!("extract-worker ", env!("CARGO_PKG_VERSION"));
    held(&socket).say(&Said::Ready {
        version: VERSION,
        reader,
    });
    loop {
        let Some(job) = held(&socket).job() else {
            return;
        };
        let talk: Shared = socket.clone();
        let (input, out) = (
            Input::new(talk.clone(), job.size, &job.more),
            Out::new(talk, &job),
        );
        let outcome = match job.asked {
            Asked::Read => read_file(input, out, &job),
            Asked::Draw | Asked::Scans => draw_file(input, out, &job),
        };
        held(&socket).say(&Said::End(outcome));
    }
}
