//! One keep-alive connection of the load: a request out, an answer in, as few calls as can be.
//!
//! Written by hand, because a client library would cost more than the server that it measures.
use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer, as far as a benchmark looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// Whether it says when to come again.
    pub(super) retry_after: bool,
    /// Signals that it calls accepted.
    pub(super) accepted: u64,
    /// Whether the connection ends with it.
    closes: bool,
    /// Bytes of the body.
    length: usize,
}

/// A connection, and what it has read.
pub(super) struct Connection {
    address: String,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

impl Connection {
    /// A connection that is made with the first request.
    pub(super) fn new(address: &str) -> Connection {
        Connection { address: address.to_owned(), stream: None, read: Vec::new() }
    }

    /// Sends a whole request and reads its answer.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(&self.address).await?,
        };
        // A server that refuses may answer before it has read the body, so the answer counts.
        let sent = stream.write_all(request).await;
        let answer = read_answer(&mut stream, &mut self.read).await;
        let answer = match (answer, sent) {
            (Err(_), Err(sent)) => return Err(sent).context("a request cannot be sent"),
            (answer, _) => answer?,
        };
        if !answer.closes {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// The body of the last answer, for a message.
    pub(super) fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.read);
        let body = text.split_once("\r\n\r\n").map_or(&*text, |(_, body)| body);
        body.chars().take(400).collect()
    }
}

async fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.with_context(|| format!("{address} takes no connection"))?;
    stream.set_nodelay(true).context("a connection cannot be set up")?;
    Ok(stream)
}

async fn read_answer(stream: &mut TcpStream, read: &mut Vec<u8>) -> anyhow::Result<Answer> {
    read.clear();
    let mut head = None;
    loop {
        if head.is_none() {
            head = head_length(read);
        }
        if let Some(head) = head {
            let answer = answer(read, head)?;
            if read.len() >= head + answer.length {
                return Ok(answer);
            }
        }
        if stream.read_buf(read).await.context("an answer cannot be read")? == 0 {
            bail!("the server closed a connection in the middle of an answer");
        }
    }
}

fn head_length(read: &[u8]) -> Option<usize> {
    read.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn answer(read: &[u8], head_length: usize) -> anyhow::Result<Answer> {
    let (head, body) = read.split_at_checked(head_length).context("an answer is too short")?;
    let head = std::str::from_utf8(head).context("the head of an answer is no text")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let mut answer = Answer {
        status: status.context("an answer begins without a status")?,
        retry_after: false,
        accepted: accepted(body),
        closes: false,
        length: 0,
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => answer.length = value.parse().context("content-length")?,
            "transfer-encoding" => bail!("an answer came without its length"),
            "retry-after" => answer.retry_after = true,
            "connection" => answer.closes = value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    Ok(answer)
}

/// The sum that stands at the beginning of the answer to a batch.
fn accepted(body: &[u8]) -> u64 {
    const NAME: &[u8] = b"\"accepted\":";
    let Some(at) = body.windows(NAME.len()).take(64).position(|word| word == NAME) else {
        return 0;
    };
    let digits = body.iter().skip(at + NAME.len()).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Answer {
        answer(text.as_bytes(), head_length(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn an_answer_is_read() {
        let good = read("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"accepted\":500,\"x\":1}");
        assert_eq!((good.status, good.accepted, good.length, good.closes), (200, 500, 22, false));
        let busy = read("HTTP/1.1 503 x\r\nretry-after: 1\r\nconnection: close\r\n\r\n");
        assert_eq!((busy.status, busy.retry_after, busy.closes), (503, true, true));
        assert!(answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 47).is_err());
    }
}
