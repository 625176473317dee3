//! The sites that send most visitors, and what they are; our own short list.
//!
//! A host stands for itself and every host below it; `google.*` stands for `google` under any
//! country's name. A path narrows a row to pages that begin with it. The first row that fits counts.
use super::Medium;

/// A site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    pub(super) medium: Medium,
    pub(super) name: &'static str,
    /// The parameter of the words searched for; empty where there is none.
    pub(super) parameter: &'static str,
    pattern: &'static str,
    path: &'static str,
}

const fn host(medium: Medium, name: &'static str, pattern: &'static str) -> Host {
    Host { medium, name, parameter: "", pattern, path: "" }
}

const fn search(name: &'static str, pattern: &'static str, parameter: &'static str) -> Host {
    Host { medium: Medium::Search, name, parameter, pattern, path: "" }
}

const fn social(name: &'static str, site: &'static str) -> Host {
    host(Medium::Social, name, site)
}

const fn email(name: &'static str, site: &'static str) -> Host {
    host(Medium::Email, name, site)
}

const fn paid(name: &'static str, site: &'static str) -> Host {
    host(Medium::Paid, name, site)
}

const fn paid_page(name: &'static str, site: &'static str, path: &'static str) -> Host {
    Host { medium: Medium::Paid, name, parameter: "", pattern: site, path }
}

#[rustfmt::skip]
const HOSTS: [Host; 78] = [
    // What is narrower than a search engine or a network stands before it.
    paid_page("Google Ads", "google.*", "/aclk"),
    paid_page("Microsoft Advertising", "bing.com", "/aclk"),
    paid("Google Ads", "googleadservices.com"),
    paid("Google Ads", "doubleclick.net"),
    paid("Google Ads", "googlesyndication.com"),
    paid("Amazon Ads", "amazon-adsystem.com"),
    paid("Criteo", "criteo.com"),
    paid("Taboola", "taboola.com"),
    paid("Outbrain", "outbrain.com"),
    email("Gmail", "mail.google.com"),
    email("Gmail", "com.google.android.gm"),
    email("Outlook", "outlook.live.com"),
    email("Outlook", "outlook.office.com"),
    email("Outlook", "outlook.office365.com"),
    email("Yahoo Mail", "mail.yahoo.com"),
    email("Yahoo Mail", "mail.yahoo.co.jp"),
    email("AOL Mail", "mail.aol.com"),
    email("iCloud Mail", "icloud.com"),
    email("Proton Mail", "mail.proton.me"),
    email("Yandex Mail", "mail.yandex.ru"),
    email("Mail.ru", "e.mail.ru"),
    email("GMX", "gmx.net"),
    email("WEB.DE", "web.de"),
    email("Zoho Mail", "mail.zoho.com"),
    email("QQ Mail", "mail.qq.com"),
    search("Google", "google.*", "q"),
    search("Google", "com.google.android.googlequicksearchbox", ""),
    search("Bing", "bing.com", "q"),
    search("DuckDuckGo", "duckduckgo.com", "q"),
    search("Yahoo", "search.yahoo.com", "p"),
    search("Yahoo Japan", "search.yahoo.co.jp", "p"),
    search("Yandex", "yandex.*", "text"),
    search("Yandex", "ya.ru", "text"),
    search("Baidu", "baidu.com", "wd"),
    search("Sogou", "sogou.com", "query"),
    search("360 Search", "so.com", "q"),
    search("Naver", "search.naver.com", "query"),
    search("Daum", "search.daum.net", "q"),
    search("Seznam", "search.seznam.cz", "q"),
    search("Ecosia", "ecosia.org", "q"),
    search("Qwant", "qwant.com", "q"),
    search("Startpage", "startpage.com", "query"),
    search("Brave Search", "search.brave.com", "q"),
    search("Kagi", "kagi.com", "q"),
    search("Ask", "ask.com", "q"),
    search("AOL", "search.aol.com", "q"),
    search("Mail.ru", "go.mail.ru", "q"),
    search("Swisscows", "swisscows.com", "query"),
    search("Mojeek", "mojeek.com", "q"),
    search("Lycos", "search.lycos.com", "q"),
    social("Facebook", "facebook.com"),
    social("Facebook", "fb.com"),
    social("Facebook", "com.facebook.katana"),
    social("Messenger", "messenger.com"),
    social("Instagram", "instagram.com"),
    social("Threads", "threads.net"),
    social("X", "x.com"),
    social("X", "twitter.com"),
    social("X", "t.co"),
    social("LinkedIn", "linkedin.com"),
    social("LinkedIn", "lnkd.in"),
    social("YouTube", "youtube.com"),
    social("YouTube", "youtu.be"),
    social("TikTok", "tiktok.com"),
    social("Pinterest", "pinterest.*"),
    social("Reddit", "reddit.com"),
    social("Snapchat", "snapchat.com"),
    social("Telegram", "t.me"),
    social("WhatsApp", "whatsapp.com"),
    social("Discord", "discord.com"),
    social("Tumblr", "tumblr.com"),
    social("VK", "vk.com"),
    social("Odnoklassniki", "ok.ru"),
    social("Weibo", "weibo.com"),
    social("Quora", "quora.com"),
    social("Mastodon", "mastodon.social"),
    social("Bluesky", "bsky.app"),
    social("XING", "xing.com"),
];

/// What the table knows of a page.
pub(super) fn known(hostname: &str, path: &str) -> Option<Host> {
    let mut rows = HOSTS.iter();
    rows.find(|row| is_host(hostname, row.pattern) && path.starts_with(row.path)).copied()
}

fn is_host(hostname: &str, pattern: &str) -> bool {
    let Some(name) = pattern.strip_suffix(".*") else {
        let below = hostname.strip_suffix(pattern);
        return below.is_some_and(|below| below.is_empty() || below.ends_with('.'));
    };
    // Behind the name: `com`, `de` or `co.uk`, so the name is that of the registered domain.
    let domain = super::domain(hostname);
    domain.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
}
