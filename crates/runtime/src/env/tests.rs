use std::{fs, net::SocketAddr, time::Duration};

use super::{Env, layer::Layer};

fn message<T>(outcome: Result<T, super::EnvError>) -> String {
    outcome
        .err()
        .map_or_else(String::new, |err| err.to_string())
}

#[test]
fn values_are_parsed_and_defaults_fill_in() -> anyhow::Result<()> {
    let env = Env::from_pairs([("PORT", "8080"), ("ITEMS", "a, b,,c "), ("EMPTY", "")]);
    assert_eq!(env.required::<u16>("PORT")?, 8080);
    assert_eq!(env.or("OTHER", 9u16)?, 9);
    assert_eq!(env.optional::<u16>("EMPTY")?, None);
    assert_eq!(env.list::<String>("ITEMS")?, ["a", "b", "c"]);
    assert_eq!(env.raw("PORT").as_deref(), Some("8080"));
    Ok(())
}

#[test]
fn errors_name_the_variable_and_what_is_expected() {
    let env = Env::from_pairs([("DARKROOM_LISTEN", "8080"), ("N", "-1")]);
    assert_eq!(
        message(env.required::<SocketAddr>("DARKROOM_LISTEN")),
        "DARKROOM_LISTEN: `8080` is not valid: expected an address and a port such as 127.0.0.1:8080"
    );
    assert_eq!(
        message(env.required::<u64>("N")),
        "N: `-1` is not valid: expected a whole number, not negative"
    );
    assert!(message(env.required::<u64>("M")).starts_with("M: not set"));
}

#[test]
fn errors_do_not_repeat_what_may_be_a_secret() {
    let env = Env::from_pairs([("API_KEY", "hunter2"), ("URL", "pg//me:hunter2@host")]);
    assert!(!message(env.required::<u64>("API_KEY")).contains("hunter2"));
    assert!(!message(env.required::<u64>("URL")).contains("hunter2"));
    assert!(!format!("{env:?}").contains("hunter2"));
}

#[test]
fn durations_need_a_unit() -> anyhow::Result<()> {
    let pairs = [
        ("A", "250ms"),
        ("B", "10m"),
        ("C", "24h"),
        ("D", "1h 30m"),
        ("E", "30"),
        ("F", "-3s"),
    ];
    let env = Env::from_pairs(pairs);
    let get = |name| env.duration(name, Duration::from_secs(7));
    assert_eq!(get("A")?, Duration::from_millis(250));
    assert_eq!(get("B")?, Duration::from_secs(600));
    assert_eq!(get("C")?, Duration::from_secs(86_400));
    assert_eq!(get("D")?, Duration::from_secs(5_400));
    assert_eq!(get("NOT_SET")?, Duration::from_secs(7));
    assert!(message(get("E")).contains("such as 250ms"));
    assert!(message(get("F")).contains("such as 250ms"));
    Ok(())
}

#[test]
fn a_value_may_come_from_a_file_but_not_twice() -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), "hunter2\n")?;
    let path = file.path().display().to_string();

    let env = Env::from_pairs([("KEY_FILE", path.as_str())]);
    let secret = env.secret("KEY")?;
    assert_eq!(
        secret.as_ref().map(|secret| secret.expose()),
        Some("hunter2")
    );

    let env = Env::from_pairs([("KEY", "x"), ("KEY_FILE", path.as_str())]);
    assert_eq!(
        message(env.secret("KEY")),
        "KEY: set together with KEY_FILE; keep one of them"
    );

    let env = Env::from_pairs([("KEY_FILE", "/nowhere/at/all")]);
    assert_eq!(
        message(env.secret("KEY")),
        "KEY_FILE: cannot read `/nowhere/at/all`"
    );
    Ok(())
}

#[test]
fn the_environment_wins_over_the_file() -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(
        file.path(),
        "A = \"file\"\nB = 7\nC = true\nD_FILE = \"/nowhere\"\n",
    )?;
    let env = Env {
        layers: [
            Layer::of_pairs([("A", "environment"), ("D", "here")]),
            Layer::of_file(&file.path().display().to_string())?,
        ]
        .into(),
    };
    assert_eq!(env.required::<String>("A")?, "environment");
    assert_eq!(env.required::<u64>("B")?, 7);
    assert!(env.required::<bool>("C")?);
    assert_eq!(env.required::<String>("D")?, "here");

    let env = env.with([("B", "8")]);
    assert_eq!(env.required::<u64>("B")?, 8);
    Ok(())
}

#[test]
fn the_file_holds_scalars_only() -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    let path = file.path().display().to_string();

    fs::write(file.path(), "A = [1, 2]\n")?;
    assert!(message(Layer::of_file(&path)).contains("A: in `"));
    assert!(message(Layer::of_file(&path)).contains("this is a list"));

    fs::write(file.path(), "KEY = hunter2\n")?;
    let said = message(Layer::of_file(&path));
    assert!(said.contains("is not TOML"), "{said}");
    assert!(!said.contains('\n') && !said.contains("hunter2"), "{said}");
    Ok(())
}
