//! What requests must hold, field by field as Adyen checks them.

use serde_json::{Map, Value};

use super::currencies;
use super::errors::ApiError;

/// The fields of `PaymentRequest` (Checkout v71); others are refused.
const PAYMENT_FIELDS: &str = "accountInfo additionalAmount additionalData amount applicationInfo authenticationData \
    bankAccount billingAddress browserInfo captureDelayHours channel checkoutAttemptId company conversionId \
    countryCode dateOfBirth dccQuote deliverAt deliveryAddress deliveryDate deviceFingerprint enableOneClick \
    enablePayOut enableRecurring enhancedSchemeData entityType fraudOffset fundOrigin fundRecipient industryUsage \
    installments lineItems localizedShopperStatement mandate mcc merchantAccount merchantOrderReference \
    merchantRiskIndicator metadata mpiData order orderReference origin paymentMethod paymentValidations \
    platformChargebackLogic recurringExpiry recurringFrequency recurringProcessingModel redirectFromIssuerMethod \
    redirectToIssuerMethod reference returnUrl riskData sessionValidity shopperConversionId shopperEmail shopperIP \
    shopperInteraction shopperLocale shopperName shopperReference shopperStatement shopperTaxInfo \
    socialSecurityNumber splits store storePaymentMethod subMerchants surcharge telephoneNumber threeDS2RequestData \
    threeDSAuthenticationOnly trustedShopper";
/// Those of `PaymentRefundRequest`, `PaymentCaptureRequest` and `PaymentCancelRequest` together.
const MODIFICATION_FIELDS: &str = "amount applicationInfo capturePspReference enhancedSchemeData lineItems \
    merchantAccount merchantRefundReason platformChargebackLogic reference splits store subMerchants";
/// The longest reference (Checkout v71, `reference`).
const REFERENCE_CHARS_MAX: usize = 80;

/// An amount in Adyen's minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    pub value: i64,
    pub currency: String,
}

/// `POST /payments`, checked.
#[derive(Debug, Clone)]
pub struct Payment {
    pub amount: Amount,
    pub reference: String,
    pub method: Map<String, Value>,
    pub method_type: String,
    pub return_url: String,
    pub shopper_reference: Option<String>,
    /// `additionalData.RequestedTestAcquirerResponseCode`, a number or a text.
    pub requested_code: Option<String>,
    /// The money is taken only by a later capture.
    pub manual_capture: bool,
    /// The shopper must authenticate with the issuer.
    pub authenticate: bool,
}

/// A request's body as a JSON object.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::unreadable("Unexpected input, expected: {")),
        Err(error) => Err(ApiError::unreadable(format!("Unexpected input: {error}"))),
    }
}

fn known(body: &Map<String, Value>, name: &str, fields: &str) -> Result<(), ApiError> {
    let unknown: Vec<&str> = body
        .keys()
        .map(String::as_str)
        .filter(|key| !fields.split_whitespace().any(|field| field == *key))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let unknown = unknown.join(", ");
    Err(ApiError::unreadable(format!(
        "Structure of {name} contains the following unknown fields: [{unknown}]"
    )))
}

/// A text; absent and empty are the same to Adyen.
pub fn text(body: &Map<String, Value>, field: &str) -> Result<Option<String>, ApiError> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => {
            Err(ApiError::unreadable(format!("Unexpected input for field '{field}', expected: \"")))
        }
    }
}

/// The merchant account must be there and be ours.
pub fn merchant(body: &Map<String, Value>, ours: &str) -> Result<(), ApiError> {
    match text(body, "merchantAccount")? {
        Some(account) if account == ours => Ok(()),
        _ => Err(ApiError::merchant_account()),
    }
}

/// `amount`, which must be there, positive and in a currency that Adyen knows.
pub fn amount(body: &Map<String, Value>) -> Result<Amount, ApiError> {
    let Some(amount) = body.get("amount") else {
        return Err(ApiError::validation("100", "Required object 'amount' is not provided."));
    };
    let Value::Object(amount) = amount else {
        return Err(ApiError::unreadable("Unexpected input for field 'amount', expected: {"));
    };
    known(amount, "Amount", "currency value")?;
    let currency =
        text(amount, "currency")?.ok_or_else(|| ApiError::missing("138", "amount.currency"))?;
    let value = match amount.get("value") {
        Some(value) if value.is_i64() => value.as_i64().unwrap_or_default(),
        None | Some(Value::Null) => return Err(ApiError::missing("137", "amount.value")),
        // Minor units only: a text or a fraction is refused.
        Some(_) => {
            return Err(ApiError::unreadable(
                "Unexpected input for field 'value', expected: a number",
            ));
        }
    };
    if currencies::decimals(&currency).is_none() {
        return Err(ApiError::validation("138", "Unsupported currency specified"));
    }
    if value <= 0 {
        return Err(ApiError::validation("137", "Invalid amount specified"));
    }
    Ok(Amount { value, currency })
}

/// Reads and checks `POST /payments`.
pub fn payment(body: &[u8], merchant_account: &str) -> Result<Payment, ApiError> {
    let body = object(body)?;
    known(&body, "PaymentRequest", PAYMENT_FIELDS)?;
    merchant(&body, merchant_account)?;
    let amount = amount(&body)?;
    let reference =
        text(&body, "reference")?.ok_or_else(|| ApiError::missing("130", "reference"))?;
    if reference.chars().count() > REFERENCE_CHARS_MAX {
        return Err(ApiError::validation(
            "130",
            "Reference is too long, it has at most 80 characters.",
        ));
    }
    let method = match body.get("paymentMethod") {
        Some(Value::Object(method)) => method.clone(),
        None | Some(Value::Null) => {
            return Err(ApiError::validation(
                "100",
                "Required object 'paymentMethod' is not provided.",
            ));
        }
        Some(_) => {
            return Err(ApiError::unreadable(
                "Unexpected input for field 'paymentMethod', expected: {",
            ));
        }
    };
    let method_type =
        text(&method, "type")?.ok_or_else(|| ApiError::missing("14_012", "paymentMethod.type"))?;
    let return_url = text(&body, "returnUrl")?
        .ok_or_else(|| ApiError::validation("14_030", "Return URL is missing."))?;
    let additional = body.get("additionalData").and_then(Value::as_object);
    let requested_code = additional.and_then(|data| data.get("RequestedTestAcquirerResponseCode"));
    let requested_code = requested_code.map(|code| match code {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let manual = additional.and_then(|data| data.get("manualCapture"));
    let manual_capture = manual.is_some_and(|manual| *manual == "true" || *manual == true);
    let authentication =
        body.get("authenticationData").and_then(|data| data.get("attemptAuthentication"));
    // The number is the documented test card for a 3-D Secure redirect.
    let authenticate = authentication.is_some_and(|attempt| attempt == "always")
        || method.get("number").is_some_and(|number| number == "4212345678901237");
    let shopper_reference = text(&body, "shopperReference")?;
    Ok(Payment {
        amount,
        reference,
        method,
        method_type,
        return_url,
        shopper_reference,
        requested_code,
        manual_capture,
        authenticate,
    })
}

/// Reads and checks a refund or capture (with an amount) or a cancel (without one); gives amount and reference.
pub fn modification(
    body: &[u8],
    merchant_account: &str,
    with_amount: bool,
) -> Result<(Option<Amount>, Option<String>), ApiError> {
    let body = object(body)?;
    known(&body, "PaymentModificationRequest", MODIFICATION_FIELDS)?;
    merchant(&body, merchant_account)?;
    let amount = with_amount.then(|| amount(&body)).transpose()?;
    Ok((amount, text(&body, "reference")?))
}
