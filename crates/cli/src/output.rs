//! Output: data on standard output, words for people on standard error; a closed pipe ends the program quietly.

use std::io::{self, IsTerminal, Write};

/// Writes a line of data. `groma query … | head` closes the pipe early: that is no error.
pub(crate) fn data_line(line: &str) {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(line.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    end_if_nobody_listens(written);
}

/// A buffered standard output for many lines; call [`Data::finish`] at the end.
pub(crate) struct Data {
    out: io::BufWriter<io::Stdout>,
}

impl Data {
    pub(crate) fn new() -> Self {
        Self {
            out: io::BufWriter::new(io::stdout()),
        }
    }

    pub(crate) fn line(&mut self, line: &str) {
        let written = self
            .out
            .write_all(line.as_bytes())
            .and_then(|()| self.out.write_all(b"\n"));
        end_if_nobody_listens(written);
    }

    pub(crate) fn finish(mut self) {
        end_if_nobody_listens(self.out.flush());
    }
}

/// Says something to the person at the terminal.
pub(crate) fn say(words: &str) {
    // Nobody left to tell is no reason to stop working.
    let _ = writeln!(io::stderr(), "{words}");
}

/// Shows progress on one line that is overwritten; silent when nobody watches.
pub(crate) fn progress(words: &str) {
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[2K{words}");
        let _ = err.flush();
    }
}

/// Ends the line of [`progress`].
pub(crate) fn end_progress() {
    progress("");
}

fn end_if_nobody_listens(written: io::Result<()>) {
    if let Err(error) = written {
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        say(&format!("cannot write the output: {error}"));
        std::process::exit(1);
    }
}
