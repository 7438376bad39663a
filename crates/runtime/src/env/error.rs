use std::{io, path::PathBuf};

use super::layer::Origin;

/// Why a configuration cannot be used. Every message begins with the variable to change.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// A value that cannot be guessed was not given.
    #[error(
        "{0}: not set, and there is no default; set it, or {0}_FILE to the path of a file that holds it"
    )]
    Missing(String),
    /// A value that is not of the kind the variable wants, or not in its range.
    #[error("{name}: {value} {origin}is not valid: {why}")]
    Invalid {
        /// The variable.
        name: String,
        /// Its value in quotes, or a placeholder where the value may be a secret.
        value: String,
        /// Where it was set, if not in the environment.
        origin: String,
        /// What is wrong with it, or what is expected.
        why: String,
    },
    /// A value given directly and through a file at once.
    #[error("{0}: set together with {0}_FILE; keep one of them")]
    Twice(String),
    /// A variable of ours that is not UTF-8.
    #[error("{0}: the value is not UTF-8")]
    NotUnicode(String),
    /// A file named by a variable that cannot be read.
    #[error("{name}: cannot read `{}`", path.display())]
    Unreadable {
        /// The variable that names the file.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// A configuration file that is not TOML.
    #[error("DARKROOM_CONFIG: `{}` is not TOML: {why}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, on one line.
        why: String,
    },
    /// A key of the configuration file whose value is a list, a table or a date.
    #[error("{name}: in `{}` this is {found}; expected a string, a number or a boolean (lists are comma-separated strings)", path.display())]
    NotScalar {
        /// The key.
        name: String,
        /// The file.
        path: PathBuf,
        /// What stands there instead.
        found: &'static str,
    },
}

impl EnvError {
    /// For a service's own checks: `value` of `name` was parsed, and `why` it still will not do.
    pub fn refused(name: &str, value: &str, why: &str) -> Self {
        Self::invalid(name, value, &Origin::Environment, why)
    }

    pub(super) fn invalid(name: &str, value: &str, origin: &Origin, why: &str) -> Self {
        Self::Invalid {
            name: name.to_owned(),
            value: shown(name, value),
            origin: match origin {
                Origin::Environment => String::new(),
                Origin::File(path) => format!("(from `{}`) ", path.display()),
            },
            why: why.to_owned(),
        }
    }
}

/// The value as an error may show it. A name or a shape that suggests a secret hides it: nobody
/// needs to read a password back to know that it is wrong.
fn shown(name: &str, value: &str) -> String {
    const SECRETIVE: [&str; 5] = ["KEY", "SECRET", "TOKEN", "PASSWORD", "SEED"];
    const LONGEST: usize = 80;

    let secretive = SECRETIVE.iter().any(|word| name.contains(word));
    if secretive || value.contains('@') {
        "the value (not shown)".to_owned()
    } else if value.chars().count() > LONGEST {
        format!("`{}…`", value.chars().take(LONGEST).collect::<String>())
    } else {
        format!("`{value}`")
    }
}

/// What a value of the standard library's types looks like. Their own errors (`invalid digit found
/// in string`) do not say; those of our types do.
pub(super) fn expected(type_name: &str) -> Option<&'static str> {
    Some(match type_name {
        "bool" => "true or false",
        "u16" => "a whole number from 0 to 65535",
        "u8" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i32" | "i64" => "a whole number",
        "f64" => "a number",
        "core::net::socket_addr::SocketAddr" => "an address and a port such as 127.0.0.1:8080",
        "core::net::ip_addr::IpAddr" => "an IP address such as 127.0.0.1",
        "url::Url" => "a URL such as https://example.com",
        _ => return None,
    })
}
