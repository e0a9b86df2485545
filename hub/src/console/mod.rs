//! The ops team's page: a few files built into the program, no script from elsewhere.
use crate::app::Hub;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// Events come from vendors and hold what clients typed: nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every answer carries. A new program brings new files, so a browser asks each time.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Every file below `/assets/`: its name, its content type, its text.
const ASSETS: &[(&str, &str, &str)] = &[
    ("style.css", STYLE, include_str!("assets/style.css")),
    ("address.js", SCRIPT, include_str!("assets/address.js")),
    ("api.js", SCRIPT, include_str!("assets/api.js")),
    ("app.js", SCRIPT, include_str!("assets/app.js")),
    ("chips.js", SCRIPT, include_str!("assets/chips.js")),
    ("confirm.js", SCRIPT, include_str!("assets/confirm.js")),
    ("delivery.js", SCRIPT, include_str!("assets/delivery.js")),
    ("event.js", SCRIPT, include_str!("assets/event.js")),
    ("filters.js", SCRIPT, include_str!("assets/filters.js")),
    ("log.js", SCRIPT, include_str!("assets/log.js")),
    ("page.js", SCRIPT, include_str!("assets/page.js")),
    ("parts.js", SCRIPT, include_str!("assets/parts.js")),
    ("quarantine.js", SCRIPT, include_str!("assets/quarantine.js")),
    ("routes.js", SCRIPT, include_str!("assets/routes.js")),
    ("sentences.js", SCRIPT, include_str!("assets/sentences.js")),
    ("sse.js", SCRIPT, include_str!("assets/sse.js")),
    ("stream.js", SCRIPT, include_str!("assets/stream.js")),
    ("strip.js", SCRIPT, include_str!("assets/strip.js")),
    ("token.js", SCRIPT, include_str!("assets/token.js")),
];

fn file(kind: &'static str, text: &'static str) -> Response {
    (HEADERS, [(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn page() -> Response {
    file(HTML, include_str!("assets/index.html"))
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, text)) => file(kind, text),
        None => (StatusCode::NOT_FOUND, HEADERS, "the console has no such file\n").into_response(),
    }
}

/// Browsers ask for it unasked: there is none, which is no error.
async fn no_icon() -> Response {
    (StatusCode::NO_CONTENT, HEADERS).into_response()
}

/// The page and its files.
pub fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/", get(page))
        .route("/favicon.ico", get(no_icon))
        .route("/assets/{name}", get(asset))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer_to(name: &str) -> Response {
        asset(Path(name.to_owned())).await
    }

    fn assert_guarded(answer: &Response) {
        for (name, value) in HEADERS {
            assert_eq!(
                answer.headers().get_all(&name).iter().collect::<Vec<_>>(),
                [value],
                "{name}"
            );
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/console/assets");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of the assets")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .filter(|name| name != "index.html")
            .collect();
        let mut served: Vec<&str> = ASSETS.iter().map(|(name, _, _)| *name).collect();
        there.sort();
        served.sort();
        assert_eq!(served, there);
    }

    #[tokio::test]
    async fn what_the_page_and_its_scripts_load_is_there() {
        let page = include_str!("assets/index.html");
        let mut wanted: Vec<&str> = page.split("\"/assets/").skip(1).collect();
        for (_, _, text) in ASSETS {
            wanted.extend(text.split(" from \"./").skip(1));
        }
        assert!(wanted.len() > ASSETS.len(), "the imports are found");
        for rest in wanted {
            let name = rest.split('"').next().expect("the first part");
            assert_eq!(answer_to(name).await.status(), StatusCode::OK, "{name}");
        }
    }

    #[tokio::test]
    async fn a_file_has_its_type_and_the_policy() {
        for (name, kind) in [("app.js", SCRIPT), ("style.css", STYLE)] {
            let answer = answer_to(name).await;
            assert_eq!(answer.headers().get_all(header::CONTENT_TYPE).iter().count(), 1, "{name}");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], kind, "{name}");
            assert_guarded(&answer);
        }
        assert_guarded(&page().await);
    }

    #[tokio::test]
    async fn other_names_are_not_found() {
        for name in ["", "index.html", "../mod.rs", "APP.JS", "app.js/", "app.js\0"] {
            let answer = answer_to(name).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{name:?}");
            assert_guarded(&answer);
        }
    }

    #[tokio::test]
    async fn the_icon_is_nothing_and_no_error() {
        let answer = no_icon().await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_guarded(&answer);
    }
}
