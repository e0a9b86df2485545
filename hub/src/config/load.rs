//! From a file and the environment to a [`Config`].
use super::Config;
use std::path::{Path, PathBuf};

/// Prefix of environment variables that override a setting: `HUB__SERVER__LISTEN`.
const ENV_PREFIX: &str = "HUB";
/// Between the parts of such a name.
const ENV_SEPARATOR: &str = "__";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}; `hub init` writes one, `--config FILE` names another", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what a `hub.toml` may be. The message shows line and column.
    #[error("{path}: {message}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
    /// An environment variable overrides with something that does not fit.
    #[error(
        "the environment overrides hub.toml with something that does not fit: {0}; \
         look at the variables that begin with HUB__"
    )]
    Environment(config::ConfigError),
}

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// The file.
    pub path: PathBuf,
    /// The file's text, for messages that name a line.
    pub text: String,
}

impl Loaded {
    /// The folder that relative paths start from.
    pub fn base(&self) -> &Path {
        self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The line, from 1, of a place such as `route[0].use.connections[1]`, or of the nearest
    /// thing around it that the file has.
    pub fn line_of(&self, place: &str) -> Option<usize> {
        let document = toml_edit::Document::parse(self.text.as_str()).ok()?;
        let mut item = document.as_item();
        let mut at = item.span();
        for step in place.split(['.', '[']).map(|s| s.trim_end_matches(']')) {
            let next = match step.parse::<usize>() {
                Ok(index) => match item {
                    toml_edit::Item::ArrayOfTables(tables) => {
                        if let Some(table) = tables.get(index) {
                            at = table.span().or(at);
                        }
                        // A table of an array is not an item: go on by its keys below.
                        item.get(index)
                    }
                    _ => item.get(index),
                },
                Err(_) => item.get(step),
            };
            let Some(next) = next else { break };
            item = next;
            at = item.span().or(at);
        }
        let start = at?.start;
        Some(self.text.get(..start)?.matches('\n').count() + 1)
    }
}

/// Reads the file, lays the environment over it, and takes both strictly.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let mut loaded = from_text(path, text)?;
    let prefix = format!("{ENV_PREFIX}{ENV_SEPARATOR}");
    if std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with(&prefix)) {
        loaded.config = with_environment(&loaded.text).map_err(ConfigError::Environment)?;
    }
    Ok(loaded)
}

/// Takes a text as the content of `path`, strictly, with no environment.
pub fn from_text(path: &Path, text: String) -> Result<Loaded, ConfigError> {
    let config = toml::from_str(&text)
        .map_err(|error| ConfigError::File { path: path.to_owned(), message: error.to_string() })?;
    Ok(Loaded { config, path: path.to_owned(), text })
}

fn with_environment(text: &str) -> Result<Config, config::ConfigError> {
    config::Config::builder()
        .add_source(config::File::from_str(text, config::FileFormat::Toml))
        .add_source(
            config::Environment::with_prefix(ENV_PREFIX)
                .prefix_separator(ENV_SEPARATOR)
                .separator(ENV_SEPARATOR)
                .try_parsing(true),
        )
        .build()?
        .try_deserialize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<Loaded, ConfigError> {
        from_text(Path::new("hub.toml"), text.to_owned())
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = take("[server]\nlisten = \"127.0.0.1:1\"\nlisten_on = 3\n").unwrap_err();
        let message = error.to_string();
        assert!(message.contains("listen_on") && message.contains("line 3"), "{message}");
    }

    #[test]
    fn places_are_found_in_the_file() {
        let text = "[log]\ndir = \"x\"\n\n[[route]]\nname = \"a\"\nuse = { strategy = \"ordered\", \
                    connections = [] }\n\n[[route]]\nname = \"b\"\nuse = { strategy = \"ordered\", \
                    connections = [\"p\"] }\n";
        let loaded = take(text).unwrap();
        assert_eq!(loaded.line_of("log.dir"), Some(2));
        assert_eq!(loaded.line_of("route[1].name"), Some(9));
        assert_eq!(loaded.line_of("route[1].use.connections[0]"), Some(10));
    }
}
