//! Pages for a reader: the routes at `/docs`, each kind of problem under `/docs/problems`.
//!
//! Both are read from their tables. The pages load nothing and run nothing.
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header::CONTENT_SECURITY_POLICY};

use crate::{
    problem::{Code, Problem},
    routes::Route,
};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem;color:#1c1c1c;background:#fff}code{font-family:ui-monospace,monospace}\
    table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .8rem .3rem 0;\
    vertical-align:top;border-bottom:1px solid #ddd}@media(prefers-color-scheme:dark){\
    body{color:#e8e8e8;background:#161616}a{color:#8ab4f8}td,th{border-color:#444}}";

/// The page that lists the routes.
pub(crate) fn routes_page(rows: &[&'static Route]) -> String {
    let mut tags: Vec<&str> = Vec::new();
    for row in rows {
        if !tags.contains(&row.tag) {
            tags.push(row.tag);
        }
    }
    let mut main = String::from(
        "<h1>Sessionary</h1><p>The machine-readable form is <a href=\"/openapi.json\">\
         openapi.json</a>; refusals are explained under <a href=\"/docs/problems\">problems</a>.</p>",
    );
    for tag in tags {
        main.extend([format!("<h2>{}</h2><table>", escaped(tag))]);
        main.push_str("<tr><th>Route</th><th>What it does</th><th>Scope</th></tr>");
        for row in rows.iter().filter(|row| row.tag == tag) {
            let (method, path) = (row.method.word(), escaped(row.path));
            let scope = row.access.scope().map_or("none", |scope| scope.word());
            let summary = escaped(row.summary);
            main.extend([format!(
                "<tr><td><code>{method} {path}</code></td><td>{summary}</td><td>{scope}</td></tr>"
            )]);
        }
        main.push_str("</table>");
    }
    page("Sessionary: routes", &main)
}

/// The page that lists the problems.
pub(crate) async fn problems_page() -> Response {
    let mut main = String::from(
        "<p><a href=\"/docs\">Routes</a></p><h1>Problems</h1><table>\
         <tr><th>Status</th><th>Code</th><th>Title</th></tr>",
    );
    for code in Code::ALL {
        let row = code.row();
        let (word, status, title) = (row.word, row.status, escaped(row.title));
        main.extend([format!(
            "<tr><td>{status}</td><td><a href=\"/docs/problems/{word}\"><code>{word}</code></a></td>\
             <td>{title}</td></tr>"
        )]);
    }
    main.push_str("</table>");
    html(page("Sessionary: problems", &main))
}

/// The page of one problem.
pub(crate) async fn problem_page(
    axum::extract::Path(word): axum::extract::Path<String>,
) -> Result<Response, Problem> {
    let code = Code::from_word(&word);
    let row = code.ok_or_else(|| Code::NotFound.because("no problem has this code"))?.row();
    let title = escaped(row.title);
    let (word, status) = (row.word, row.status);
    let (means, remedy) = (escaped(row.means), escaped(row.remedy));
    let main = format!(
        "<p><a href=\"/docs/problems\">All problems</a></p><h1>{title}</h1>\
         <p><code>{word}</code>, status {status}</p><h2>What it means</h2><p>{means}</p>\
         <h2>What to do</h2><p>{remedy}</p>"
    );
    Ok(html(page(row.title, &main)))
}

/// An answer with a page.
pub(crate) fn html(page: String) -> Response {
    let mut response = Html(page).into_response();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    let policy = HeaderValue::from_static(policy);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn page(title: &str, main: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>\
         <main>{main}</main></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
