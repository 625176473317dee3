//! Servers of others, each a process that ends with the test.
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};

use crate::home::{Home, servers};

/// How long a peer may take to say something.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server.
pub struct Peer {
    child: Child,
    lines: Receiver<Value>,
    port: u16,
}

/// An authority and a certificate of it, as files in a folder of the test.
pub struct Certificates {
    folder: PathBuf,
}

impl Peer {
    /// S3, without any bucket.
    pub fn s3() -> Peer {
        Peer::start(&["s3"])
    }

    /// The same at a port that was another's before.
    pub fn s3_at(port: u16) -> Peer {
        Peer::start(&["s3", &port.to_string()])
    }

    /// Makes a bucket of S3.
    ///
    /// # Panics
    /// It is not made.
    pub fn make_bucket(&self, name: &str) {
        let who = "AWS4-HMAC-SHA256 Credential=an-id/20260105/us-east-1/s3/aws4_request, \
                   SignedHeaders=host, Signature=unchecked";
        let head = format!("host: localhost\r\nconnection: close\r\nauthorization: {who}");
        let request = format!("PUT /{name} HTTP/1.1\r\n{head}\r\ncontent-length: 0\r\n\r\n");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the peer listens");
        stream.write_all(request.as_bytes()).expect("it takes a request");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// SMTP in clear; `login` is `name:password`. A recipient such as `550-ada@example.com` is
    /// refused with the status before the dash.
    pub fn smtp(login: Option<&str>) -> Peer {
        Peer::start(&["smtp", "plain", login.unwrap_or("-")])
    }

    /// SMTP that asks for STARTTLS.
    pub fn smtp_starttls(login: Option<&str>, certificates: &Certificates) -> Peer {
        let (certificate, key) = certificates.paths();
        Peer::start(&["smtp", "starttls", login.unwrap_or("-"), &certificate, &key])
    }

    /// SMTP inside TLS.
    pub fn smtps(login: Option<&str>, certificates: &Certificates) -> Peer {
        let (certificate, key) = certificates.paths();
        Peer::start(&["smtp", "smtps", login.unwrap_or("-"), &certificate, &key])
    }

    /// HTTPS that answers 204, and tells `sni`, `host`, `path` and `body`.
    pub fn https(certificates: &Certificates) -> Peer {
        let (certificate, key) = certificates.paths();
        Peer::start(&["https", &certificate, &key])
    }

    fn start(arguments: &[&str]) -> Peer {
        let mut child = Command::new(Home::get().python())
            .args(["-W", "ignore"])
            .arg(servers().join("peers.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let Ok(told) = serde_json::from_str(&line) else { continue };
                if to.send(told).is_err() {
                    return;
                }
            }
        });
        let mut peer = Peer { child, lines, port: 0 };
        let port = peer.told().get("port").and_then(Value::as_u64);
        let port = port.and_then(|port| u16::try_from(port).ok());
        peer.port = port.expect("a peer says its port first");
        peer
    }

    /// At 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next thing that it tells, such as a mail that it took.
    ///
    /// # Panics
    /// When it tells nothing in a minute.
    pub fn told(&self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("the peer tells something")
    }

    /// What it has told and nobody asked for yet.
    pub fn told_already(&self) -> Vec<Value> {
        self.lines.try_iter().collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Certificates {
    /// For these names.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn make(folder: &Path, names: &[&str]) -> Certificates {
        let mut command = Command::new(Home::get().python());
        command.arg(servers().join("peers.py")).arg("certificates").arg(folder).args(names);
        let output = command.output().expect("python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Certificates { folder: folder.to_owned() }
    }

    /// PEM of the authority.
    ///
    /// # Panics
    /// When the folder is gone.
    pub fn authority(&self) -> String {
        std::fs::read_to_string(self.folder.join("authority.pem")).expect("it was written")
    }

    fn paths(&self) -> (String, String) {
        let path = |name: &str| self.folder.join(name).display().to_string();
        (path("certificate.pem"), path("key.pem"))
    }
}

/// Whether the library of Python takes a webhook; `Err` says why not.
///
/// # Errors
/// What the library says.
pub fn verified_by_python(
    secret: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<(), String> {
    let mut command = Command::new(Home::get().python());
    verified(command.arg(servers().join("peers.py")).arg("verify"), secret, headers, body)
}

/// Whether the library from npm takes a webhook, or Node itself one that is signed by a pair of keys
/// (`whpk_`); `Err` says why not.
///
/// # Errors
/// What the library says.
pub fn verified_by_node(
    secret: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<(), String> {
    let mut command = Command::new("node");
    command.arg(servers().join("verify.js")).arg(Home::get().folder());
    verified(&mut command, secret, headers, body)
}

fn verified(
    command: &mut Command,
    secret: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<(), String> {
    let headers: Value =
        headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let message = json!({"secret": secret, "headers": headers, "body": body}).to_string();
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().expect("the verifier starts");
    let mut to = child.stdin.take().expect("it is piped");
    to.write_all(message.as_bytes()).expect("the verifier reads");
    drop(to);
    let output = child.wait_with_output().expect("the verifier ends");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = |name: &str| told.get(name).cloned().unwrap_or_default();
    match said("verified").as_bool() {
        Some(true) => Ok(()),
        _ => Err(said("why").as_str().unwrap_or("the verifier said nothing").to_owned()),
    }
}
