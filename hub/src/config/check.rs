//! What a strict parse cannot see: names that do not exist, grants that are missing, secrets that
//! are literals.
use super::{Config, Loaded};
use hub_schemas::events::rules::{ConnectionFacts, RuleSet};
use hub_schemas::manifest::Manifest;
use std::collections::{BTreeMap, BTreeSet};

/// The longest retention, in days.
const DAYS_MAX: u32 = 36_500;

/// Something wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, such as `route[0].use.connections[1]`.
    pub place: String,
    /// What, and what to do.
    pub message: String,
}

impl Problem {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    /// `hub.toml:12: route[0].use: …`
    pub fn shown(&self, loaded: &Loaded) -> String {
        let file = loaded.path.display();
        match loaded.line_of(&self.place) {
            Some(line) => format!("{file}:{line}: {}: {}", self.place, self.message),
            None => format!("{file}: {}: {}", self.place, self.message),
        }
    }
}

/// What can be checked without loading a connector.
pub fn check(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    for (i, connection) in config.connection.iter().enumerate() {
        let place = format!("connection[{i}]");
        if !ids.insert(connection.id.as_str()) {
            problems.push(Problem::new(
                format!("{place}.id"),
                format!("{} is used twice; every connection needs an id of its own", connection.id),
            ));
        }
        for (name, references) in &connection.secrets {
            for reference in references.all() {
                if let Err(error) = crate::vault::check_reference(reference) {
                    problems
                        .push(Problem::new(format!("{place}.secrets.{name}"), error.to_string()));
                }
            }
            if references.all().is_empty() {
                problems.push(Problem::new(
                    format!("{place}.secrets.{name}"),
                    "the list is empty; name at least one env: or file: reference",
                ));
            }
        }
        for (j, host) in connection.grants.hosts.iter().enumerate() {
            if let Err(error) = crate::egress::Origin::parse(host) {
                problems
                    .push(Problem::new(format!("{place}.grants.hosts[{j}]"), error.to_string()));
            }
        }
    }
    for (i, token) in config.token.iter().enumerate() {
        if let Err(error) = crate::vault::check_reference(&token.token) {
            problems.push(Problem::new(format!("token[{i}].token"), error.to_string()));
        }
    }
    if config.log.dedup_days < 30 {
        problems.push(Problem::new(
            "log.dedup_days",
            "at least 30: vendors send an event again for days, and when asked to by hand later",
        ));
    }
    if config.log.dedup_days > DAYS_MAX || config.log.delivery_days > DAYS_MAX {
        let message = format!("dedup_days and delivery_days are at most {DAYS_MAX}, a century");
        problems.push(Problem::new("log", message));
    }
    if config.log.delivery_days == 0 || config.log.checkpoint_every_s == 0 {
        problems.push(Problem::new("log", "delivery_days and checkpoint_every_s are at least 1"));
    }
    let loopback = config.server.listen.rsplit_once(':').and_then(|(host, _)| {
        if host == "localhost" {
            return Some(true);
        }
        host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok().map(|a| a.is_loopback())
    });
    match loopback {
        None => problems.push(Problem::new(
            "server.listen",
            format!(
                "{:?} is not an address and port, such as 127.0.0.1:8080",
                config.server.listen
            ),
        )),
        Some(false) if config.token.is_empty() => problems.push(Problem::new(
            "server.listen",
            format!(
                "{} is reachable from other machines, and no [[token]] guards the API; add one, \
                 or listen on 127.0.0.1",
                config.server.listen
            ),
        )),
        Some(_) => {}
    }
    for (name, value) in [
        ("server.body_bytes_max", config.server.body_bytes_max as u64),
        ("server.hooks_at_once_max", config.server.hooks_at_once_max as u64),
        ("dispatch.attempts_max", u64::from(config.dispatch.attempts_max)),
        ("dispatch.at_once_max", config.dispatch.at_once_max as u64),
        ("dispatch.request_timeout_ms", config.dispatch.request_timeout_ms),
        ("dispatch.circuit_failures", u64::from(config.dispatch.circuit_failures)),
    ] {
        if value == 0 {
            problems.push(Problem::new(name, "0 would stop everything; use at least 1"));
        }
    }
    problems
}

/// What can be checked once the connectors say what they are: settings, secrets, grants, and the
/// rules that name connections.
pub fn check_with_manifests(
    config: &Config,
    connectors: &BTreeMap<String, (Manifest, Vec<String>)>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (i, connection) in config.connection.iter().enumerate() {
        let place = format!("connection[{i}]");
        let Some((manifest, _)) = connectors.get(connection.id.as_str()) else { continue };
        let settings = settings_json(&connection.settings);
        match jsonschema::validator_for(&manifest.settings_schema) {
            Ok(validator) => problems.extend(validator.iter_errors(&settings).map(|error| {
                let at = error.instance_path().to_string().replace('/', ".");
                Problem::new(format!("{place}.settings{at}"), error.to_string())
            })),
            Err(error) => problems.push(Problem::new(
                format!("{place}.plugin"),
                format!("connector {} has a settings schema that is none: {error}", manifest.name),
            )),
        }
        for secret in manifest.secrets.iter().filter(|s| s.required) {
            if !connection.secrets.contains_key(&secret.name) {
                problems.push(Problem::new(
                    format!("{place}.secrets"),
                    format!(
                        "{} is missing ({}); add {} = \"env:…\" or \"file:…\"",
                        secret.name, secret.about, secret.name
                    ),
                ));
            }
        }
        for name in connection.secrets.keys() {
            if !manifest.secrets.iter().any(|s| &s.name == name) {
                problems.push(Problem::new(
                    format!("{place}.secrets.{name}"),
                    format!("connector {} names no such secret", manifest.name),
                ));
            }
        }
        let granted: Vec<_> = connection
            .grants
            .hosts
            .iter()
            .filter_map(|h| crate::egress::Origin::parse(h).ok())
            .collect();
        for wanted in &manifest.hosts {
            match crate::egress::wanted_origin(wanted, &settings) {
                Ok(origin) if granted.contains(&origin) => {}
                Ok(origin) => problems.push(Problem::new(
                    format!("{place}.grants"),
                    format!(
                        "connector {} asks for {origin}; if you agree, add it to grants.hosts",
                        manifest.name
                    ),
                )),
                Err(error) => {
                    problems.push(Problem::new(format!("{place}.settings"), error.to_string()));
                }
            }
        }
    }
    let rules = rule_set(config, connectors);
    problems.extend(
        hub_domain::rules::check(&rules)
            .into_iter()
            .map(|problem| Problem::new(problem.path, problem.message)),
    );
    problems
}

/// The rules that the deciders get, with what they need to know of each connection.
pub fn rule_set(
    config: &Config,
    connectors: &BTreeMap<String, (Manifest, Vec<String>)>,
) -> RuleSet {
    let connections = config
        .connection
        .iter()
        .filter_map(|connection| {
            let (manifest, capabilities) = connectors.get(connection.id.as_str())?;
            Some(ConnectionFacts {
                id: connection.id.clone(),
                kind: manifest.kind,
                entity: connection.entity.clone(),
                capabilities: capabilities.clone(),
                countries: manifest.countries.clone(),
                currencies: manifest.currencies.clone(),
                methods: manifest.methods.clone(),
            })
        })
        .collect();
    RuleSet {
        connections,
        kyc: config.kyc.clone(),
        routes: config.route.clone(),
        provisioning: config.provisioning.clone(),
        programmes: config.programme.clone(),
    }
}

/// Settings as JSON, as connectors get them.
pub fn settings_json(settings: &toml::Table) -> serde_json::Value {
    serde_json::to_value(settings).unwrap_or_else(|_| serde_json::json!({}))
}
