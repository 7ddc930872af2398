use super::*;

fn allowed(globs: &[&str]) -> AllowedEndpoints {
    let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
    AllowedEndpoints::parse(&globs).unwrap()
}

fn check(list: &AllowedEndpoints, url: &str) -> Result<(), EndpointError> {
    list.check(&Url::parse(url).unwrap())
}

const HOSTS: &[&str] = &["iot.example.com", "iot.??-*.example.com"];

#[test]
fn a_vendors_hosts_are_admitted_when_the_flag_names_none() {
    let list = allowed(&[]);
    assert!(matches!(check(&list, "https://iot.example.com/"), Err(EndpointError::Host { .. })));
    let of_vendor = list.or_hosts(HOSTS);
    for host in ["iot.example.com", "iot.cn-north-4.example.com", "IOT.EU-west-1.example.com"] {
        assert_eq!(check(&of_vendor, &format!("https://{host}/")), Ok(()), "{host}");
    }
    assert!(!of_vendor.are_named());
    let named = allowed(&["simulator"]).or_hosts(HOSTS);
    assert!(named.are_named());
    assert_eq!(check(&named, "https://simulator/"), Ok(()));
    assert!(matches!(check(&named, "https://iot.example.com/"), Err(EndpointError::Host { .. })));
}

#[test]
fn other_hosts_are_refused_and_the_flag_is_named() {
    let list = allowed(&[]).or_hosts(HOSTS);
    for host in [
        "example.com",
        "iot.example.com.evil.com",
        "eviliot.example.com",
        "iot.a.cn-north-4.example.com",
        "bucket.iot.cn-north-4.example.com",
        "iot.oss-cn-north-4.example.com",
        "iot.obs.example.com",
        "iot.example.com.",
        "localhost",
        "10.0.0.1",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
    ] {
        let error = check(&list, &format!("https://{host}/")).unwrap_err();
        assert!(matches!(error, EndpointError::Host { .. }), "{host}: {error}");
        assert!(error.to_string().contains("--allowed-endpoints"));
    }
}

#[test]
fn a_star_stays_within_its_label() {
    let list = allowed(&["*.example.com", "a*b.example.org"]);
    for (host, admitted) in [
        ("x.example.com", true),
        ("x.y.example.com", false),
        ("example.com", false),
        ("ab.example.org", true),
        ("a.b.example.org", false),
    ] {
        assert_eq!(check(&list, &format!("https://{host}/")).is_ok(), admitted, "{host}");
    }
}

#[test]
fn the_port_is_443_unless_the_entry_names_another() {
    let list =
        allowed(&["a.example.com", "b.example.com:8443", "c.example.com:*", "[::1]:8443", "127.0.0.1:*"]);
    for (url, admitted) in [
        ("https://a.example.com/", true),
        ("https://a.example.com:443/", true),
        ("https://a.example.com:8443/", false),
        ("https://b.example.com:8443/", true),
        ("https://b.example.com/", false),
        ("https://c.example.com/", true),
        ("https://c.example.com:1/", true),
        ("https://[::1]:8443/", true),
        ("https://[::1]/", false),
        ("https://127.0.0.1:34567/", true),
    ] {
        let checked = check(&list, url);
        assert_eq!(checked.is_ok(), admitted, "{url}");
        if let Err(error) = checked {
            assert!(matches!(error, EndpointError::Port { .. }), "{url}: {error}");
            assert!(error.to_string().contains("--allowed-endpoints"), "{error}");
        }
    }
    let both = allowed(&["a.example.com", "a.example.com:8443"]);
    assert!(
        ["https://a.example.com/", "https://a.example.com:8443/"].iter().all(|url| check(&both, url).is_ok())
    );
}

#[test]
fn addresses_of_version_6_may_be_written_in_every_form() {
    for entry in ["::1", "[::1]", "0:0:0:0:0:0:0:1", "[::1]:443", "::1*", "[::1]:*"] {
        assert_eq!(check(&allowed(&[entry]), "https://[::1]/"), Ok(()), "{entry}");
    }
    let list = allowed(&["fd00::*", "FD12:0::5"]);
    for (address, admitted) in [("fd00::7", true), ("fd00::1:2", true), ("fd01::7", false), ("fd12::5", true)]
    {
        assert_eq!(check(&list, &format!("https://[{address}]/")).is_ok(), admitted, "{address}");
    }
}

#[test]
fn plain_http_needs_its_flag() {
    let list = allowed(&["sim.example.com:80"]);
    let error = check(&list, "http://sim.example.com/").unwrap_err();
    assert!(error.to_string().contains("--allow-plain-http"), "{error}");
    assert_eq!(check(&list.with_plain_http(true), "http://sim.example.com/"), Ok(()));
}

#[test]
fn only_scheme_host_port_and_path_may_be_written() {
    let list = allowed(&["*.example.com:8443", "*.example.com"]).with_plain_http(true);
    assert_eq!(check(&list, "https://a.example.com:8443/path"), Ok(()));
    for (url, wrong) in [
        ("ftp://a.example.com/", "scheme"),
        ("https://user@a.example.com/", "user name"),
        ("https://:pass@a.example.com/", "user name"),
        ("https://a.example.com/?x=1", "query"),
        ("https://a.example.com/#x", "fragment"),
        ("data:text", "scheme"),
    ] {
        let error = check(&list, url).unwrap_err().to_string();
        assert!(error.contains(wrong), "{url}: {error}");
        assert!(!error.contains("pass@"), "{error}");
    }
}

#[test]
fn what_is_no_host_pattern_is_refused() {
    for glob in [
        "https://a.example.com",
        "a.example.com:https",
        "a.example.com:0",
        "a.example.com:65536",
        "a.example.com:",
        "",
        "a b",
        "[a",
        "[a]",
        "[::1",
        "[::1]443",
        "a..b",
        ".a",
        "a.",
        "a/b",
        "{a,b}",
        "a@b",
        ":443",
        "温",
    ] {
        let error = AllowedEndpoints::parse(&[glob.to_owned()]).unwrap_err();
        assert_eq!(error, EndpointError::BadGlob { glob: glob.to_owned() });
    }
}

#[test]
fn local_addresses_need_an_entry_of_their_own() {
    let every = allowed(&["*.*.*.*", "*.example.com", "*:*:*", "[*:*]"]);
    for address in [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "fd20:ce::254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::6464:64c8",
        "::1",
        "::",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
    ] {
        let ip: IpAddr = address.parse().unwrap();
        let found = vec![SocketAddr::new(ip, 0)];
        let refused = every.filter("a.example.com", found.clone()).unwrap_err();
        assert_eq!(refused, EndpointError::Address { host: "a.example.com".to_owned(), address: ip });
        let said = refused.to_string();
        assert!(said.contains("--allowed-endpoints") && !said.contains(address), "{said}");
        let literal =
            if ip.is_ipv6() { format!("https://[{address}]/") } else { format!("https://{address}/") };
        assert!(matches!(check(&every, &literal), Err(EndpointError::Address { .. })), "{address}");
        let named = allowed(&["*.example.com", &ip.to_string()]);
        assert_eq!(named.filter("a.example.com", found.clone()), Ok(found), "{address}");
        assert_eq!(check(&named, &literal), Ok(()), "{address}");
    }
}

#[test]
fn private_ranges_are_allowed_for_a_name_that_matched() {
    let list = allowed(&[]);
    for address in [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.100.0.1",
        "fd12::1",
        "203.0.113.7",
        "64:ff9b::cb00:7107",
    ] {
        let found = vec![SocketAddr::new(address.parse().unwrap(), 0)];
        assert_eq!(list.filter("iot-vpc.cn-beijing.aliyuncs.com", found.clone()), Ok(found));
    }
}

#[test]
fn a_refused_address_does_not_take_the_others_with_it() {
    let list = allowed(&[]);
    let good = SocketAddr::new("203.0.113.7".parse().unwrap(), 0);
    let bad = SocketAddr::new("169.254.169.254".parse().unwrap(), 0);
    assert_eq!(list.filter("a.aliyuncs.com", vec![bad, good]), Ok(vec![good]));
    assert!(matches!(list.filter("a.aliyuncs.com", vec![]), Err(EndpointError::NoAddress { .. })));
}

#[tokio::test]
async fn the_resolver_refuses_loopback_and_admits_it_when_named() {
    let name = || "localhost".parse::<Name>().unwrap();
    let refused = GuardedResolver::new(Arc::new(allowed(&["localhost"]))).resolve(name()).await;
    let error = refused.err().unwrap();
    assert!(matches!(error.downcast_ref(), Some(EndpointError::Address { .. })), "{error}");
    let named = allowed(&["localhost", "127.0.0.*", "::1"]);
    let found = GuardedResolver::new(Arc::new(named)).resolve(name()).await.ok().unwrap();
    assert!(found.count() > 0);
}
