//! Bytes of anybody: whatever comes, the server goes on and holds no more than it may.
use proptest::{collection::vec, prelude::*, sample::select};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

use super::*;

/// A message: its letter, its length, its body.
fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[letter][..], &length.to_be_bytes(), body].concat()
}

fn startup(user: &str) -> Vec<u8> {
    let body = format!("user\0{user}\0database\0x\0\0");
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes()[..], &196_608_u32.to_be_bytes(), body.as_bytes()].concat()
}

/// Messages that follow each other, well formed.
fn conversation(key: &str) -> Vec<Vec<u8>> {
    vec![
        startup("default"),
        message(b'p', format!("{key}\0").as_bytes()),
        message(b'Q', b"SELECT 1\0"),
        message(b'P', b"s\0SELECT $1::text, channel FROM sessions\0\0\x01\0\0\0\x19"),
        message(b'B', b"p\0s\0\0\x01\0\0\0\x01\0\0\0\x01x\0\x01\0\x01"),
        message(b'D', b"Pp\0"),
        message(b'E', b"p\0\0\0\0\0"),
        message(b'C', b"Ss\0"),
        message(b'H', b""),
        message(b'S', b""),
        message(b'X', b""),
    ]
}

/// Sends bytes and reads what comes until the server is done with them, or a while has passed.
async fn send(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The server may have closed it by then.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(5 * SECOND, stream.read_to_end(&mut answer)).await;
    answer
}

struct Target {
    runtime: Runtime,
    world: World,
    wire: Wire,
}

fn target() -> Target {
    let runtime = Runtime::new().unwrap();
    let (world, wire) = runtime.block_on(async {
        let world = world().await;
        let settings = Settings { startup: SECOND, ..Settings::default() };
        let wire = Wire::with(&world, Budget { concurrent: 4, ..Budget::default() }, settings);
        (world, wire)
    });
    Target { runtime, world, wire }
}

impl Target {
    fn still_answers(&self) {
        self.runtime.block_on(async {
            let client = self.wire.connect(&self.world).await;
            assert_eq!(cell(&client, "SELECT count(*) FROM sessions").await, "1");
        });
    }
}

#[test]
fn a_conversation_in_bytes_is_answered_to_its_end() {
    let target = target();
    let bytes = conversation(&target.world.secret).concat();
    let answer = target.runtime.block_on(async {
        let mut stream = TcpStream::connect(("127.0.0.1", target.wire.port)).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    });
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("SELECT 1") && text.contains("web"), "{text:?}");
}

#[test]
fn bytes_of_anybody_do_no_harm() {
    let target = target();
    let key = target.world.secret.clone();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(150));
    let noise = vec(any::<u8>(), 0..64);
    let letters = select(b"QPBDECHSXpdfcF\0\xff".to_vec());
    let strategy = (0_usize..12, 0_usize..400, noise, letters, any::<u32>(), any::<bool>());
    runner
        .run(&strategy, |(upto, cut, noise, letter, length, framed)| {
            // The beginning of a good conversation, then something else.
            let mut bytes: Vec<u8> = conversation(&key).into_iter().take(upto).flatten().collect();
            bytes.truncate(bytes.len().max(cut) - cut.min(bytes.len() / 2));
            if framed {
                bytes.extend(message(letter, &noise));
            } else {
                bytes.push(letter);
                bytes.extend(length.to_be_bytes());
                bytes.extend(noise);
            }
            target.runtime.block_on(send(target.wire.port, &bytes));
            Ok(())
        })
        .unwrap();
    target.still_answers();
}

#[test]
fn messages_that_say_they_are_huge_or_count_wrongly_end_one_connection() {
    let target = target();
    let begun = conversation(&target.world.secret)[..2].concat();
    let huge: Vec<u8> = [&begun[..], b"Q\x7f\xff\xff\xff", &[b'x'; 4_096]].concat();
    let parameters = [&begun[..], &message(b'P', b"\0SELECT 1\0\xff\xff")].concat();
    let values = [&begun[..], &message(b'B', b"\0\0\xff\xff\0\0")].concat();
    let endless_rows = [
        &begun[..],
        &message(b'P', b"\0SELECT 1\0\0\0"),
        &message(b'B', b"\0\0\0\0\0\0\0\0"),
        &message(b'E', b"\0\x7f\xff\xff\xff"),
        &message(b'S', b""),
    ]
    .concat();
    let formats = [
        &begun[..],
        &message(b'P', b"\0SELECT 1, 2, 3\0\0\0"),
        &message(b'B', b"\0\0\0\0\0\0\0\x02\0\x01\0\x01"),
        &message(b'S', b""),
    ]
    .concat();
    for bytes in
        [huge, parameters, values, endless_rows, formats, b"GET / HTTP/1.1\r\n\r\n".to_vec()]
    {
        target.runtime.block_on(send(target.wire.port, &bytes));
        target.still_answers();
    }
}

#[test]
fn a_client_that_says_nothing_is_dropped() {
    let target = target();
    target.runtime.block_on(async {
        let mut stream = TcpStream::connect(("127.0.0.1", target.wire.port)).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(20 * SECOND, stream.read_to_end(&mut answer)).await;
        assert_eq!(read.unwrap().unwrap(), 0);
    });
}
