use clap::CommandFactory;

use super::*;

fn run(flags: &[&str]) -> Result<RunArgs, String> {
    let words = ["iot-operator", "run"].iter().chain(flags);
    match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
        Command::Run(args) => Ok(*args),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_flag_has_an_environment_variable_and_help() {
    let cli = Cli::command();
    let run = cli.find_subcommand("run").unwrap();
    let flags: Vec<_> =
        run.get_arguments().filter(|arg| arg.get_id() != "help" && arg.get_id() != "version").collect();
    assert!(flags.len() >= 18, "{}", flags.len());
    for flag in flags {
        let name = flag.get_long().unwrap().replace('-', "_").to_uppercase();
        assert_eq!(flag.get_env().unwrap().to_str().unwrap(), format!("IOT_OPERATOR_{name}"));
        assert!(flag.get_help().is_some(), "{name} has no help");
    }
}

#[test]
fn the_defaults_are_the_documented_ones_and_fit_together() {
    let args = run(&[]).unwrap();
    args.check().unwrap();
    assert!(args.lease.leader_elect && !args.allow_plain_http);
    assert_eq!(args.metrics_addr, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(args.health_addr, "0.0.0.0:8081".parse().unwrap());
    assert_eq!(args.secret_check_interval, Duration::from_hours(1));
    assert_eq!(args.min_resync_interval, Duration::from_secs(30));
    assert_eq!(args.vendor_timeout, Duration::from_secs(15));
    assert_eq!(args.reconcile_timeout, Duration::from_secs(90));
    assert_eq!(args.drain_timeout, Duration::from_secs(25));
    assert_eq!(args.max_concurrent_reconciles, 64);
    assert!(args.watch_namespaces.is_empty() && args.allowed_endpoints.is_empty());
    assert_eq!(args.log.log_format, LogFormat::Json);
    assert_eq!(args.lease.settings().name, "iot-operator");
}

#[test]
fn lists_switches_and_durations() {
    let args = run(&[
        "--watch-namespaces=a,b-2",
        "--leader-elect=false",
        "--allowed-endpoints=*.example.com,127.0.0.1,::1,[::1]:8443,fd00::*",
        "--allow-plain-http",
        "--secret-check-interval=1h30m",
        "--lease-namespace=iot",
        "--log-format=human",
        "--metrics-addr=[::]:9090",
        "--health-addr=[::1]:9091",
    ]);
    let args = args.unwrap();
    assert_eq!(args.watch_namespaces, ["a", "b-2"]);
    assert_eq!(args.allowed_endpoints, ["*.example.com", "127.0.0.1", "::1", "[::1]:8443", "fd00::*"]);
    assert!(!args.lease.leader_elect && args.allow_plain_http);
    assert_eq!(args.secret_check_interval, Duration::from_mins(90));
    assert_eq!(args.lease.settings().namespace, "iot");
    assert!(args.metrics_addr.is_ipv6() && args.health_addr.ip().is_loopback());
    assert!(run(&["--leader-elect"]).unwrap().lease.leader_elect);
    assert_eq!(run(&["--secret-check-interval=0s"]).unwrap().secret_check_interval, Duration::ZERO);
}

#[test]
fn mistakes_are_answered_with_what_to_write() {
    let mistakes = [
        ("--vendor-timeout=20", "such as 30s"),
        ("--vendor-timeout=-20s", "such as 30s"),
        ("--vendor-timeout=0s", "longer than 0s"),
        ("--min-resync-interval=0s", "longer than 0s"),
        ("--watch-namespaces=a, b", "separated by commas"),
        ("--allowed-endpoints=https://x", "without scheme"),
        ("--allowed-endpoints=[", "globs"),
        ("--max-concurrent-reconciles=0", "1.."),
        ("--owner-id=", "value"),
    ];
    for (flag, hint) in mistakes {
        let error = run(&[flag]).unwrap_err();
        assert!(error.contains(hint), "{flag}: {error}");
    }
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let check = |flags: &[&str]| run(flags).unwrap().check().map_err(|error| error.to_string());
    // 15 s of the call, 5 s to the next renewal, 1 s of the lease's and 2 s of the fence's margin.
    assert!(check(&["--lease-duration=23s"]).unwrap_err().contains("24s"));
    check(&["--lease-duration=24s"]).unwrap();
    check(&["--lease-duration=23s", "--leader-elect=false"]).unwrap();
    assert!(check(&["--lease-renew-interval=20s"]).unwrap_err().contains("renew"));
    assert!(check(&["--reconcile-timeout=15s"]).unwrap_err().contains("longer than --vendor-timeout"));
}

#[test]
fn crd_goes_to_standard_output_or_a_directory() {
    let dir = |words: &[&str]| match Cli::try_parse_from(words).unwrap().command {
        Command::Crd(args) => args.dir,
        other => panic!("{other:?}"),
    };
    assert_eq!(dir(&["iot-operator", "crd"]), None);
    assert_eq!(dir(&["iot-operator", "crd", "--dir", "crds"]), Some("crds".into()));
}

#[test]
fn everything_is_let_go_only_when_that_is_written() {
    let release = |flags: &[&str]| {
        let words = ["iot-operator", "release"].iter().chain(flags);
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Release(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    };
    let error: String = release(&["--force"]).unwrap_err();
    assert!(error.contains("--all"), "{error}");
    let args = release(&["--all", "--watch-namespaces", "a,b"]).unwrap();
    assert_eq!(
        (args.watch_namespaces, args.force, args.lease_name.as_str()),
        (vec!["a".into(), "b".into()], false, "iot-operator")
    );
}
