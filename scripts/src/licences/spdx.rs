//! SPDX licence expressions: `A OR B`, `A AND (B OR C)`, `A WITH exception`, and the old `A/B`.

/// Whether `expression` can be satisfied with licences of `allowed` alone.
///
/// # Errors
/// If it is empty or malformed; the text says how.
pub fn is_allowed(expression: &str, allowed: &[String]) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().collect::<Vec<_>>();
    words.reverse();
    let satisfied = any_of(&mut words, allowed)?;
    match words.pop() {
        None => Ok(satisfied),
        Some(word) => Err(format!("`{word}` makes no sense there")),
    }
}

/// `A OR B OR ...`; the words are a stack, the next on top.
fn any_of(words: &mut Vec<&str>, allowed: &[String]) -> Result<bool, String> {
    let mut satisfied = all_of(words, allowed)?;
    while words.last() == Some(&"OR") {
        words.pop();
        satisfied |= all_of(words, allowed)?;
    }
    Ok(satisfied)
}

fn all_of(words: &mut Vec<&str>, allowed: &[String]) -> Result<bool, String> {
    let mut satisfied = one(words, allowed)?;
    while words.last() == Some(&"AND") {
        words.pop();
        satisfied &= one(words, allowed)?;
    }
    Ok(satisfied)
}

fn one(words: &mut Vec<&str>, allowed: &[String]) -> Result<bool, String> {
    match words.pop() {
        None => Err("none is stated".to_owned()),
        Some("(") => {
            let satisfied = any_of(words, allowed)?;
            match words.pop() {
                Some(")") => Ok(satisfied),
                _ => Err("a bracket is not closed".to_owned()),
            }
        }
        Some(word @ (")" | "AND" | "OR" | "WITH")) => Err(format!("`{word}` makes no sense there")),
        Some(licence) => {
            let mut name = licence.to_owned();
            if words.last() == Some(&"WITH") {
                words.pop();
                name = format!("{licence} WITH {}", words.pop().unwrap_or_default());
            }
            Ok(allowed.contains(&name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(expression: &str) -> Result<bool, String> {
        let list = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
        is_allowed(expression, &list.map(str::to_owned))
    }

    #[test]
    fn an_expression_is_allowed_if_it_can_be_satisfied() {
        for good in [
            "MIT",
            "GPL-3.0-only OR MIT",
            "MIT/Unlicense",
            "MIT AND Apache-2.0",
            "(MIT OR GPL-2.0-only) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert_eq!(allowed(good), Ok(true), "{good}");
        }
        for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "MIT WITH GCC-exception-3.1"] {
            assert_eq!(allowed(bad), Ok(false), "{bad}");
        }
    }

    #[test]
    fn an_expression_that_is_none_is_an_error() {
        for bad in ["", "MIT OR", "(MIT", "MIT Apache-2.0", "OR"] {
            assert!(allowed(bad).is_err(), "{bad}");
        }
    }
}
