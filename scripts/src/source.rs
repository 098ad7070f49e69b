//! Rust text taken apart just far enough for the rules: code here, comments there.
//!
//! Not a parser. Strings, characters and comments are blanked out of the code, so that a brace or a
//! word in them counts for nothing; line numbers stay what they were.

/// One comment line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Line from 1.
    pub line: usize,
    /// The text after the comment sign.
    pub text: String,
}

/// A word of the code: an identifier, a keyword or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Line from 1.
    pub line: usize,
    /// Byte offset in [`Source::code`].
    pub at: usize,
    /// The word.
    pub text: &'a str,
}

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of its `fn`, from 1.
    pub line: usize,
    /// Lines from its `fn` to its closing brace, both counted.
    pub lines: usize,
}

/// Rust text, taken apart.
#[derive(Debug)]
pub struct Source {
    /// The text with strings, characters and comments blanked out. ASCII only.
    pub code: String,
    /// Every comment line.
    pub comments: Vec<Comment>,
}

impl Source {
    /// Takes `text` apart.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut scanner =
            Scanner { text: text.chars().collect(), at: 0, line: 1, code: String::new() };
        let mut comments = Vec::new();
        while let Some(c) = scanner.peek(0) {
            match (c, scanner.peek(1)) {
                ('/', Some('/')) => comments.push(scanner.line_comment()),
                ('/', Some('*')) => scanner.block_comment(&mut comments),
                ('"', _) => scanner.string(0),
                ('\'', _) => scanner.character(),
                _ if c.is_ascii_alphanumeric() || c == '_' => scanner.word(),
                _ => scanner.keep(),
            }
        }
        Self { code: scanner.code, comments }
    }

    /// Every word of the code, in order.
    pub fn words(&self) -> impl Iterator<Item = Word<'_>> {
        let mut line = 1;
        let mut rest = self.code.as_str();
        std::iter::from_fn(move || {
            let start = rest.find(is_word)?;
            line += rest[..start].matches('\n').count();
            let word = &rest[start..];
            let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
            let at = self.code.len() - word.len();
            rest = &word[end..];
            Some(Word { line, at, text: &word[..end] })
        })
    }

    /// Every function with a body, nested ones too.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let words: Vec<Word<'_>> = self.words().collect();
        let named = words.windows(2).filter(|pair| {
            let between = &self.code[pair[0].at + pair[0].text.len()..pair[1].at];
            pair[0].text == "fn" && between.trim().is_empty()
        });
        named
            .filter_map(|pair| {
                let lines = 1 + self.body_end(pair[1].at)?;
                Some(Function { name: pair[1].text.to_owned(), line: pair[0].line, lines })
            })
            .collect()
    }

    /// Newlines between `start` (the name of a function) and the end of its body; `None` if it has
    /// no body.
    fn body_end(&self, start: usize) -> Option<usize> {
        let (mut braces, mut brackets, mut newlines) = (0_usize, 0_usize, 0_usize);
        for c in self.code[start..].chars() {
            match c {
                '\n' => newlines += 1,
                '(' | '[' if braces == 0 => brackets += 1,
                ')' | ']' if braces == 0 => brackets = brackets.saturating_sub(1),
                ';' if braces == 0 && brackets == 0 => return None,
                '{' if brackets == 0 || braces > 0 => braces += 1,
                '}' if braces == 1 => return Some(newlines),
                '}' => braces = braces.saturating_sub(1),
                _ => {}
            }
        }
        None
    }

    /// Every attribute, `#[...]` or `#![...]`: its line and what stands in the brackets.
    #[must_use]
    pub fn attributes(&self) -> Vec<(usize, &str)> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices('#') {
            let after = self.code[at + 1..].trim_start().trim_start_matches('!').trim_start();
            let Some(inner) = after.strip_prefix('[') else { continue };
            let mut depth = 1_usize;
            let end = inner.find(|c| {
                depth = match c {
                    '[' => depth + 1,
                    ']' => depth - 1,
                    _ => depth,
                };
                depth == 0
            });
            let line = 1 + self.code[..at].matches('\n').count();
            found.push((line, &inner[..end.unwrap_or(inner.len())]));
        }
        found
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

struct Scanner {
    text: Vec<char>,
    at: usize,
    line: usize,
    code: String,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    /// Moves on by one character, which becomes `shown` in the code; a newline stays a newline.
    fn advance(&mut self, shown: char) {
        let newline = self.peek(0) == Some('\n');
        self.line += usize::from(newline);
        self.code.push(if newline { '\n' } else { shown });
        self.at += 1;
    }

    fn keep(&mut self) {
        let c = self.peek(0).filter(char::is_ascii).unwrap_or(' ');
        self.advance(c);
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count {
            self.advance(' ');
        }
    }

    fn line_comment(&mut self) -> Comment {
        let line = self.line;
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| *c != '\n') {
            text.push(c);
            self.blank(1);
        }
        Comment { line, text: text.trim_start_matches(['/', '!']).to_owned() }
    }

    fn block_comment(&mut self, comments: &mut Vec<Comment>) {
        let first = self.line;
        let mut text = String::new();
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.blank(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.blank(2);
                }
                (Some(c), _) => {
                    text.push(c);
                    self.blank(1);
                }
                (None, _) => break,
            }
            if depth == 0 {
                break;
            }
        }
        let lines = text.lines().enumerate();
        comments.extend(lines.map(|(i, text)| Comment { line: first + i, text: text.to_owned() }));
    }

    /// A string, from its quote on; `hashes` is `None`-like 0 for a plain one with escapes.
    fn string(&mut self, hashes: usize) {
        self.blank(1);
        while let Some(c) = self.peek(0) {
            let closes = c == '"' && (1..=hashes).all(|i| self.peek(i) == Some('#'));
            match c {
                _ if closes => return self.blank(1 + hashes),
                '\\' if hashes == 0 => self.blank(2.min(self.text.len() - self.at)),
                _ => self.blank(1),
            }
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        self.blank(hashes);
        if hashes > 0 {
            return self.string(hashes);
        }
        self.blank(1); // r"...": no hashes, and no escapes either
        while let Some(c) = self.peek(0) {
            self.blank(1);
            if c == '"' {
                return;
            }
        }
    }

    /// A character, or the quote of a lifetime.
    fn character(&mut self) {
        match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => {
                self.blank(3); // the quote, the backslash and what it escapes
                while let Some(c) = self.peek(0) {
                    self.blank(1);
                    if c == '\'' {
                        return;
                    }
                }
            }
            (Some(_), Some('\'')) => self.blank(3),
            _ => self.blank(1),
        }
    }

    /// A word, which may turn out to be the prefix of a string.
    fn word(&mut self) {
        let start = self.at;
        while self.peek(0).is_some_and(is_word) {
            self.keep();
        }
        let word: String = self.text[start..self.at].iter().collect();
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        let hashes = (0..).take_while(|i| self.peek(*i) == Some('#')).count();
        if raw && self.peek(hashes) == Some('"') {
            self.raw_string(hashes);
        } else if word == "b" && self.peek(0) == Some('\'') {
            self.character();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Source::new(text).words().map(|word| word.text.to_owned()).collect()
    }

    #[test]
    fn strings_characters_and_comments_are_blanked() {
        let text =
            r##"a "b \" {" c r#"d " { "# e r"f\" g '{' h '\'' i b'{' j /* k /* l */ m */ n"##;
        let code = Source::new(text).code;
        assert!(!code.contains('{'), "{code}");
        assert_eq!(words(text), ["a", "c", "r", "e", "r", "g", "h", "i", "b", "j", "n"]);
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        assert_eq!(words("fn f<'a>(x: &'a str) { 'x' }"), ["fn", "f", "a", "x", "a", "str"]);
    }

    #[test]
    fn comments_keep_their_lines() {
        let source = Source::new("x // one\n/* two\nthree */ y\n");
        let lines: Vec<usize> = source.comments.iter().map(|comment| comment.line).collect();
        assert_eq!(lines, [1, 2, 3]);
        assert_eq!(source.words().last().map(|word| word.line), Some(3));
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text = "trait T { fn none(&self) -> [u8; 2]; }\nfn one() {}\nfn three(\n) {\n}\n\
                    fn outer() {\n    fn inner() {\n    }\n}\ntype F = fn(u8) -> u8;\n";
        let functions = Source::new(text).functions();
        let sizes: Vec<(&str, usize, usize)> =
            functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(sizes, [("one", 2, 1), ("three", 3, 3), ("outer", 6, 4), ("inner", 7, 2)]);
    }

    #[test]
    fn attributes_are_found_with_what_is_in_them() {
        let source = Source::new("#![a]\n#[b(c[1], \"]\")]\nx#y");
        let found: Vec<(usize, String)> =
            source.attributes().iter().map(|(line, text)| (*line, text.replace(' ', ""))).collect();
        assert_eq!(found, [(1, "a".to_owned()), (2, "b(c[1],)".to_owned())]);
    }
}
