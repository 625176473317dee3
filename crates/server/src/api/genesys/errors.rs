//! Refusals as the vendor's SDKs read them.
use serde_json::{Value, json};

use crate::problem::Problem;

/// The vendor's words for kinds of errors, by status; any other is the error of a server.
const CODES: [(u16, &str); 12] = [
    (400, "bad.request"),
    (401, "authentication.required"),
    (403, "not.authorized"),
    (404, "not.found"),
    (405, "method.not.allowed"),
    (408, "request.timeout"),
    (409, "conflict"),
    (413, "request.entity.too.large"),
    (415, "unsupported.media.type"),
    (422, "bad.request"),
    (429, "too.many.requests"),
    (503, "service.unavailable"),
];

/// The body of an error: what happened, which of ours it is, and each wrong place. The id of the
/// request stands in `contextId` ([`crate::problem::InOtherWords`]).
pub(super) fn error_body(problem: &Problem) -> Value {
    let row = problem.code.row();
    let status = row.status;
    let code =
        CODES.iter().find(|row| row.0 == status).map_or("internal.server.error", |row| row.1);
    let details: Vec<Value> = problem
        .errors
        .iter()
        .map(|fault| {
            json!({
                "errorCode": row.word,
                "fieldName": field_name(&fault.pointer),
            })
        })
        .collect();
    let first = problem.errors.first();
    let first = first.map(|fault| format!("{}: {}", field_name(&fault.pointer), fault.detail));
    let message = problem.detail.clone().or(first);
    json!({
        "message": message.as_deref().unwrap_or(row.title),
        "code": code,
        "status": status,
        "contextId": null,
        "details": details,
        "errors": [],
    })
}

/// A place in a body as the vendor names it: members separated by dots.
fn field_name(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;
    use expect_test::expect;

    #[test]
    fn a_refusal_in_the_vendors_words() {
        let problem = Code::UnreadableBody.because("`eventName` is missing").at("/eventName", "x");
        expect![[r#"{"code":"bad.request","contextId":null,"details":[{"errorCode":"unreadable_body","fieldName":"eventName"}],"errors":[],"message":"`eventName` is missing","status":400}"#]].assert_eq(&error_body(&problem).to_string());
        expect![[r#"{"code":"internal.server.error","contextId":null,"details":[],"errors":[],"message":"The disk is nearly full","status":507}"#]].assert_eq(&error_body(&Code::DiskFull.into()).to_string());
    }
}
