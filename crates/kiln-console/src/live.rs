//! A few lines at the foot of a terminal that are drawn again and again; what is said scrolls above them.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

/// Rows and columns of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub rows: u16,
    pub columns: u16,
}

/// Returns the size of the terminal on stderr, if it is one.
pub fn stderr_size() -> Option<Size> {
    let (rows, columns) = console::Term::stderr().size_checked()?;
    Some(Size { rows, columns })
}

/// Where everything is written to.
pub(crate) type Out = Box<dyn Write + Send>;

/// The foot of a terminal.
pub(crate) struct Live {
    screen: Screen,
    /// Nothing while no line is shown.
    bar: Option<ProgressBar>,
    shown: String,
}

impl Live {
    pub(crate) fn new(out: Out, size: Arc<dyn Fn() -> Size + Send + Sync>) -> Self {
        let written = Arc::new(Mutex::new(Written { out, pending: Vec::new(), held: false }));
        Self { screen: Screen { written, size }, bar: None, shown: String::new() }
    }

    pub(crate) fn size(&self) -> Size {
        self.screen.size()
    }

    /// Collects what is written until [`Self::release`], so that it appears as one.
    pub(crate) fn hold(&mut self) {
        self.screen.written().held = true;
    }

    pub(crate) fn release(&mut self) {
        let mut written = self.screen.written();
        written.held = false;
        let _closed = written.flush();
    }

    /// Shows these lines at the foot; none removes it.
    pub(crate) fn draw(&mut self, lines: &[String]) {
        if lines.is_empty() {
            self.clear();
            return;
        }
        let text = lines.join("\n");
        if text == self.shown {
            return;
        }
        self.shown.clone_from(&text);
        self.bar.get_or_insert_with(|| bar(&self.screen)).set_message(text);
    }

    /// Writes text above the foot, in lines of its own: people copy it.
    pub(crate) fn say(&mut self, text: &str) {
        let write = || {
            let mut written = self.screen.written();
            written.pending.extend_from_slice(text.as_bytes());
            written.pending.push(b'\n');
            let _closed = written.flush();
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.shown.clear();
        }
    }
}

fn bar(screen: &Screen) -> ProgressBar {
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let style =
        ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, target).with_style(style)
}

/// A terminal over a writer: what is drawn at once is written at once, so that nothing flickers.
#[derive(Clone)]
struct Screen {
    written: Arc<Mutex<Written>>,
    size: Arc<dyn Fn() -> Size + Send + Sync>,
}

struct Written {
    out: Out,
    pending: Vec<u8>,
    held: bool,
}

impl Written {
    fn flush(&mut self) -> io::Result<()> {
        if self.held || self.pending.is_empty() {
            return Ok(());
        }
        let result = self.out.write_all(&self.pending).and_then(|()| self.out.flush());
        self.pending.clear();
        result
    }
}

impl Screen {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the size, within what can be drawn on: some terminals say 0, and a drawn line is filled to its end.
    fn size(&self) -> Size {
        let Size { rows, columns } = (self.size)();
        Size { rows: rows.clamp(6, 500), columns: columns.clamp(20, 500) }
    }

    fn add(&self, text: &str) {
        self.written().pending.extend_from_slice(text.as_bytes());
    }

    fn move_cursor(&self, n: usize, direction: char) {
        if n > 0 {
            self.add(&format!("\x1b[{n}{direction}"));
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.size().columns
    }

    fn height(&self) -> u16 {
        self.size().rows
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text);
        self.add("\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.written().flush()
    }
}
