//! The nodes that the URL of a cluster names: `redis+cluster://user:password@host:6379,host:6379`.

/// Between the scheme of a connection and the rest, in the URL of a cluster: `redis+cluster://`.
const OF_CLUSTER: &str = "+cluster://";

/// Whether a URL says that it is of a cluster.
pub(super) fn is_of_cluster(text: &str) -> bool {
    let scheme = text.trim_start().split_inclusive("://").next().unwrap_or_default();
    scheme.to_ascii_lowercase().ends_with(OF_CLUSTER)
}

/// The URL of each node that a URL of a cluster names; another URL is its own only one.
pub(super) fn each_of_cluster(text: &str) -> Vec<String> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else { return vec![text.to_owned()] };
    let suffix = "+cluster";
    let is_plain =
        scheme.len().checked_sub(suffix.len()).and_then(|at| scheme.split_at_checked(at));
    let scheme = match is_plain {
        Some((plain, end)) if end.eq_ignore_ascii_case(suffix) => plain,
        _ => return vec![text.to_owned()],
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (login, hosts) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    hosts.split(',').map(|host| format!("{scheme}://{login}{host}{path}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{each_of_cluster, is_of_cluster};

    #[test]
    fn a_url_of_a_cluster_names_each_node_with_what_they_have_in_common() {
        assert_eq!(
            each_of_cluster(
                " rediss+cluster://user:a@b@one:1,[::1]:2,three/?protocol=resp2#insecure"
            ),
            [
                "rediss://user:a@b@one:1/?protocol=resp2#insecure",
                "rediss://user:a@b@[::1]:2/?protocol=resp2#insecure",
                "rediss://user:a@b@three/?protocol=resp2#insecure",
            ]
        );
        assert_eq!(each_of_cluster("REDIS+CLUSTER://one,"), ["REDIS://one", "REDIS://"]);
        for other in ["redis://one,two", "redis://a+cluster://b", "+cluster", "é+cluster", ""] {
            assert_eq!(each_of_cluster(other), [other]);
            assert!(!is_of_cluster(other), "{other}");
        }
        assert!(is_of_cluster("valkey+cluster://one") && is_of_cluster(" Redis+Cluster://"));
    }
}
