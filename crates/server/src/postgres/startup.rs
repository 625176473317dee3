//! From the first byte of a connection to a known caller: encryption is declined, the name of the tenant
//! taken, the key asked for as the password.
use std::{net::SocketAddr, sync::Arc};

use bytes::Buf;
use pgwire::messages::{
    PgWireBackendMessage, PgWireFrontendMessage,
    startup::{Authentication, NegotiateProtocolVersion},
};
use sessionary_engine::keys::{KeyRecord, Scope};

use super::{
    Front,
    failure::Failure,
    socket::{EARLY_MAX, Incoming, Outgoing},
    stop::Stop,
    variables::Variables,
};
use crate::problem::{Code, Problem};

const WITH_TLS: u32 = 80_877_103;
const WITH_GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
/// Requests for encryption before a client gives up or goes on without.
const DECLINED: usize = 2;

/// What a connection wants.
pub(super) enum Wish {
    /// To ask.
    Ask(Box<Caller>),
    /// To end what another connection runs.
    Cancel {
        /// Of which connection.
        number: i32,
        /// Its secret.
        secret: i32,
    },
}

/// Who asks.
pub(super) struct Caller {
    pub(super) key: Arc<KeyRecord>,
    /// The tenant's name.
    pub(super) tenant: String,
    pub(super) variables: Variables,
}

/// Finds out what a connection wants. `None`: it ended.
pub(super) async fn wish(
    incoming: &mut Incoming,
    outgoing: &mut Outgoing,
    front: &Front,
    peer: SocketAddr,
) -> Result<Option<Wish>, Stop> {
    for _ in 0..=DECLINED {
        let Some(mut head) = incoming.exactly(8).await else { return Ok(None) };
        let (length, code) = (head.get_u32(), head.get_u32());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(8..=EARLY_MAX).contains(&length) {
            // Whoever speaks another protocol would not understand an answer of this one.
            return Ok(None);
        }
        let Some(body) = incoming.exactly(length - 8).await else { return Ok(None) };
        match code {
            WITH_TLS | WITH_GSS => outgoing.byte(b'N').await?,
            CANCEL if body.len() == 8 => {
                let mut body = body;
                let (number, secret) = (body.get_i32(), body.get_i32());
                return Ok(Some(Wish::Cancel { number, secret }));
            }
            version if version >> 16 == 3 => {
                let caller = caller(incoming, outgoing, front, peer, &body, version).await?;
                return Ok(caller.map(|caller| Wish::Ask(Box::new(caller))));
            }
            _ => {
                return Err(
                    Failure::fatal("08P01", "only version 3 of the protocol is spoken").into()
                );
            }
        }
    }
    Ok(None)
}

async fn caller(
    incoming: &mut Incoming,
    outgoing: &mut Outgoing,
    front: &Front,
    peer: SocketAddr,
    body: &[u8],
    version: u32,
) -> Result<Option<Caller>, Stop> {
    let given = pairs(body);
    let of = |name: &str| given.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let extras: Vec<String> =
        given.iter().map(|(key, _)| key.clone()).filter(|key| key.starts_with("_pq_.")).collect();
    if version & 0xffff > 0 || !extras.is_empty() {
        let message = NegotiateProtocolVersion::new(0, extras);
        outgoing.feed(PgWireBackendMessage::NegotiateProtocolVersion(message)).await?;
    }
    if of("replication").is_some_and(|value| !matches!(&*value, "false" | "off" | "no" | "0")) {
        return Err(Failure::fatal("0A000", "there is no replication here").into());
    }
    let Some(user) = of("user").filter(|user| !user.is_empty()) else {
        return Err(Failure::fatal("28000", "no user came; send the name of the tenant").into());
    };
    let mut variables = Variables::new(&user);
    for (name, value) in given.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        // What is unknown or means nothing here is no reason to refuse a connection.
        let _ = variables.set(name, Some(value));
    }
    variables.set("client_encoding", of("client_encoding").as_deref())?;
    let key = match front.gate.of_this_machine(peer.ip(), Scope::Export) {
        Some(key) if front.tenant_of(&key).as_deref() == Some(&*user) => key,
        _ => {
            let ask = PgWireBackendMessage::Authentication(Authentication::CleartextPassword);
            outgoing.feed(ask).await?;
            outgoing.flush().await?;
            let Some(password) = password(incoming).await? else { return Ok(None) };
            admitted(front, peer, &user, &password).await?
        }
    };
    Ok(Some(Caller { key, tenant: user, variables }))
}

/// What says who and where, and is no variable.
const OWN: [&str; 5] = ["user", "database", "replication", "options", "client_encoding"];

/// Names and values, each ended by a zero.
fn pairs(body: &[u8]) -> Vec<(String, String)> {
    let mut texts =
        body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let mut pairs = Vec::new();
    while let Some(name) = texts.next().filter(|name| !name.is_empty()) {
        let Some(value) = texts.next() else { break };
        pairs.push((name, value));
    }
    pairs
}

async fn password(incoming: &mut Incoming) -> Result<Option<String>, Stop> {
    match incoming.message(EARLY_MAX).await.transpose()? {
        None | Some(PgWireFrontendMessage::Terminate(_)) => Ok(None),
        Some(PgWireFrontendMessage::PasswordMessageFamily(message)) => {
            let password = message.into_password();
            let unreadable = |_| Failure::fatal("08P01", "the password cannot be read");
            Ok(Some(password.map_err(unreadable)?.password))
        }
        Some(_) => Err(Failure::fatal("08P01", "a password was asked for").into()),
    }
}

async fn admitted(
    front: &Front,
    peer: SocketAddr,
    user: &str,
    password: &str,
) -> Result<Arc<KeyRecord>, Stop> {
    let found = front.gate.admit_password(password, Scope::Export);
    let refused = match found {
        Ok(key) if front.tenant_of(&key).as_deref() == Some(user) => return Ok(key),
        // Neither which tenants there are, nor whose a key is, is told.
        Ok(_) => Code::KeyUnknown.into(),
        Err(problem) => problem,
    };
    let wait = front.attempts.note(peer.ip());
    tracing::warn!(address = %peer.ip(), code = refused.code.word(), "a connection to the SQL port was refused");
    tokio::time::sleep(wait).await;
    Err(failure(&refused, user).into())
}

/// Why a key is not good, or not good any more.
pub(super) fn failure(problem: &Problem, user: &str) -> Failure {
    match problem.code {
        Code::ScopeMissing => {
            let says = problem.detail.clone().unwrap_or_default();
            Failure::fatal("42501", format!("{says}; create a key with it"))
        }
        Code::KeyExpired => Failure::fatal("28P01", "the key has expired; create another"),
        Code::KeyRevoked => Failure::fatal("28P01", "the key was revoked; create another"),
        _ => Failure::fatal(
            "28P01",
            format!(
                "password authentication failed for user {user:?}; the user is the tenant, the \
                 password one of its secret keys with the scope `export`"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_far_as_they_go() {
        let read = |text: &str| pairs(text.as_bytes());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("user\0shop\0database\0x\0\0"),
            [pair("user", "shop"), pair("database", "x")]
        );
        assert_eq!(read("user\0shop\0\0a\0b\0"), [pair("user", "shop")]);
        assert_eq!(read("user"), []);
        assert_eq!(read(""), []);
    }
}
