//! The way through a proxy: as the config says, or the environment.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::host::{Ends, Host, TIMESTAMP, assert_tells};
use crate::store::Store;

/// `me:p@ss` as the header has it.
const AUTHORIZATION: &str = "Basic bWU6cEBzcw==";

/// A proxy that forwards http and tunnels https, for those who know user and password.
struct Proxy {
    address: String,
    /// The first line of each connection that was let through.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::default();
        let proxy = Self { address, seen };
        let seen = proxy.seen.clone();
        // It ends with the process of the tests, and so do its connections.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), seen.clone());
                // A client or store that goes away is no concern of a proxy.
                thread::spawn(move || converse(stream, &seen).ok());
            }
        });
        proxy
    }

    fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.address)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn converse(client: TcpStream, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let first = head.lines().next().unwrap_or_default().to_owned();
    let known = head.lines().any(|line| {
        let field = line.split_once(": ");
        field.is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization") && value == AUTHORIZATION
        })
    });
    let mut client_out = client.try_clone()?;
    if !known {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        return client_out.write_all(refusal.as_bytes());
    }
    seen.lock().unwrap().push(first.clone());
    let mut words = first.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let host = target
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap_or_default();
    let mut server = TcpStream::connect(host)?;
    if method == "CONNECT" {
        client_out.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    } else {
        server.write_all(head.as_bytes())?;
    }
    let mut server_in = server.try_clone()?;
    thread::spawn(move || io::copy(&mut server_in, &mut client_out).ok());
    io::copy(&mut reader.by_ref(), &mut server)?;
    server.shutdown(std::net::Shutdown::Write)
}

/// Stores and restores something with these environment variables.
fn round_trip(host: &Host, url: &str, options: &[(&str, &str)], environment: &[(&str, &str)]) {
    let config = host.config(url, options);
    let path = host.backup_path("gpbackup_0_20261122055910_16385.gz");
    let plugin = |command| {
        let mut plugin = host.plugin(command, &config);
        plugin.arg(&path).envs(environment.iter().copied());
        plugin
    };
    plugin("backup_data").write_stdin("12345").succeeds();
    assert_eq!(plugin("restore_data").succeeds(), b"12345");
}

#[test]
fn plain_http_is_forwarded() {
    let (host, store, proxy) = (Host::new(), Store::start(), Proxy::start());
    let url = proxy.url("me:p%40ss@");
    round_trip(&host, store.url(), &[("http_proxy", &url)], &[]);
    let seen = proxy.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(
        seen[0].starts_with(&format!("PUT {}/bucket/test/wrap/", store.url())),
        "{seen:?}"
    );
}

#[test]
fn https_is_tunnelled() {
    let (host, proxy) = (Host::new(), Proxy::start());
    let (store, ca) = Store::with_tls(&host);
    let url = proxy.url("me:p%40ss@");
    round_trip(
        &host,
        store.url(),
        &[("http_proxy", &url), ("ca_file", &ca)],
        &[],
    );
    let expected = format!("CONNECT {} HTTP/1.1", store.address());
    assert_eq!(proxy.seen(), [expected.clone(), expected]);
}

#[test]
fn the_environment_counts_where_the_config_names_no_proxy() {
    let (host, proxy) = (Host::new(), Proxy::start());
    let (store, ca) = Store::with_tls(&host);
    let (url, ca) = (proxy.url("me:p%40ss@"), [("ca_file", ca.as_str())]);
    let elsewhere = store.url().replace("127.0.0.1", "0.0.0.0");
    for (variable, connections) in [("HTTPS_PROXY", 2), ("https_proxy", 4), ("HTTP_PROXY", 4)] {
        round_trip(&host, &elsewhere, &ca, &[(variable, &url)]);
        assert_eq!(proxy.seen().len(), connections, "{variable}");
    }
    round_trip(
        &host,
        &elsewhere,
        &ca,
        &[("HTTPS_PROXY", &url), ("NO_PROXY", "example.com,0.0.0.0")],
    );
    assert_eq!(proxy.seen().len(), 4, "NO_PROXY");
    let localhost = store.url().replace("127.0.0.1", "localhost");
    for loopback in [store.url(), &localhost] {
        round_trip(&host, loopback, &ca, &[("HTTPS_PROXY", &url)]);
        assert_eq!(proxy.seen().len(), 4, "{loopback}");
    }
}

#[test]
fn the_config_wins_over_the_environment() {
    let (host, store, proxy) = (Host::new(), Store::start(), Proxy::start());
    let url = proxy.url("me:p%40ss@");
    let environment = [("HTTP_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "*")];
    round_trip(&host, store.url(), &[("http_proxy", &url)], &environment);
    assert_eq!(proxy.seen().len(), 2);
}

#[test]
fn a_proxy_that_refuses_is_told() {
    let (host, proxy) = (Host::new(), Proxy::start());
    let plain = Store::start();
    let (tls, ca) = Store::with_tls(&host);
    let url = proxy.url("me:wrong@");
    for (store, ca) in [(plain, ""), (tls, &*ca)] {
        let config = host.config(store.url(), &[("http_proxy", &url), ("ca_file", ca)]);
        let mut setup = host.plugin("setup_plugin_for_restore", &config);
        let directory = host.backup_directory(TIMESTAMP);
        let told = setup.arg(directory).args(["master", "-1"]).fails();
        assert_tells(&told, &["the proxy refuses", "check 'http_proxy'"]);
        assert!(!told.contains("wrong"), "{told}");
    }
}
