//! The ops team's page: three files, no script from elsewhere.
use crate::app::Hub;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// Events come from vendors and hold what clients typed: nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn file(kind: &'static str, text: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
        .into_response()
}

/// The page and its files.
pub fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("assets/index.html"))))
        .route(
            "/assets/app.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("assets/app.js"))),
        )
        .route(
            "/assets/style.css",
            get(async || file("text/css; charset=utf-8", include_str!("assets/style.css"))),
        )
}
