//! The published table is that of the declared options.

#[test]
fn options_md_is_what_the_options_declare() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/OPTIONS.md");
    let expected = plugin_config::options_table();
    if std::env::var_os("UPDATE_OPTIONS_MD").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        published, expected,
        "run this test with UPDATE_OPTIONS_MD=1 to renew OPTIONS.md"
    );
}
