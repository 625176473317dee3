//! What a receiver was asked, and what it does then.
use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// A request that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// To the byte.
    pub body: Vec<u8>,
}

/// What a receiver does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers, and keeps the connection.
    Answer {
        /// The status.
        status: u16,
        /// Besides `Content-Length`.
        headers: Vec<(String, String)>,
        /// To the byte.
        body: Vec<u8>,
    },
    /// Says nothing, ever.
    Hang,
    /// Resets the connection once the body is there.
    Reset,
    /// Answers with the head, then waits that long before the body.
    SlowBody(Duration),
    /// Answers something that is not HTTP.
    Garbage,
    /// Answers with a head and a body that never ends.
    EndlessBody,
}

impl Reply {
    /// A status and nothing else.
    pub fn status(status: u16) -> Reply {
        Reply::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    /// 200 and JSON.
    pub fn json(body: &serde_json::Value) -> Reply {
        Reply::json_with(200, body)
    }

    /// A status and JSON.
    pub fn json_with(status: u16, body: &serde_json::Value) -> Reply {
        let body = body.to_string().into_bytes();
        Reply::Answer { status, headers: Vec::new(), body }.with("content-type", "application/json")
    }

    /// With one more header, where it is an answer.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Reply {
        if let Reply::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Reads one; `None` when the connection ends before it. The last byte of the body is seen but
    /// not taken: a connection that is dropped so is reset, not closed.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > HEAD_BYTES_MAX || stream.read(&mut byte)? == 0 {
                return Ok(None);
            }
            head.extend(byte);
        }
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = (first.next(), first.next());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let mut request = Request {
            method: method.unwrap_or_default(),
            target: target.unwrap_or_default(),
            headers: headers.collect(),
            body: Vec::new(),
        };
        request.read_body(stream)?;
        Ok(Some(request))
    }

    fn read_body(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let length = self.header("content-length").and_then(|text| text.parse::<usize>().ok());
        let length = length.unwrap_or_default();
        let taken = length.saturating_sub(1);
        self.body.resize(taken, 0);
        stream.read_exact(&mut self.body)?;
        if taken < length {
            let mut last = [0];
            stream.peek(&mut last)?;
            self.body.extend(last);
        }
        Ok(())
    }
}

/// Does it; whether the connection may be used again.
pub(crate) fn perform(reply: &Reply, stream: &mut TcpStream) -> io::Result<bool> {
    match reply {
        Reply::Answer { status, headers, body } => {
            let mut head =
                format!("HTTP/1.1 {status} As Scripted\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            head.push_str("\r\n");
            let mut whole = head.into_bytes();
            // A 204 has no body, and no length either.
            if *status == 204 {
                whole = b"HTTP/1.1 204 As Scripted\r\n\r\n".to_vec();
            } else {
                whole.extend(body);
            }
            stream.write_all(&whole)?;
            Ok(true)
        }
        Reply::Reset => Ok(false),
        Reply::Hang => {
            // Until the other side gives up.
            let _ = stream.read(&mut [0]);
            Ok(false)
        }
        Reply::SlowBody(wait) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")?;
            std::thread::sleep(*wait);
            stream.write_all(b"ok")?;
            Ok(true)
        }
        Reply::Garbage => {
            stream.write_all(b"I am no web server\r\n\r\n")?;
            Ok(false)
        }
        Reply::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
            while stream.write_all(chunk.as_bytes()).is_ok() {}
            Ok(false)
        }
    }
}
