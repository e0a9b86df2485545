//! Stripe's errors: `{"error": {"type", "code", "message", "param", …}}` (docs.stripe.com/api/errors).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

/// An error answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    status: u16,
    fields: Map<String, Value>,
    /// Whether the endpoint had begun to execute: only then does an `Idempotency-Key` keep the answer
    /// (docs.stripe.com/api/idempotent_requests).
    pub executed: bool,
}

impl ApiError {
    /// An error of this status and `type`.
    pub fn new(status: u16, kind: &str, message: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("type".into(), kind.into());
        fields.insert("message".into(), message.into());
        Self { status, fields, executed: false }
    }

    /// 400 `invalid_request_error`: the request itself is wrong.
    pub fn invalid(message: &str) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 404 (or 400 for an id given as a parameter): no such object.
    pub fn missing(status: u16, what: &str, id: &str, param: &str) -> Self {
        Self::new(status, "invalid_request_error", &format!("No such {what}: '{id}'"))
            .code("resource_missing")
            .param(param)
    }

    /// Sets `code`, and `doc_url` with it.
    pub fn code(mut self, code: &str) -> Self {
        let page = code.replace('_', "-");
        self.fields
            .insert("doc_url".into(), format!("https://stripe.com/docs/error-codes/{page}").into());
        self.with("code", code.into())
    }

    /// Sets `param`.
    pub fn param(self, param: &str) -> Self {
        self.with("param", param.into())
    }

    /// Sets any field.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.into(), value);
        self
    }

    /// The endpoint had begun to execute.
    pub fn executed(mut self) -> Self {
        self.executed = true;
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The `code`, if any.
    #[cfg(test)]
    pub fn code_text(&self) -> Option<&str> {
        self.fields.get("code").and_then(Value::as_str)
    }

    /// The body.
    pub fn body(&self) -> String {
        json!({ "error": self.fields }).to_string()
    }

    /// What Stripe says when it is it that fails.
    pub fn of_status(status: u16) -> Self {
        match status {
            429 => Self::new(status, "invalid_request_error", "Request rate limit exceeded.")
                .code("rate_limit"),
            409 => Self::new(
                status,
                "idempotency_error",
                "There is currently another in-progress request using this Idempotent Key.",
            )
            .code("idempotency_key_in_use"),
            400..=499 => Self::new(status, "invalid_request_error", "Invalid request."),
            _ => Self::new(status, "api_error", "An unknown error occurred"),
        }
    }
}

/// A JSON answer with the headers Stripe sends.
pub fn answer(status: u16, body: String, request_id: &str) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("request-id", id);
    }
    response
}
