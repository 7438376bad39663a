use runtime::{Env, EnvError};

/// What the service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bus.
    pub bus: bus::Config,
    /// The database, as [`history::History::open`] takes it.
    pub database: String,
}

impl Config {
    /// Reads `DARKROOM_DATABASE_URL`, `…_DATA_DIR` and what [`bus::Config`] reads.
    ///
    /// # Errors
    ///
    /// A value that makes no sense, by the name of its variable.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let folder: String = env.or("DARKROOM_DATA_DIR", "./darkroom-data".to_owned())?;
        let default = format!("sqlite://{folder}/history.db");
        Ok(Self {
            bus: bus::Config::from_env(env, "historian")?,
            database: env.or("DARKROOM_DATABASE_URL", default)?,
        })
    }
}
