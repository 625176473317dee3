//! A mapping file and the table it reads, divided by a line of dashes.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::mapping::Mapping;
use sessionary_fuzz::holds;

fuzz_target!(|text: &str| {
    let (mapping, table) = text.split_once("\n---\n").unwrap_or((text, "a,b\n1,2\n"));
    let Ok(rows) = Mapping::parse(mapping).and_then(|mapping| mapping.read(table.as_bytes()))
    else {
        return;
    };
    rows.take(100).flatten().flat_map(|row| row.signals).for_each(holds);
});
