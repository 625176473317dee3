//! A user agent, a referrer, and a database of places, each as the first byte says.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::enrich::{Places, agent, place::Database, referrer};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match choice % 3 {
        0 => drop(agent(&text)),
        1 => drop(referrer(&text, Some("shop.example"))),
        _ => {
            let Ok(database) = Database::open(bytes.to_vec()) else { return };
            let places = Places::new(Some(database), None);
            for address in ["1.2.3.4", "2001:db8::1"] {
                let _place = places.place(address.parse().expect("an address"));
            }
        }
    }
});
