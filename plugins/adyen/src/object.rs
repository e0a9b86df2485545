//! Adyen's JSON, with the fields that are used. Source: `adyen/CheckoutService-v71.json` and
//! `adyen/Webhooks-v1.json` (github.com/Adyen/adyen-openapi).
use hub_plugin_sdk::prelude::Country;
use serde::{Deserialize, Serialize};

/// Minor units of a currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) currency: String,
    pub(crate) value: i64,
}

/// A standard webhook.
#[derive(Debug, Deserialize)]
pub(crate) struct Notification {
    /// `true` or `false`, as text. Not signed.
    pub(crate) live: String,
    #[serde(rename = "notificationItems")]
    pub(crate) items: Vec<ItemWrapper>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ItemWrapper {
    #[serde(rename = "NotificationRequestItem")]
    pub(crate) item: Item,
}

/// What happened. Signed: `psp_reference`, `original_reference`, `merchant_account_code`,
/// `merchant_reference`, `amount`, `event_code`, `success`. Not signed: the rest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) psp_reference: String,
    #[serde(default)]
    pub(crate) original_reference: Option<String>,
    pub(crate) merchant_account_code: String,
    #[serde(default)]
    pub(crate) merchant_reference: Option<String>,
    #[serde(default)]
    pub(crate) amount: Option<Amount>,
    pub(crate) event_code: String,
    /// `true` or `false`, as text.
    pub(crate) success: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) event_date: Option<String>,
    #[serde(default)]
    pub(crate) additional_data: Option<AdditionalData>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AdditionalData {
    #[serde(default, rename = "hmacSignature")]
    pub(crate) hmac_signature: Option<String>,
}

/// `POST /payments`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentRequest<'a> {
    pub(crate) amount: Amount,
    pub(crate) merchant_account: &'a str,
    pub(crate) reference: &'a str,
    pub(crate) payment_method: CardDetails<'a>,
    pub(crate) return_url: &'a str,
    pub(crate) channel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shopper_reference: Option<&'a str>,
    pub(crate) shopper_interaction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recurring_processing_model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country_code: Option<Country>,
}

/// A card: stored at Adyen, or the test card.
#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum CardDetails<'a> {
    Stored {
        r#type: &'static str,
        stored_payment_method_id: &'a str,
    },
    Test {
        r#type: &'static str,
        encrypted_card_number: &'static str,
        encrypted_expiry_month: &'static str,
        encrypted_expiry_year: &'static str,
        encrypted_security_code: &'static str,
    },
}

/// The answer to `POST /payments`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentResponse {
    pub(crate) result_code: String,
    /// Absent where the client must act first.
    #[serde(default)]
    pub(crate) psp_reference: Option<String>,
    #[serde(default)]
    pub(crate) refusal_reason: Option<String>,
    #[serde(default)]
    pub(crate) refusal_reason_code: Option<String>,
    /// What was authorised.
    #[serde(default)]
    pub(crate) amount: Option<Amount>,
    #[serde(default)]
    pub(crate) action: Option<Action>,
}

/// What the client must do.
#[derive(Debug, Deserialize)]
pub(crate) struct Action {
    #[serde(default)]
    pub(crate) url: Option<String>,
}

/// `POST /payments/{paymentPspReference}/refunds`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundRequest<'a> {
    pub(crate) merchant_account: &'a str,
    pub(crate) amount: Amount,
    pub(crate) reference: &'a str,
}

/// The answer to a refund: `status` is always `received`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundResponse {
    pub(crate) psp_reference: String,
    pub(crate) amount: Amount,
}

/// `POST /paymentMethods`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentMethodsRequest<'a> {
    pub(crate) merchant_account: &'a str,
}

/// The body of an answer that is not 2xx.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceError {
    #[serde(default)]
    pub(crate) error_code: Option<String>,
    #[serde(default)]
    pub(crate) error_type: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
}
