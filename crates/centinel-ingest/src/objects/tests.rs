use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::*;
use crate::testing::{Reply, Server};

fn store(place: &str, base: &str, user: &str, secret: &str) -> ObjectStore {
    let access = Access {
        user: Some(user.to_owned()),
        credential: (!secret.is_empty()).then(|| secret.into()),
        endpoint: Some(Address::parse(base, false).unwrap()),
        region: None,
    };
    let limits = Limits {
        tries: 3,
        first_wait: Duration::from_millis(1),
        pause: Duration::ZERO,
        request: Duration::from_secs(5),
        ..Limits::default()
    };
    let now = || "2026-11-22T12:00:00Z".parse().unwrap();
    ObjectStore::new(place.parse().unwrap(), access, limits, 1, now).unwrap()
}

/// Two pages as the documentation of `ListObjectsV2` has them, with what XML and keys can hold.
#[tokio::test]
async fn a_list_of_s3_is_read_page_by_page() {
    let server = Server::start(|_, asked| {
        let second = asked.parameter("continuation-token") == Some("1%2Ba%3D%3D");
        let (key, rest) = if second {
            ("bills/%26.csv", "<IsTruncated>false</IsTruncated>")
        } else {
            (
                "bills/a+b%2Fc%C3%BC%2B.csv",
                "<IsTruncated>true</IsTruncated><NextContinuationToken>1+a==</NextContinuationToken>",
            )
        };
        Reply::ok(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult \
             xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>bills</Prefix>\
             <EncodingType>url</EncodingType>{rest}<Contents><Key>{key}</Key>\
             <LastModified>2026-11-05T12:00:00.000Z</LastModified><ETag>&quot;70ee&#x22;</ETag>\
             <Size>42</Size><Owner><ID>x</ID></Owner></Contents><Contents><Key>bills-of-others/x.csv\
             </Key><LastModified>2026-11-05T12:00:00.000Z</LastModified><Size>1</Size></Contents>\
             </ListBucketResult>"
        ))
    });
    let store = store("s3://b/bills", &server.base(), "AKIA", "hunter2-secret");
    let (objects, pages) = store.list(10).await.unwrap();
    assert_eq!(pages, 2);
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["bills/a b/cü+.csv", "bills/&.csv"]);
    assert_eq!(objects[0].version, "\"70ee\"");
    assert_eq!(
        (objects[0].bytes, objects[0].modified.to_string().as_str()),
        (42, "2026-11-05T12:00:00Z")
    );
    assert!(matches!(store.list(1).await, Err(FetchError::TooMany { objects: 1, .. })));
    for asked in server.asked() {
        assert_eq!(asked.method, "GET");
        assert!(asked.target.starts_with("/b?"), "{}", asked.target);
        assert!(!format!("{asked:?}").contains("hunter2"));
        assert!(asked.headers.iter().any(|line| line.starts_with("authorization: AWS4-HMAC")));
    }
}

#[tokio::test]
async fn a_list_of_azure_is_read_page_by_page() {
    let server = Server::start(|_, asked| {
        let (name, next) = match asked.parameter("marker") {
            None => ("<Name>c/a &amp; b.csv</Name>", "<NextMarker>2!8</NextMarker>"),
            Some(_) => ("<Name Encoded=\"true\">c/%EF%BF%BE.csv</Name>", "<NextMarker />"),
        };
        Reply::ok(format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults \
             ServiceEndpoint=\"https://a.blob.core.windows.net/\" ContainerName=\"costs\"><Blobs><Blob>\
             {name}<Properties><Creation-Time>Thu, 05 Nov 2026 10:00:00 GMT</Creation-Time>\
             <Last-Modified>Thu, 05 Nov 2026 12:00:00 GMT</Last-Modified><Etag>0x8D</Etag>\
             <Content-Length>7</Content-Length></Properties></Blob></Blobs>{next}\
             </EnumerationResults>"
        ))
    });
    let store = store("az://costs/c", &server.base(), "a", "sv=1&sig=hunter2abc%3D");
    let (objects, pages) = store.list(10).await.unwrap();
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!((keys, pages), (vec!["c/a & b.csv", "c/\u{fffe}.csv"], 2));
    assert_eq!(objects[1].modified.to_string(), "2026-11-05T12:00:00Z");
    for asked in server.asked() {
        assert_eq!(asked.parameter("sig"), Some("hunter2abc%3D"));
        assert!(asked.headers.contains(&"x-ms-version: 2021-12-02".to_owned()));
    }
}

#[tokio::test]
async fn a_list_of_google_is_read_and_names_are_one_part_of_the_path() {
    let server = Server::start(|_, asked| {
        if asked.target.contains("alt=media") {
            return Reply::ok(asked.target.clone());
        }
        let next = match asked.parameter("pageToken") {
            None => r#","nextPageToken":"t/1""#,
            Some(_) => "",
        };
        Reply::ok(format!(
            r#"{{"items":[{{"name":"x/a b.json","size":"9","updated":"2026-11-05T12:00:00.123Z",
                "generation":"1762344000123456"}}]{next}}}"#
        ))
    });
    let store = store("gs://bucket/x/", &server.base(), "", "ya29.hunter2");
    let (objects, pages) = store.list(10).await.unwrap();
    assert_eq!((objects.len(), pages), (2, 2));
    assert_eq!(objects[0].version, "1762344000123456");
    let mut file = tempfile::tempfile().unwrap();
    let length = store.fetch(&objects[0], 1_000, &mut file).await.unwrap();
    let mut text = String::new();
    std::io::Seek::rewind(&mut file).unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "/storage/v1/b/bucket/o/x%2Fa%20b.json?alt=media");
    assert_eq!(length, text.len() as u64);
}

#[tokio::test]
async fn a_fetch_that_is_cut_starts_anew_and_a_large_object_is_refused() {
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let server = Server::start(move |_, _| {
        let is_cut = count.fetch_add(1, Ordering::SeqCst) < 2;
        Reply { is_cut, ..Reply::ok("a,b\n1,2\n") }
    });
    let store = store("s3://b", &server.base(), "", "");
    let object = Object {
        key: "a.csv".into(),
        version: String::new(),
        bytes: 8,
        modified: Timestamp::UNIX_EPOCH,
    };
    let mut file = tempfile::tempfile().unwrap();
    assert_eq!(store.fetch(&object, 8, &mut file).await.unwrap(), 8);
    assert_eq!((file.metadata().unwrap().len(), tries.load(Ordering::SeqCst)), (8, 3));
    let large = store.fetch(&object, 7, &mut file).await.unwrap_err();
    assert!(matches!(large, FetchError::TooLarge { bytes: 7, .. }), "{large}");
}

/// What stores say when they refuse, without the credential that they repeat; lists that are none.
#[tokio::test]
async fn refusals_and_other_documents() {
    for (status, body, expected) in [
        (
            403,
            "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>not \
             hunter2-secret</Message></Error>",
            "SignatureDoesNotMatch: not [credential]",
        ),
        (404, "<Error><Code>NoSuchBucket</Code></Error>", "answered 404: NoSuchBucket"),
        (200, "<html><body></body></html>", "it is no list of objects"),
        (200, "<ListBucketResult><Contents>", "it is cut"),
        (200, "<ListBucketResult>&own;</ListBucketResult>", "an entity of its own"),
        (
            200,
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            "no key, size or time",
        ),
    ] {
        let server = Server::start(move |_, _| Reply::status(status, body));
        let store = store("s3://b/x", &server.base(), "AKIA", "hunter2-secret");
        let error = store.list(10).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn credentials_that_are_none() {
    for (place, secret) in [
        ("s3://b", "{\"AccessKeyId\": \"hunter2\"}"),
        ("gs://b", "{\"client_email\": \"hunter2\"}"),
        ("gs://b", "{\"client_email\":\"a\",\"private_key_id\":\"b\",\"private_key\":\"hunter2\"}"),
    ] {
        let access = Access { credential: Some(secret.into()), ..Access::default() };
        let now = || Timestamp::UNIX_EPOCH;
        let made = ObjectStore::new(place.parse().unwrap(), access, Limits::default(), 1, now);
        assert!(matches!(made, Err(FetchError::BadCredential)), "{place}");
    }
}

#[tokio::test]
async fn a_folder_is_listed_by_path_and_changes_show() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("2026/11")).unwrap();
    for name in ["b.csv", "2026/11/a.json"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let place = format!("file://{}", folder.path().display());
    let place: Place = place.parse().unwrap();
    let now = || Timestamp::UNIX_EPOCH;
    let store = ObjectStore::new(place, Access::default(), Limits::default(), 1, now).unwrap();
    let (first, _) = store.list(10).await.unwrap();
    let keys: Vec<&str> = first.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["2026/11/a.json", "b.csv"]);
    std::fs::write(folder.path().join("b.csv"), "xy").unwrap();
    let (second, _) = store.list(10).await.unwrap();
    assert_eq!(first[0], second[0]);
    assert_ne!(first[1].version, second[1].version);
    assert!(store.local_file(&first[0]).unwrap().ends_with("2026/11/a.json"));
    std::fs::remove_dir_all(folder.path()).unwrap();
    let error = store.list(10).await.unwrap_err().to_string();
    assert!(error.contains("no such file"), "{error}");
}
