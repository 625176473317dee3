use std::{collections::HashMap, fmt::Write as _, io::Read as _, path::PathBuf};

use expect_test::{Expect, expect};
use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;

/// `browser version / system version / device, brand, model / category`
fn told(agent: &Agent) -> String {
    let product = |product: &Option<Product>| {
        let product = product.as_ref()?;
        Some(format!("{} {}", product.family, product.version_text()).trim_end().to_owned())
    };
    let device = agent.device.as_ref().map(|device| {
        let parts = [Some(&device.family), device.brand.as_ref(), device.model.as_ref()];
        let parts = parts.map(|part| part.map_or("-", |part| part));
        parts.join(", ")
    });
    let parts = [product(&agent.browser), product(&agent.system), device];
    let parts = parts.map(|part| part.unwrap_or_else(|| "-".to_owned()));
    format!("{} / {}", parts.join(" / "), agent.category.word())
}

fn check(agents: &[&str], expected: &Expect) {
    let mut all = String::new();
    for text in agents {
        writeln!(all, "{}", told(&agent(text))).unwrap();
    }
    expected.assert_eq(&all);
}

#[test]
fn this_build_carries_rules() {
    assert!(
        has_rules(),
        "the build found no rules for user agents; see docs/operate/enrichment.md"
    );
    let count = |letter| rules::of_list(rules::TEXT, letter).len();
    assert_eq!((count('b'), count('o'), count('d')), (433, 204, 633));
}

#[test]
fn computers_are_told() {
    check(
        &[
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
        ],
        &expect![[r"
            Chrome 126.0.0.0 / Windows 10 / - / desktop
            Edge 126.0.2592.87 / Windows 10 / - / desktop
            Safari 17.5 / Mac OS X 14.5 / Mac, Apple, Mac / desktop
            Firefox 128.0 / Linux / - / desktop
            Chrome 126.0.0.0 / Chrome OS 14541.0.0 / - / desktop
            Firefox 115.0 / Ubuntu / - / desktop
            IE 8.0 / Windows 7 / - / desktop
        "]],
    );
}

#[test]
fn phones_and_tablets_are_told() {
    check(
        &[
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.71 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 12; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            "Opera/9.80 (Android; Opera Mini/36.2/191.256; U; en) Presto/2.12.423 Version/12.16",
            "Mozilla/5.0 (Mobile; Nokia 2780 Flip; rv:109.0) Gecko/110.0 Firefox/110.0 KAIOS/4.0",
            "Shop/4.2.1 CFNetwork/1494.0.7 Darwin/23.4.0",
        ],
        &expect![[r"
            Mobile Safari 17.5 / iOS 17.5.1 / iPhone, Apple, iPhone / mobile
            Mobile Safari 16.6 / iOS 16.6 / iPad, Apple, iPad / tablet
            Chrome Mobile 126.0.6478.71 / Android 14 / Pixel 8, Google, Pixel 8 / mobile
            Chrome 125.0.0.0 / Android 13 / SM-X700, Generic_Android_Tablet, SM-X700 / tablet
            Samsung Internet 25.0 / Android 12 / Samsung SM-G991B, Samsung, SM-G991B / mobile
            Opera Mini 36.2 / Android / Generic Smartphone, Generic, Smartphone / mobile
            Firefox Mobile 110.0 / KaiOS 4.0 / Nokia 2780, Nokia, 2780 / mobile
            Shop 4.2.1 / iOS 17.4 / iOS-Device, Apple, iOS-Device / mobile
        "]],
    );
}

#[test]
fn machines_and_what_is_unknown_are_other_things() {
    check(
        &[
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K GB) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Mozilla/5.0 (PlayStation 5/SmartTV) AppleWebKit/605.1.15 (KHTML, like Gecko)",
            "curl/8.5.0",
            "python-requests/2.31.0",
            "Tropo SIP/1.0",
            "",
        ],
        &expect![[r"
            Googlebot 2.1 / - / Spider, Spider, Desktop / other
            Chrome 120.0.0.0 / Android 9 / BRAVIA 4K GB, Generic_Android_Tablet, BRAVIA 4K GB / other
            Apple Mail 605.1.15 / - / PlayStation 5, Sony, PlayStation 5 / other
            curl 8.5.0 / - / - / other
            Python Requests 2.31 / - / - / other
            - / - / - / other
            - / - / - / other
        "]],
    );
}

#[test]
fn a_text_is_read_up_to_the_limit_and_answers_are_kept() {
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1 ";
    let long = format!("{phone}{}", "é".repeat(2_000));
    assert_eq!(told(&agent(&long)), told(&agent(phone)));
    assert!(Arc::ptr_eq(&agent(phone), &agent(&format!("  {phone}\n"))));
}

/// The suites that uap-core tests its rules by, where the workplace has them.
#[test]
fn every_case_of_uap_core_is_read() {
    let shared = std::env::var_os("SESSIONARY_SHARED").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = shared.unwrap_or(beside).join("data/user-agents");
    if !folder.is_dir() {
        eprintln!("left out: {} is not there", folder.display());
        return;
    }
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    for (file, count) in expected["cases"].as_object().unwrap() {
        let mut text = String::new();
        let packed = std::fs::File::open(folder.join(format!("{file}.gz"))).unwrap();
        GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        let cases = cases(&text);
        let wrong: Vec<_> = cases.iter().filter_map(|case| difference(file, case)).collect();
        assert_eq!((cases.len() as u64, &wrong[..]), (count.as_u64().unwrap(), &[][..]), "{file}");
    }
}

type Case = HashMap<String, String>;

/// What is told otherwise than a case says.
fn difference(file: &str, case: &Case) -> Option<String> {
    let said = |member: &str| case.get(member).cloned().unwrap_or_default();
    let agent = agent(&said("user_agent_string"));
    let text = |part: Option<&Box<str>>| part.map(ToString::to_string).unwrap_or_default();
    let (got, members): (Vec<String>, &[&str]) = if file == "test_device.yaml" {
        let device = agent.device.clone().unwrap_or_default();
        let family = Some(device.family).filter(|family| !family.is_empty());
        (
            vec![
                family.map_or("Other".to_owned(), Into::into),
                text(device.brand.as_ref()),
                text(device.model.as_ref()),
            ],
            &["family", "brand", "model"],
        )
    } else {
        let is_system = file == "test_os.yaml";
        let product = if is_system { &agent.system } else { &agent.browser };
        let version = product.clone().unwrap_or_default().version;
        let family = product.as_ref().map_or("Other".to_owned(), |known| known.family.to_string());
        let mut got = vec![family];
        got.extend(version.iter().take(3 + usize::from(is_system)).map(|part| text(part.as_ref())));
        let members = ["family", "major", "minor", "patch", "patch_minor"].as_slice();
        (got, members)
    };
    let wanted: Vec<String> = members.iter().take(got.len()).map(|member| said(member)).collect();
    (got != wanted).then(|| format!("{}: {got:?} is not {wanted:?}", said("user_agent_string")))
}

/// Reads the subset of YAML that the suites are written in: a list of flat maps of texts.
fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        let begins = trimmed.starts_with("- ");
        let trimmed = trimmed.trim_start_matches("- ");
        if trimmed.starts_with('#') || !trimmed.contains(':') {
            continue;
        }
        let (member, value) = trimmed.split_once(':').unwrap();
        if member == "test_cases" {
            continue;
        }
        if begins {
            cases.push(Case::new());
        }
        cases.last_mut().unwrap().insert(member.trim().to_owned(), scalar(value.trim()));
    }
    cases
}

fn scalar(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'') {
        let end = inner.rfind('\'').unwrap();
        return inner[..end].replace("''", "'");
    }
    if value.starts_with('"') {
        let end = value.rfind('"').unwrap();
        // The escapes that the suites use are those of JSON.
        return serde_json::from_str(&value[..=end]).unwrap();
    }
    value.split(" #").next().unwrap().trim().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_it_panic(text in ".{0,1500}") {
        agent(&text);
    }

    /// Pieces that many rules ask for, repeated and mixed.
    #[test]
    fn no_mixture_of_what_rules_ask_for_makes_it_panic(
        text in "((Mozilla/5.0|Android|iPhone|Windows|Mobile|Safari|Build/|; |\\(|\\)| |/|[0-9.]{1,4}|é){1,9}){1,40}"
    ) {
        let told_of = agent(&text);
        prop_assert_eq!(&told_of, &agent(&text));
    }
}
