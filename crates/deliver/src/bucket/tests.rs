//! What is set is read as the operator meant it; what is called is in `tests/deliver/bucket.rs`.
use expect_test::{Expect, expect};

use super::*;

fn check(settings: &BucketSettings, expected: &Expect) {
    let told = match Bucket::open(settings) {
        Ok(bucket) => format!("{} in {:?}", bucket.place.prefix(), bucket.place.store.to_string()),
        Err(error) => format!("error: {error}"),
    };
    expected.assert_eq(&told);
}

fn at(url: &str) -> BucketSettings {
    BucketSettings { url: url.to_owned(), ..BucketSettings::default() }
}

#[test]
fn each_cloud_has_its_url_and_its_secret() {
    check(&at("s3://lake/prod/eu/"), &expect![[r#"prod/eu in "AmazonS3(lake)""#]]);
    let google =
        BucketSettings { endpoint: Some("http://127.0.0.1:9".to_owned()), ..at("gs://lake/prod") };
    check(&google, &expect![[r#"prod in "GoogleCloudStorage(lake)""#]]);
    let key = Secret::new(r#"{"account_key": "c2VjcmV0"}"#);
    let azure = BucketSettings {
        account: Some("ours".to_owned()),
        secret: Some(key),
        ..at("az://lake/prod")
    };
    check(&azure, &expect![[r#"prod in "MicrosoftAzure { account: ours, container: lake }""#]]);
    check(
        &at("az://lake/prod"),
        &expect![
            "error: `/options/account`: name it here, or write abfss://container@account.dfs.core.windows.net/"
        ],
    );
    check(
        &at("ftp://lake"),
        &expect!["error: `/url`: `ftp` is no store; use file, s3, gs, az or abfss"],
    );
    let wrong = Secret::new("do not tell");
    check(
        &BucketSettings { secret: Some(wrong), ..at("s3://lake") },
        &expect![[
            r#"error: `/secret`: send it as JSON: {"access_key_id", "secret_access_key"}, with "session_token" where there is one"#
        ]],
    );
}

#[test]
fn ranges_near_each_other_are_read_together() {
    let far = GAP + 100;
    let told = spans(&[far..far + 9, 0..5, 3..3, 4..100, 2 * far + 9..2 * far + 10]);
    assert_eq!(told, [0..far + 9, 2 * far + 9..2 * far + 10]);
    assert_eq!(spans(&[7..7, 5..5]), []);
}
