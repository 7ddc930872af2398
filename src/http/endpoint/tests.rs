use super::*;

fn allowed(globs: &[&str]) -> AllowedEndpoints {
    let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
    AllowedEndpoints::parse(&globs).unwrap()
}

fn check(list: &AllowedEndpoints, url: &str) -> Result<(), EndpointError> {
    list.check(&Url::parse(url).unwrap())
}

#[test]
fn the_vendors_own_hosts_are_allowed_by_default() {
    let list = allowed(&[]);
    for host in [
        "iotcloud.tencentcloudapi.com",
        "iotcloud.intl.tencentcloudapi.com",
        "iotcloud.ap-guangzhou.tencentcloudapi.com",
        "iotcloud.api.qcloud.com",
        "iot.cn-shanghai.aliyuncs.com",
        "roma.cn-north-4.myhuaweicloud.com",
        "IAM.myhuaweicloud.com",
    ] {
        assert_eq!(check(&list, &format!("https://{host}/")), Ok(()), "{host}");
    }
}

#[test]
fn other_hosts_are_refused_and_the_flag_is_named() {
    let list = allowed(&[]);
    for host in [
        "example.com",
        "tencentcloudapi.com.example.com",
        "eviltencentcloudapi.com",
        "tencentcloudapi.com",
        "iotcloud.tencentcloudapi.com.",
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
fn plain_http_needs_its_flag() {
    let list = allowed(&["sim.example.com"]);
    let error = check(&list, "http://sim.example.com/").unwrap_err();
    assert!(error.to_string().contains("--allow-plain-http"), "{error}");
    assert_eq!(check(&list.with_plain_http(true), "http://sim.example.com/"), Ok(()));
}

#[test]
fn only_scheme_host_port_and_path_may_be_written() {
    let list = allowed(&["*.example.com"]).with_plain_http(true);
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
fn patterns_with_scheme_or_port_are_refused() {
    for glob in ["https://a.example.com", "a.example.com:443", "", "a b", "[a"] {
        let error = AllowedEndpoints::parse(&[glob.to_owned()]).unwrap_err();
        assert_eq!(error, EndpointError::BadGlob { glob: glob.to_owned() });
    }
}

#[test]
fn local_addresses_need_an_entry_of_their_own() {
    let every = allowed(&["*"]);
    for address in [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
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
        assert!(refused.to_string().contains("--allowed-endpoints"));
        let literal =
            if ip.is_ipv6() { format!("https://[{address}]/") } else { format!("https://{address}/") };
        assert!(matches!(check(&every, &literal), Err(EndpointError::Address { .. })), "{address}");
        let named = allowed(&["*", &ip.to_string()]);
        assert_eq!(named.filter("a.example.com", found.clone()), Ok(found), "{address}");
        assert_eq!(check(&named, &literal), Ok(()), "{address}");
    }
}

#[test]
fn private_ranges_are_allowed_for_a_name_that_matched() {
    let list = allowed(&[]);
    for address in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.100.0.1", "fd12::1", "203.0.113.7"] {
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
