//! A receiver that answers 200 at once, in a process of its own, so that its CPU is not the server's.
//!
//! It counts what is posted, and keeps the first bodies for the bare client.
use std::{
    cell::RefCell,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    rc::Rc,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::LocalSet,
};

use crate::bench::child::program;

/// Bodies that are kept.
const KEPT: usize = 1_000;
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// The parent's end. Dropping it ends the process.
pub(super) struct Receiver {
    child: Child,
    address: String,
    http: reqwest::blocking::Client,
}

impl Receiver {
    pub(super) fn start() -> anyhow::Result<Receiver> {
        let mut command = program(&[])?;
        command.args(["bench", "receiver"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the receiver cannot be started")?;
        let out = child.stdout.take().context("the receiver has no output")?;
        let line = BufReader::new(out).lines().next().context("the receiver ended at once")??;
        let http = reqwest::blocking::Client::builder().no_proxy().build()?;
        Ok(Receiver { child, address: line, http })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/parcels", self.address)
    }

    /// How many posts it has answered.
    pub(super) fn count(&self) -> anyhow::Result<u64> {
        self.get("count")?.parse().context("the receiver gives no count")
    }

    /// The first bodies that came.
    pub(super) fn kept(&self) -> anyhow::Result<Vec<String>> {
        Ok(serde_json::from_str(&self.get("kept")?)?)
    }

    fn get(&self, what: &str) -> anyhow::Result<String> {
        let answer = self.http.get(format!("http://{}/{what}", self.address)).send();
        Ok(answer.context("the receiver is gone")?.text()?)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the connections share.
#[derive(Default)]
struct Taken {
    count: u64,
    kept: Vec<String>,
}

/// The child's end: receives until it is killed.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(in crate::bench) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let taken = Rc::new(RefCell::new(Taken::default()));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let taken = Rc::clone(&taken);
            tokio::task::spawn_local(async move {
                // A sender that breaks off has its own reasons.
                let _ = receive(stream, &taken).await;
            });
        }
    })
}

async fn receive(mut stream: TcpStream, taken: &RefCell<Taken>) -> anyhow::Result<()> {
    let mut read = Vec::with_capacity(64 << 10);
    loop {
        let (head, length) = loop {
            if let Some(head) = head(&read) {
                break head;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        while read.len() < head + length {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
        let answer = answer(&read, head, length, &mut taken.borrow_mut());
        match answer {
            None => stream.write_all(TAKEN).await?,
            Some(text) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", text.len());
                stream.write_all((head + &text).as_bytes()).await?;
            }
        }
        read.drain(..head + length);
    }
}

/// Notes a post; what is asked for otherwise.
fn answer(read: &[u8], head: usize, length: usize, taken: &mut Taken) -> Option<String> {
    if read.starts_with(b"GET /count ") {
        return Some(taken.count.to_string());
    }
    if read.starts_with(b"GET /kept ") {
        return Some(serde_json::to_string(&taken.kept).unwrap_or_default());
    }
    taken.count += 1;
    if taken.kept.len() < KEPT {
        let body = read.get(head..head + length).unwrap_or_default();
        taken.kept.push(String::from_utf8_lossy(body).into_owned());
    }
    None
}

/// Bytes of the head and of the body, once the head is there.
fn head(read: &[u8]) -> Option<(usize, usize)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(read.get(..end)?).ok()?;
    let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    });
    Some((end, length.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_counted_and_kept_and_questions_are_not() {
        let post = b"POST /parcels HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET";
        assert_eq!(head(post), Some((45, 3)));
        assert_eq!(head(&post[..44]), None);
        let mut taken = Taken::default();
        assert_eq!(answer(post, 45, 3, &mut taken), None);
        let ask = |what: &str, taken: &mut Taken| answer(what.as_bytes(), 0, 0, taken);
        assert_eq!(ask("GET /count HTTP/1.1\r\n\r\n", &mut taken), Some("1".to_owned()));
        assert_eq!(ask("GET /kept HTTP/1.1\r\n\r\n", &mut taken), Some(r#"["abc"]"#.to_owned()));
    }
}
