//! Reading a text from left to right.

/// The rest of a text.
pub(super) struct Cursor<'t> {
    pub(super) rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn skip(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    /// Takes a piece if it stands here.
    pub(super) fn eat(&mut self, piece: &str) -> bool {
        match self.rest.strip_prefix(piece) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes characters as long as they fit.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(super) fn blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    pub(super) fn skip_line(&mut self) {
        self.take_while(|c| c != '\n');
    }

    /// The text between here and where `later` is.
    pub(super) fn until(&self, later: &Self) -> &'t str {
        self.rest.get(..self.rest.len().saturating_sub(later.rest.len())).unwrap_or_default()
    }
}

/// The character that `\u` and so many hexadecimal digits stand for.
pub(super) fn hexadecimal(cursor: &mut Cursor<'_>, digits: usize) -> Option<char> {
    let code = cursor.rest.get(..digits)?;
    cursor.rest = cursor.rest.get(digits..)?;
    let is_hexadecimal = code.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal.then(|| u32::from_str_radix(code, 16).ok()).flatten().and_then(char::from_u32)
}
