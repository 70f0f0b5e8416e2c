//! The pages of the codes, as `kiln explain CODE` prints them.

/// Lists the pages of `docs/errors`; a test holds the list complete.
macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!("../../../docs/errors/", $code, ".md"))),)*]
    };
}

const PAGES: &[(&str, &str)] = pages! {};

/// Returns the page of a code: `K0101`, `k0101`, `K101` or `101`.
pub fn explain(code: &str) -> Option<&'static str> {
    let code = code.trim();
    let digits = code.strip_prefix(['K', 'k']).unwrap_or(code);
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain {
        return None;
    }
    let code = format!("K{digits:0>4}");
    PAGES.iter().find(|(known, _)| *known == code).map(|(_, page)| *page)
}

/// Returns all codes that have a page, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}
