//! The mail itself: whom to, what about, the summary, the record as a file.
use std::time::{Duration, SystemTime};

use lettre::{
    Message,
    message::{
        Attachment, Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use sessionary_core::time::UnixMillis;

use crate::{outcome::Failure, settings::SettingsError, template::Template, values::Values};

/// Recipients of one mail.
const RECIPIENTS_MAX: usize = 20;
/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 200;

const DEFAULT_SUBJECT: &str =
    "{record.type|session} {record.started_at}: {disposition.name|no outcome} ({session_id})";
const DEFAULT_TEXT: &str = "{summary}\n\nThe whole record is attached as {file_name}.\n";

/// The templates of a mail.
#[derive(Debug)]
pub(super) struct Letter {
    from: Mailbox,
    to: Vec<Template>,
    subject: Template,
    text: Template,
}

impl Letter {
    pub(super) fn parse(
        from: &str,
        to: &[String],
        subject: Option<&str>,
        text: Option<&str>,
    ) -> Result<Letter, SettingsError> {
        let sender = from.parse().map_err(|error| {
            SettingsError::new("/options/from", format!("{from:?} is no address: {error}"))
        })?;
        if to.is_empty() || to.len() > RECIPIENTS_MAX {
            let why = format!("{} recipients; give 1 to {RECIPIENTS_MAX}", to.len());
            return Err(SettingsError::new("/options/to", why));
        }
        let read = |pointer: &str, text: &str| {
            Template::parse(text).map_err(|error| SettingsError::new(pointer, error.to_string()))
        };
        let recipient = |(at, text): (usize, &String)| {
            let pointer = format!("/options/to/{at}");
            let template = read(&pointer, text)?;
            if template.is_fixed() && text.parse::<Mailbox>().is_err() {
                return Err(SettingsError::new(&pointer, format!("{text:?} is no address")));
            }
            Ok(template)
        };
        Ok(Letter {
            from: sender,
            to: to.iter().enumerate().map(recipient).collect::<Result<_, _>>()?,
            subject: read("/options/subject", subject.unwrap_or(DEFAULT_SUBJECT))?,
            text: read("/options/text", text.unwrap_or(DEFAULT_TEXT))?,
        })
    }

    /// Of the sender; ids of messages are made with it.
    pub(super) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Filled in. Recipients that come out empty are left out; one at least must be left.
    pub(super) fn write(&self, values: &Values<'_>) -> Result<Message, Failure> {
        let parcel = values.parcel;
        let session = clean_id(parcel.session_id);
        let mut builder = Message::builder()
            .from(self.from.clone())
            .date(system_time(parcel.now))
            .message_id(Some(message_id(parcel.id, self.domain())))
            .references(format!("<{session}@{}>", self.domain()))
            .subject(one_line(&self.subject.fill(values)));
        for mailbox in self.recipients(values)? {
            builder = builder.to(mailbox);
        }
        for (name, value) in [
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("X-Sessionary-Parcel", clean_id(parcel.id)),
            ("X-Sessionary-Session", session),
            ("X-Sessionary-Revision", parcel.revision.to_string()),
        ] {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|e| unfit(&e))?;
            builder = builder.raw_header(HeaderValue::new(name, value));
        }
        // Named twice: not every reader knows the newer way.
        let file = clean_id(&parcel.file_name());
        let media = format!("application/json; name=\"{file}\"");
        let media = ContentType::parse(&media).map_err(|error| unfit(&error))?;
        let bytes = parcel.bytes().to_vec();
        let bytes = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64);
        let bytes = bytes.map_err(|_| Failure::new("template", "the record cannot be encoded"))?;
        let file = Attachment::new(file).body(bytes, media);
        let parts = MultiPart::mixed()
            .singlepart(SinglePart::plain(self.text.fill(values)))
            .singlepart(file);
        builder.multipart(parts).map_err(|error| unfit(&error))
    }

    fn recipients(&self, values: &Values<'_>) -> Result<Vec<Mailbox>, Failure> {
        let filled = self.to.iter().map(|to| one_line(&to.fill(values)));
        let filled: Vec<String> = filled.filter(|to| !to.trim().is_empty()).collect();
        if filled.is_empty() {
            return Err(Failure::new("template", "the record names no recipient"));
        }
        let parsed = filled.iter().map(|to| {
            to.parse().map_err(|_| Failure::new("template", "a recipient is no e-mail address"))
        });
        parsed.collect()
    }
}

/// `<prc_…@domain>`.
pub(super) fn message_id(parcel: &str, domain: &str) -> String {
    format!("<{}@{domain}>", clean_id(parcel))
}

/// An id as it may stand in a header.
fn clean_id(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    id.chars().map(|c| if fits(c) { c } else { '-' }).collect()
}

fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(SUBJECT_CHARS_MAX).collect()
}

fn system_time(at: UnixMillis) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

fn unfit(error: &dyn std::error::Error) -> Failure {
    Failure::new("template", format!("no mail can be made of it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::tests::{with_record, with_sample};
    use expect_test::expect;

    fn letter(to: &str) -> Letter {
        Letter::parse("Sessionary <sessionary@example.com>", &[to.to_owned()], None, None).unwrap()
    }

    /// Without the boundary, which is random.
    fn shown(message: &Message) -> String {
        let text = String::from_utf8(message.formatted()).unwrap().replace("\r\n", "\n");
        let boundary = text.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next());
        text.replace(boundary.unwrap(), "BOUNDARY")
    }

    #[test]
    fn a_mail_says_who_what_and_carries_the_record() {
        let record = serde_json::json!({
            "type": "call", "started_at": "2026-01-05T10:02:30.000Z",
            "person": {"phone": "+15550100"}, "disposition": {"name": "Convert"},
        });
        let message =
            with_record(&record, |values| letter("crm@example.com").write(values)).unwrap();
        expect![[r#"
            From: Sessionary <sessionary@example.com>
            Date: Mon, 05 Jan 2026 10:07:36 +0000
            Message-ID: <prc_01@example.com>
            References: <0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67@example.com>
            Subject: call 2026-01-05T10:02:30.000Z: Convert
             (0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67)
            To: crm@example.com
            Auto-Submitted: auto-generated
            X-Sessionary-Parcel: prc_01
            X-Sessionary-Session: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67
            X-Sessionary-Revision: 2
            MIME-Version: 1.0
            Content-Type: multipart/mixed;
             boundary="BOUNDARY"

            --BOUNDARY
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            Phone: +15550100
            Type: call
            Started: 2026-01-05T10:02:30.000Z
            Outcome: Convert
            Session: 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67, revision 2

            The whole record is attached as 0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r2.jso=
            n.

            --BOUNDARY
            Content-Disposition: attachment;
             filename*0="0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r2.json"
            Content-Type: application/json;
             name="0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r2.json"
            Content-Transfer-Encoding: base64

            eyJkaXNwb3NpdGlvbiI6eyJuYW1lIjoiQ29udmVydCJ9LCJwZXJzb24iOnsicGhvbmUiOiIrMTU1
            NTAxMDAifSwic3RhcnRlZF9hdCI6IjIwMjYtMDEtMDVUMTA6MDI6MzAuMDAwWiIsInR5cGUiOiJj
            YWxsIn0=
            --BOUNDARY--
        "#]]
        .assert_eq(&shown(&message));
    }

    #[test]
    fn a_value_can_neither_add_a_header_nor_a_recipient() {
        let record = serde_json::json!({
            "person": {"email": "a@example.com\r\nBcc: b@example.com"},
            "type": "x\r\nBcc: b@example.com", "owner": {"mail": "a@example.com, b@example.com"},
        });
        let none =
            |to: &str| with_record(&record, |values| letter(to).write(values).unwrap_err().reason);
        assert_eq!(none("{person.email}"), "template");
        assert_eq!(none("{owner.mail}"), "template");
        assert_eq!(none("{owner.none}"), "template");
        let message = with_record(&record, |values| letter("a@b.example").write(values)).unwrap();
        let shown = shown(&message);
        let (head, _) = shown.split_once("\n\n").unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    }

    #[test]
    fn what_is_no_address_is_refused_when_it_is_read() {
        let refused = |from: &str, to: &[&str]| {
            let to: Vec<String> = to.iter().map(|to| (*to).to_owned()).collect();
            Letter::parse(from, &to, None, None).unwrap_err().pointer
        };
        assert_eq!(refused("nobody", &["a@example.com"]), "/options/from");
        assert_eq!(refused("a@example.com", &["nobody"]), "/options/to/0");
        assert_eq!(refused("a@example.com", &["{nobody}"]), "/options/to/0");
        assert_eq!(refused("a@example.com", &[]), "/options/to");
        let to = with_sample(|values| letter("{person.email}").recipients(values)).unwrap();
        assert_eq!(to, ["ada@example.com".parse().unwrap()]);
    }
}
