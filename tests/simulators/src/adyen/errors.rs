//! Adyen's errors: `{"status", "errorCode", "message", "errorType", "pspReference"}` (ServiceError of Checkout v71;
//! the texts are those of the specification's examples and of docs.adyen.com/development-resources/error-codes).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub status: u16,
    code: &'static str,
    message: String,
    kind: &'static str,
}

impl ApiError {
    fn new(
        status: u16,
        code: &'static str,
        message: impl Into<String>,
        kind: &'static str,
    ) -> Self {
        Self { status, code, message: message.into(), kind }
    }

    /// 422: understood, and not acceptable.
    pub fn validation(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(422, code, message, "validation")
    }

    /// 422 for a field that is not there.
    pub fn missing(code: &'static str, field: &str) -> Self {
        Self::validation(code, format!("Required field '{field}' is not provided."))
    }

    /// 400: not the JSON that was expected.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::new(400, "702", message, "validation")
    }

    /// 401: no key, or a wrong one.
    pub fn unauthorized() -> Self {
        Self::new(401, "000", "HTTP Status Response - Unauthorized", "security")
    }

    /// 403: not this company's merchant account.
    pub fn merchant_account() -> Self {
        Self::new(403, "901", "Invalid Merchant Account", "security")
    }

    /// 422: the payment that a modification names is not there.
    pub fn no_original() -> Self {
        Self::validation("167", "Original pspReference required for this operation")
    }

    /// What Adyen says when it is it that fails.
    pub fn of_status(status: u16) -> Self {
        match status {
            409 | 422 => {
                Self::new(status, "704", "request already processed or in progress", "validation")
            }
            429 => Self::new(status, "029", "Too many requests", "security"),
            400..=499 => Self::new(status, "010", "Not allowed", "security"),
            _ => Self::new(status, "000", "Unknown", "internal"),
        }
    }

    /// The answer. One that may pass when repeated with the same key says so
    /// (docs.adyen.com/development-resources/api-idempotency).
    pub fn response(&self, psp_reference: &str) -> Response {
        let mut body = json!({
            "status": self.status, "errorCode": self.code, "message": self.message, "errorType": self.kind,
        });
        // With no access, and with no JSON, nothing was given a reference.
        if !matches!(self.status, 400 | 401) {
            body["pspReference"] = psp_reference.into();
        }
        let mut response = answer(self.status, body.to_string());
        if self.code == "704" || self.status == 429 || self.status >= 500 {
            response.headers_mut().insert("transient-error", HeaderValue::from_static("true"));
        }
        response
    }
}

/// A JSON answer.
pub fn answer(status: u16, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
