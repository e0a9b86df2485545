//! What `hub init` writes.

/// A `hub.toml` with nothing switched on and every part explained.
pub const HUB_TOML: &str = r#"# Configuration of the hub. `hub check` says whether it holds, naming file, line and remedy.
# Any value can be overridden by an environment variable: HUB__SERVER__LISTEN=127.0.0.1:9000
# A secret is always a reference (env:NAME or file:PATH), never a literal.

[server]
listen = "127.0.0.1:8080"      # with no [[token]] the hub listens on loopback only

[log]
dir = "data"                   # the event log; relative to this file
delivery_days = 90             # raw deliveries that belong to no known client go after so long

[vault]
key_file = "hub.key"           # the master key: back it up, and keep it apart from the data

# [[token]]                    # who may use the API from elsewhere
# name  = "back-office"
# token = "env:HUB_TOKEN"

# A payment provider. `hub plugin list` shows the bundled connectors, and
# `hub plugin inspect stripe` its settings, secrets and hosts.
#
# [[connection]]
# id       = "stripe-eu"
# plugin   = "stripe"          # a bundled connector, or a path to a .wasm component
# entity   = "acme-eu"
# settings = { api_base = "https://api.stripe.com" }
# secrets  = { webhook_secret = "env:STRIPE_WEBHOOK_SECRET", api_key = "env:STRIPE_API_KEY" }
# grants   = { hosts = ["https://api.stripe.com"] }
#
# [[route]]                    # first match wins; one decision per payment
# name = "eu-cards"
# when = { kind = "deposit", entity = "acme-eu", method = "card", country = ["DE", "FR"], amount = { max = "5000", currency = "EUR" } }
# use  = { strategy = "ordered", connections = ["stripe-eu"] }
# fallback = { attempts_max = 2, within = "30s" }
#
# [[kyc]]                      # who is verified where
# name = "eu"
# when = { entity = "acme-eu" }
# connection = "sumsub"
# level = "basic-kyc-level"
# at_registration = true
#
# [[provisioning]]             # who gets which trading account; every match opens one
# name = "eu-retail"
# on   = "kyc.approved"
# when = { entity = "acme-eu" }
# account = { connection = "mt5-live", group = "real\\EU\\EUR-STD", currency = "EUR", leverage = 30 }
#
# [[programme]]                # a prop firm's evaluation
# id = "100k-two-step"
# currency = "USD"
# initial_balance = "100000"
# day = { reset = "00:00", zone = "Europe/Prague" }
# [[programme.phase]]
# name = "challenge"
# rules = [
#   { rule = "daily-loss", anchor = "balance", allowance = { of = "initial", share = "0.05" }, compare = "equity", on_breach = "close-and-disable" },
#   { rule = "max-loss", mode = "static", allowance = { of = "initial", share = "0.10" } },
# ]
"#;
