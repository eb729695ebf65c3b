//! The binary: its ready line, its control paths, and that it ends with its parent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use s3_testserver::memory::Counters;

fn start(arguments: &[&str]) -> (Child, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_s3-testserver"))
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("ready http://").unwrap();
    (server, address.to_owned())
}

fn ask(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn a_server_ends_when_its_stdin_closes() {
    let dir = std::env::temp_dir();
    for arguments in [&["memory"][..], &["fs", dir.to_str().unwrap()]] {
        let (mut server, address) = start(arguments);
        TcpStream::connect(&address).unwrap();
        drop(server.stdin.take());
        assert!(server.wait().unwrap().success());
        TcpStream::connect(&address).unwrap_err();
    }
}

#[test]
fn another_process_plays_a_script_and_reads_the_counters() {
    let (mut server, address) = start(&["memory", "--bucket", "bucket"]);
    let script = r#"{"rules":[{"kind":"get","which":"all","fault":{"error":"SlowDown"}}]}"#;
    let head = "Host: test\r\nConnection: close";
    let length = script.len();
    let (status, _) = ask(
        &address,
        &format!("PUT /-/script HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{script}"),
    );
    assert!(status.starts_with("HTTP/1.1 204"), "{status}");
    let (status, _) = ask(
        &address,
        &format!("GET /bucket/key HTTP/1.1\r\n{head}\r\n\r\n"),
    );
    assert!(status.starts_with("HTTP/1.1 503"), "{status}");
    let (_, body) = ask(
        &address,
        &format!("GET /-/counters HTTP/1.1\r\n{head}\r\n\r\n"),
    );
    let counters: Counters = serde_json::from_str(&body).unwrap();
    assert_eq!((counters.total(), counters.faults), (1, 1));
    assert_eq!(counters.answers[&503], 1);
    drop(server.stdin.take());
    server.wait().unwrap();
}
