//! Writes small databases in `MaxMind`'s format: a binary tree over 128 bits, then the rows.
use std::net::IpAddr;

use serde_json::{Value, json};

/// Places of the networks that are kept for documentation.
pub(super) fn city() -> Vec<u8> {
    let en = |name: &str| json!({ "en": name, "de": format!("{name} auf Deutsch") });
    let whole = json!({
        "country": { "iso_code": "GB", "names": en("United Kingdom") },
        "subdivisions": [
            { "iso_code": "ENG", "names": en("England") },
            { "iso_code": "WBK", "names": en("West Berkshire") },
        ],
        "city": { "names": en("Boxford") },
        "postal": { "code": "OX1" },
        "location": { "latitude": 51.75, "longitude": -1.25, "time_zone": "Europe/London" },
    });
    let flat = json!({ "country_code": "JP" });
    let rows = [
        ("203.0.113.0/24", whole),
        ("198.51.100.0/24", flat),
        ("192.0.2.0/24", json!({ "traits": { "is_anonymous": 1 } })),
        ("2001:db8::/32", json!({ "country": { "iso_code": "NO", "names": en("Norway") } })),
    ];
    write("Sessionary-City-Test", &rows)
}

/// Owners of the same networks.
pub(super) fn asn() -> Vec<u8> {
    let owner = |number: u32, name: &str| json!({ "autonomous_system_number": number, "autonomous_system_organization": name });
    let rows = [
        ("203.0.113.0/24", owner(64_496, "Example Networks")),
        ("2001:db8::/32", owner(64_511, "Documentation, Inc.")),
        ("198.51.100.0/24", json!({ "isp": "Flat ISP", "autonomous_system_organization": "AS" })),
    ];
    write("Sessionary-ASN-Test", &rows)
}

const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
const SEPARATOR: usize = 16;

#[derive(Clone, Copy)]
enum Record {
    Empty,
    Node(usize),
    Row(usize),
}

fn write(kind: &str, rows: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Record::Empty; 2]];
    let mut data = Vec::new();
    for (network, row) in rows {
        let (address, length) = network.split_once('/').unwrap();
        let length: usize = length.parse().unwrap();
        let (bits, length) = match address.parse().unwrap() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), length + 96),
            IpAddr::V6(v6) => (v6.to_bits(), length),
        };
        insert(&mut nodes, bits, length, data.len());
        value(&mut data, row);
    }
    let mut bytes = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match record {
            Record::Empty => nodes.len(),
            Record::Node(node) => *node,
            Record::Row(offset) => nodes.len() + SEPARATOR + offset,
        };
        bytes.extend(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    bytes.extend([0; SEPARATOR]);
    bytes.extend(data);
    bytes.extend(MARKER);
    metadata(&mut bytes, kind, nodes.len());
    bytes
}

/// The numbers that describe the file have widths of their own: type and bytes.
fn metadata(bytes: &mut Vec<u8>, kind: &str, nodes: usize) {
    const U16: (u8, usize) = (5, 2);
    const U32: (u8, usize) = (6, 4);
    const U64: (u8, usize) = (0, 8);
    let numbers = [
        ("binary_format_major_version", U16, 2),
        ("binary_format_minor_version", U16, 0),
        ("build_epoch", U64, 1_700_000_000),
        ("ip_version", U16, 6),
        ("node_count", U32, nodes as u64),
        ("record_size", U16, 24),
    ];
    control(bytes, 7, numbers.len() + 3);
    for (name, (kind, size), number) in numbers {
        value(bytes, &json!(name));
        control(bytes, kind, size);
        if kind == 0 {
            bytes.push(9 - 7);
        }
        bytes.extend(&number.to_be_bytes()[8 - size..]);
    }
    let texts = [
        ("database_type", json!(kind)),
        ("description", json!({ "en": "made by hand" })),
        ("languages", json!(["en"])),
    ];
    for (name, text) in texts {
        value(bytes, &json!(name));
        value(bytes, &text);
    }
}

fn insert(nodes: &mut Vec<[Record; 2]>, bits: u128, length: usize, offset: usize) {
    let mut node = 0;
    for depth in 0..length {
        let side = (bits >> (127 - depth) & 1) as usize;
        if depth + 1 == length {
            nodes[node][side] = Record::Row(offset);
            return;
        }
        node = if let Record::Node(next) = nodes[node][side] {
            next
        } else {
            nodes.push([Record::Empty; 2]);
            let next = nodes.len() - 1;
            nodes[node][side] = Record::Node(next);
            next
        };
    }
}

/// A value behind its control byte: three bits of type, five of size.
fn value(bytes: &mut Vec<u8>, json: &Value) {
    match json {
        Value::String(text) => {
            control(bytes, 2, text.len());
            bytes.extend(text.as_bytes());
        }
        Value::Number(number) if number.is_f64() => {
            control(bytes, 3, 8);
            bytes.extend(number.as_f64().unwrap().to_be_bytes());
        }
        Value::Number(number) => {
            control(bytes, 6, 4);
            bytes.extend(u32::try_from(number.as_u64().unwrap()).unwrap().to_be_bytes());
        }
        Value::Object(members) => {
            control(bytes, 7, members.len());
            for (name, member) in members {
                value(bytes, &json!(name));
                value(bytes, member);
            }
        }
        Value::Array(items) => {
            // A type beyond 7 stands in a byte of its own.
            control(bytes, 0, items.len());
            bytes.push(11 - 7);
            for item in items {
                value(bytes, item);
            }
        }
        other => panic!("{other} has no form here"),
    }
}

fn control(bytes: &mut Vec<u8>, kind: u8, size: usize) {
    match u8::try_from(size).unwrap() {
        size @ 0..29 => bytes.push(kind << 5 | size),
        size => bytes.extend([kind << 5 | 0x1d, size - 0x1d]),
    }
}
