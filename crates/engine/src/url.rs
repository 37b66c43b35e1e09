//! The little of a URL that an engine needs: scheme, host, port, path.

/// A URL of one of the schemes `ws`, `wss`, `http`, `https`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Url {
    /// Whether the scheme is encrypted (`wss`, `https`).
    pub tls: bool,
    /// Host name or address, without the brackets of IPv6.
    pub host: String,
    /// Port, the scheme's own when the URL names none.
    pub port: u16,
    /// Path and query, `/` when the URL has none.
    pub path: String,
}

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    ///
    /// A line that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = |what: &str| format!("'{text}' is not a URL: {what}");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| fault("no scheme"))?;
        let (tls, default_port) = match scheme {
            "ws" | "http" => (false, 80),
            "wss" | "https" => (true, 443),
            _ => return Err(fault("the scheme must be ws, wss, http or https")),
        };
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => (&rest[..at], &rest[at..]),
            None => (rest, "/"),
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']').ok_or_else(|| fault("no ']'"))?;
                (host, port.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() || host.contains(['@', ' ']) {
            return Err(fault("no host name"));
        }
        let port = match port {
            None => default_port,
            Some(port) => port.parse().map_err(|_| fault("the port is not a number"))?,
        };
        Ok(Self { tls, host: host.to_owned(), port, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(tls: bool, host: &str, port: u16, path: &str) -> Result<Url, String> {
        Ok(Url { tls, host: host.to_owned(), port, path: path.to_owned() })
    }

    #[test]
    fn the_usual_forms_are_taken_apart() {
        assert_eq!(Url::parse("wss://a.b:9443/ws/x?y=1"), url(true, "a.b", 9443, "/ws/x?y=1"));
        assert_eq!(Url::parse("wss://a.b"), url(true, "a.b", 443, "/"));
        assert_eq!(Url::parse("http://127.0.0.1?x"), url(false, "127.0.0.1", 80, "?x"));
        assert_eq!(Url::parse("ws://[::1]:80/"), url(false, "::1", 80, "/"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "a.b", "ftp://a", "ws://", "ws://:80", "ws://a:b", "ws://[::1", "ws://u@h"]
        {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
