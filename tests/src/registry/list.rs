//! Listings, page by page.

use super::{code, host_with_versions, invalid_value, validation};
use crate::test_host::{self, arn, refused};
use fnhost::Host;

async fn host_with_functions(count: usize) -> Host {
    let host = test_host::host();
    // Created backwards: listings sort.
    for number in (0..count).rev() {
        host.create_function(format!("f{number:03}"), code(1)).await.unwrap();
    }
    host
}

#[tokio::test]
async fn functions() {
    let host = host_with_functions(120).await;
    let (mut names, mut sizes, mut marker) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let list = host.list_functions().max_items(10_000);
        let list = if let Some(marker) = marker { list.marker(marker) } else { list };
        let page = list.await.unwrap();
        sizes.push(page.items.len());
        names.extend(page.items.iter().map(|item| item.function_arn.to_string()));
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    // At most 50 in a page, whatever was asked for; 50 is the default, too.
    assert_eq!(sizes, [50, 50, 20]);
    assert_eq!(host.list_functions().await.unwrap().items.len(), 50);
    assert_eq!(names, (0..120).map(|number| arn(&format!("f{number:03}"))).collect::<Vec<_>>());
}

/// A page that ends with the listing has no successor; what happens between two pages shows in the later one.
#[tokio::test]
async fn pages() {
    let host = host_with_functions(4).await;
    assert_eq!(host.list_functions().max_items(4).await.unwrap().next_marker, None);
    let first = host.list_functions().max_items(2).await.unwrap();
    let marker = first.next_marker.unwrap();
    host.delete_function("f001").await.unwrap();
    host.delete_function("f002").await.unwrap();
    host.create_function("f000a", code(1)).await.unwrap();
    host.create_function("f004", code(1)).await.unwrap();
    let second = host.list_functions().max_items(2).marker(marker).await.unwrap();
    let names: Vec<&str> = second.items.iter().map(|item| item.function_name.as_str()).collect();
    assert_eq!((names, second.next_marker), (vec!["f003", "f004"], None));
}

#[tokio::test]
async fn functions_with_all_versions() {
    let host = host_with_versions(2).await;
    host.create_function("e", code(1)).await.unwrap();
    let (mut found, mut marker) = (Vec::new(), None::<String>);
    loop {
        let list = host.list_functions().all_versions().max_items(1);
        let page = if let Some(marker) = marker { list.marker(marker) } else { list }.await.unwrap();
        assert_eq!(page.items.len(), 1);
        found.push(page.items[0].function_arn.to_string());
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(found, [arn("e:$LATEST"), arn("f:$LATEST"), arn("f:1"), arn("f:2")]);
}

#[tokio::test]
async fn versions() {
    let host = host_with_versions(11).await;
    host.delete_function("f:3").await.unwrap();
    let (first, rest) = {
        let first = host.list_versions("f").max_items(4).await.unwrap();
        let rest = host.list_versions("f").marker(first.next_marker.clone().unwrap()).await.unwrap();
        (first, rest)
    };
    let arns: Vec<String> = first.items.iter().chain(&rest.items).map(|item| item.function_arn.to_string()).collect();
    // As numbers, not as texts: 11 comes last.
    let expected =
        ["$LATEST", "1", "2", "4", "5", "6", "7", "8", "9", "10", "11"].map(|version| arn(&format!("f:{version}")));
    assert_eq!((arns.as_slice(), rest.next_marker), (expected.as_slice(), None));
}

#[tokio::test]
async fn aliases() {
    let host = host_with_versions(2).await;
    host.create_alias("f", "green", 2).await.unwrap();
    host.create_alias("f", "blue", 1).await.unwrap();
    host.create_alias("f", "mixed", 1).weight(2, 0.5).await.unwrap();
    let names = async |list: fnhost::ListAliases| {
        list.await.unwrap().items.into_iter().map(|alias| alias.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(host.list_aliases("f")).await, ["blue", "green", "mixed"]);
    assert_eq!(names(host.list_aliases("f").version(1)).await, ["blue", "mixed"]);
    assert_eq!(names(host.list_aliases("f").version(2)).await, ["green", "mixed"]);
    assert!(names(host.list_aliases("f").version("$LATEST")).await.is_empty());
    let page = host.list_aliases("f").max_items(2).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(names(host.list_aliases("f").marker(page.next_marker.unwrap())).await, ["mixed"]);
}

#[tokio::test]
async fn refusals() {
    let host = host_with_versions(1).await;
    let text =
        "Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1";
    assert_eq!(refused(host.list_functions().max_items(0).await), validation(text));
    let text =
        "Value '10001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 10000";
    assert_eq!(refused(host.list_versions("f").max_items(10_001).await), validation(text));
    assert_eq!(refused(host.list_aliases("f").marker("?!").await), invalid_value("Invalid Marker: ?!"));
    assert_eq!(refused(host.list_functions().marker("").await), invalid_value("Invalid Marker: "));
}
