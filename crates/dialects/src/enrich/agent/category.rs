//! What sort of thing a device is, which the rules of uap-core do not say.
use super::{Device, Product};

/// The sorts, in Genesys' words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Category {
    /// Desktop and laptop computers.
    Desktop,
    /// Phones and other things for the pocket.
    Mobile,
    /// Tablets and readers.
    Tablet,
    /// Televisions, consoles, watches, machines, and what is not known.
    #[default]
    Other,
}

impl Category {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Category::Desktop => "desktop",
            Category::Mobile => "mobile",
            Category::Tablet => "tablet",
            Category::Other => "other",
        }
    }

    /// Whether it is carried about.
    pub fn is_mobile(self) -> bool {
        matches!(self, Category::Mobile | Category::Tablet)
    }
}

/// Pieces, in lower case, that tell the category when they are in the agent; the first that is
/// there counts. What none tells, the system does.
#[rustfmt::skip]
const TELLING: [(Category, &[&str]); 4] = [
    (Category::Other, &[
        "bot/", "bot;", "crawler", "spider", "smart-tv", "smarttv", "smart tv", "googletv", "google tv", "appletv",
        "apple tv", "hbbtv", "bravia", "crkey", "aftt", "aftb", "roku", "playstation", "nintendo", "xbox", "watch",
        "oculus", "quest ",
    ]),
    (Category::Tablet, &["ipad", "tablet", "kindle", "silk/", "playbook", "nexus 7", "nexus 9", "nexus 10"]),
    (Category::Mobile, &[
        "iphone", "ipod", "windows phone", "iemobile", "blackberry", "bb10", "opera mini", "opera mobi", "symbian",
        "series60", "series40", "maemo", "kaios", "palm", "mobile", "phone", "midp",
    ]),
    // A tablet of Android does not say that it is mobile.
    (Category::Tablet, &["android"]),
];

/// Systems of computers.
#[rustfmt::skip]
const COMPUTERS: [&str; 18] = [
    "Windows", "Mac OS X", "Mac OS", "Linux", "Ubuntu", "Chrome OS", "Fedora", "Debian", "Red Hat", "SUSE", "Gentoo",
    "Mint", "Arch Linux", "FreeBSD", "OpenBSD", "NetBSD", "Solaris", "CentOS",
];

/// The category of an agent, in lower case, of which system and device are known.
pub(super) fn of(folded: &str, system: Option<&Product>, device: Option<&Device>) -> Category {
    if device.is_some_and(|device| &*device.family == "Spider") {
        return Category::Other;
    }
    let told = TELLING.iter().find(|(_, pieces)| pieces.iter().any(|piece| folded.contains(piece)));
    if let Some((category, _)) = told {
        return *category;
    }
    match system.map(|system| &*system.family) {
        Some("iOS" | "Android") => Category::Mobile,
        Some(system) if COMPUTERS.contains(&system) => Category::Desktop,
        _ => Category::Other,
    }
}
