//! The calls of Segment's libraries.
use sessionary_dialects::segment::read;

use crate::{CONTEXT, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![("segment batch of 100", batch(), decode)]
}

fn decode(body: &[u8]) -> usize {
    read(body, &CONTEXT.limits).unwrap().decode(None, &CONTEXT).len()
}

/// Calls as the library for browsers sends them; `#` stands for a number that differs.
const CALLS: [&str; 4] = [
    r#"{"timestamp":"2026-11-20T23:07:32.#Z","integrations":{},"type":"page","properties":{"path":"/catalog/shoes/#","referrer":"https://www.example.org/search","search":"?utm_source=newsletter&utm_medium=email&utm_campaign=january","title":"Running shoes","url":"https://shop.example.com/catalog/shoes/#?utm_source=newsletter&utm_medium=email&utm_campaign=january","name":"Catalog","category":"Shoes"},"name":"Catalog","category":"Shoes","context":{"page":{"path":"/catalog/shoes/#","referrer":"https://www.example.org/search","search":"?utm_source=newsletter&utm_medium=email&utm_campaign=january","title":"Running shoes","url":"https://shop.example.com/catalog/shoes/#?utm_source=newsletter&utm_medium=email&utm_campaign=january"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0","locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"campaign":{"source":"newsletter","medium":"email","name":"january"},"timezone":"Europe/Berlin"},"messageId":"ajs-next-1767607200#-4a2a6f3e-1c1d-4c57-9b44","anonymousId":"5173eb91-c199-4f52-b122-#","userId":null}"#,
    r#"{"timestamp":"2026-11-20T23:07:33.#Z","integrations":{},"event":"Product Viewed","type":"track","properties":{"product_id":"507f1f77bcf8#","sku":"G-32#","category":"Games","name":"Monopoly: 3rd Edition","brand":"Hasbro","variant":"200 pieces","price":18.99,"quantity":1,"coupon":"MAYDEALS","currency":"USD","position":3,"value":18.99,"url":"https://shop.example.com/p/#","image_url":"https://shop.example.com/p/#.jpg"},"context":{"page":{"path":"/p/#","referrer":"","search":"","title":"Monopoly","url":"https://shop.example.com/p/#"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0","locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"timezone":"Europe/Berlin"},"messageId":"ajs-next-1767607201#-4a2a6f3e-1c1d-4c57-9b44","anonymousId":"5173eb91-c199-4f52-b122-#","userId":null}"#,
    r#"{"type":"identify","userId":"u-#","anonymousId":"5173eb91-c199-4f52-b122-#","messageId":"node-next-1767607202#-4a2a6f3e","timestamp":"2026-11-20T23:07:34.#Z","traits":{"email":"person#@example.com","firstName":"Penny","lastName":"Cache","plan":"gold","logins":5,"address":{"city":"Leeds","country":"GB"}},"context":{"ip":"203.0.113.9","library":{"name":"@segment/analytics-node","version":"3.1.0"}},"integrations":{}}"#,
    r#"{"type":"track","event":"Order Completed","userId":"u-#","anonymousId":"5173eb91-c199-4f52-b122-#","messageId":"node-next-1767607203#-4a2a6f3e","timestamp":"2026-11-20T23:07:35.#Z","properties":{"order_id":"O-77#","total":30.00,"subtotal":22.50,"revenue":25.00,"shipping":3,"tax":2,"discount":2.5,"coupon":"hasbros","currency":"USD","products":[{"product_id":"507f1f77bcf8","sku":"45790-32","name":"Monopoly: 3rd Edition","price":19,"quantity":1,"category":"Games"},{"product_id":"505bd76785eb","sku":"46493-32","name":"Uno Card Game","price":3,"quantity":2,"category":"Games"}]},"context":{"ip":"203.0.113.9","library":{"name":"@segment/analytics-node","version":"3.1.0"}},"integrations":{}}"#,
];

/// A batch of 100 calls.
fn batch() -> String {
    let calls = CALLS.iter().cycle().take(100).zip(100..);
    let calls: Vec<String> =
        calls.map(|(call, number)| call.replace('#', &number.to_string())).collect();
    format!(r#"{{"batch":[{}],"sentAt":"2026-11-20T23:07:36.000Z"}}"#, calls.join(","))
}
