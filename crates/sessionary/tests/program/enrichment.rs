//! Databases of addresses that the configuration names.
use std::path::Path;

use crate::program::{bundled, command};

#[test]
fn a_database_that_cannot_be_used_ends_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken.mmdb");
    let whole = std::fs::read(bundled("golden/places/city.mmdb")).unwrap();
    std::fs::write(&broken, &whole[..900]).unwrap();
    let cases: [(&Path, &str); 3] = [
        (&*broken, "no sound database in the MaxMind format"),
        (&dir.path().join("missing.mmdb"), "No such file"),
        (dir.path(), "it is no file"),
    ];
    for (path, why) in cases {
        let mut serve = command("serve --data-dir {}/data --listen 127.0.0.1:0", dir.path());
        let refused = serve.env("SESSIONARY_ENRICH__GEOIP_CITY", path).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("[enrich] geoip_city names"), "{said}");
        assert!(said.contains(why), "{said}");
    }
}
