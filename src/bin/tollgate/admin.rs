//! The little that is asked of Envoy's admin interface.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Where the admin interface listens.
#[derive(Debug, Clone)]
pub(crate) enum Admin {
    /// On a socket in the run directory, which nobody else can reach.
    Socket(PathBuf),
    /// On an address.
    Address(std::net::SocketAddr),
}

const TIMEOUT: Duration = Duration::from_secs(2);

impl Admin {
    /// The body of the answer to `GET path`.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<String> {
        match self {
            Self::Socket(path_to) => {
                let stream = UnixStream::connect(path_to)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                exchange(stream, path)
            }
            Self::Address(address) => {
                let stream = TcpStream::connect_timeout(address, TIMEOUT)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                exchange(stream, path)
            }
        }
    }
}

impl std::fmt::Display for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
            Self::Address(address) => write!(f, "http://{address}"),
        }
    }
}

fn exchange(mut stream: impl Read + Write, path: &str) -> anyhow::Result<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{}", head.lines().next().unwrap_or_default());
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return Ok(dechunk(body));
    }
    Ok(body.to_owned())
}

/// The content of a chunked body (RFC 9112, 7.1), as far as it goes.
fn dechunk(body: &str) -> String {
    let mut content = String::new();
    let mut rest = body;
    while let Some((size, behind)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let (Some(chunk), true) = (behind.get(..size), size > 0) else { break };
        content.push_str(chunk);
        rest = behind.get(size + 2..).unwrap_or_default();
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(dechunk("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), "abc0123456789");
        assert_eq!(dechunk("5\r\nab"), "");
    }
}
