//! PaymentIntents: create, confirm, cancel, read, list, search.

use serde_json::Value;

use super::cards::{self, Outcome};
use super::errors::ApiError;
use super::form::Params;
use super::objects::{PaymentBook, list};
use super::search::Query;
use super::state::State;

/// Largest amount of one charge, in minor units (docs.stripe.com/currencies: eight digits).
const AMOUNT_MAX: i64 = 99_999_999;

/// Known to Stripe and of no effect here.
const ACCEPTED: &[&str] = &[
    "amount_details",
    "application_fee_amount",
    "confirmation_method",
    "customer",
    "error_on_requires_action",
    "expand",
    "mandate",
    "mandate_data",
    "payment_method_options",
    "radar_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
    "use_stripe_sdk",
];

/// An amount and its currency, checked as Stripe does.
pub fn money(params: &mut Params) -> Result<(i64, String), ApiError> {
    let currency = params.required("currency")?.to_ascii_lowercase();
    let Some(smallest) = cards::smallest_charge(&currency) else {
        return Err(ApiError::invalid(&format!("Invalid currency: {currency}.")).param("currency"));
    };
    let missing = ApiError::invalid("Missing required param: amount.")
        .code("parameter_missing")
        .param("amount");
    let amount = params.integer("amount")?.ok_or(missing)?;
    let refused =
        |code: &str, message: &str| Err(ApiError::invalid(message).code(code).param("amount"));
    if amount < 1 {
        return refused(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 1.",
        );
    }
    if amount < smallest {
        return refused(
            "amount_too_small",
            &format!("Amount must be at least {smallest} {currency} in minor units."),
        );
    }
    if amount > AMOUNT_MAX {
        return refused(
            "amount_too_large",
            &format!("Amount must be no more than {AMOUNT_MAX} in minor units."),
        );
    }
    if cards::three_decimals(&currency) && amount % 10 != 0 {
        return refused(
            "parameter_invalid_integer",
            "The last digit of a three-decimal amount must be 0.",
        );
    }
    Ok((amount, currency))
}

/// What the payment method will do; a fault's decline overrides it.
fn outcome(
    payment_method: &str,
    off_session: bool,
    decline: Option<String>,
) -> Result<Outcome, ApiError> {
    let known = cards::outcome_of(payment_method)
        .ok_or_else(|| ApiError::missing(400, "PaymentMethod", payment_method, "payment_method"))?;
    Ok(match (decline, known) {
        (Some(code), _) => Outcome::Declines(code),
        // With no cardholder there, the bank cannot authenticate and declines.
        (None, Outcome::NeedsAuthentication) if off_session => {
            Outcome::Declines("authentication_required".into())
        }
        (None, known) => known,
    })
}

/// The object, or the 402 that a decline is.
fn result(state: &State, at: usize) -> Result<Value, ApiError> {
    let payment = &state.books.payments[at];
    let object = payment.json(&state.base_url);
    let Some(Value::Object(error)) = payment.last_error() else { return Ok(object) };
    let mut answer = ApiError::new(402, "card_error", "").executed();
    for (name, value) in error {
        answer = answer.with(&name, value);
    }
    Err(answer.with("payment_intent", object))
}

/// `POST /v1/payment_intents`
pub fn create(
    state: &mut State,
    params: &mut Params,
    decline: Option<String>,
) -> Result<Value, ApiError> {
    let (amount, currency) = money(params)?;
    let confirm = params.boolean("confirm")?.unwrap_or(false);
    let payment_method = params.text("payment_method")?;
    let return_url = params.text("return_url")?;
    let off_session = params.boolean("off_session")?.unwrap_or(false);
    params.choice("capture_method", &["automatic", "automatic_async"])?;
    let automatic = params.boolean("automatic_payment_methods[enabled]")?;
    let redirects =
        params.choice("automatic_payment_methods[allow_redirects]", &["always", "never"])?;
    let types = params.list("payment_method_types");
    let metadata = params.metadata()?;
    let description = params.text("description")?;
    params.accept(ACCEPTED);
    params.finish()?;

    if automatic == Some(true) && !types.is_empty() {
        let wrong = "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
        return Err(ApiError::invalid(wrong));
    }
    if return_url.is_some() && !confirm {
        let wrong = "The parameter `return_url` cannot be passed when creating a PaymentIntent unless `confirm` is \
            set to true.";
        return Err(ApiError::invalid(wrong).param("return_url"));
    }
    if confirm && return_url.is_none() && types.is_empty() && redirects.as_deref() != Some("never")
    {
        let wrong = "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because \
            some of these payment methods might redirect your customer off of your page, you must provide a \
            `return_url`.";
        return Err(ApiError::invalid(wrong));
    }
    let planned = match &payment_method {
        Some(method) => Some(outcome(method, off_session, decline)?),
        None if confirm => {
            let wrong =
                "You cannot confirm this PaymentIntent because it's missing a payment method.";
            return Err(ApiError::invalid(wrong).code("payment_intent_unexpected_state"));
        }
        None => None,
    };

    let book = PaymentBook {
        id: state.id("pi_"),
        status: if payment_method.is_some() {
            "requires_confirmation"
        } else {
            "requires_payment_method"
        }
        .into(),
        amount,
        currency,
        metadata,
        description,
        payment_method,
        return_url,
        payment_method_types: if types.is_empty() { vec!["card".into()] } else { types },
        idempotency_key: state.request.as_ref().and_then(|(_, key)| key.clone()),
        created: state.now().as_second(),
        authentication_failed: false,
        charges: vec![],
    };
    state.books.payments.push(book);
    let at = state.books.payments.len() - 1;
    state.emit_payment("payment_intent.created", at);
    if let Some(planned) = planned.filter(|_| confirm) {
        state.confirm(at, planned);
    }
    result(state, at)
}

fn find(state: &State, id: &str) -> Result<usize, ApiError> {
    state.payment(id).ok_or_else(|| ApiError::missing(404, "payment_intent", id, "intent"))
}

fn unexpected_state(state: &State, at: usize, verb: &str) -> ApiError {
    let payment = &state.books.payments[at];
    let message = format!(
        "You cannot {verb} this PaymentIntent because it has a status of {}.",
        payment.status
    );
    ApiError::invalid(&message)
        .code("payment_intent_unexpected_state")
        .with("payment_intent", payment.json(&state.base_url))
        .executed()
}

/// `POST /v1/payment_intents/{id}/confirm`
pub fn confirm(
    state: &mut State,
    id: &str,
    params: &mut Params,
    decline: Option<String>,
) -> Result<Value, ApiError> {
    let at = find(state, id)?;
    let payment_method = params.text("payment_method")?;
    let return_url = params.text("return_url")?;
    let off_session = params.boolean("off_session")?.unwrap_or(false);
    params.accept(ACCEPTED);
    params.finish()?;
    if !matches!(
        state.books.payments[at].status.as_str(),
        "requires_payment_method" | "requires_confirmation"
    ) {
        return Err(unexpected_state(state, at, "confirm"));
    }
    let attached = state.books.payments[at]
        .payment_method
        .clone()
        .filter(|_| state.books.payments[at].last_error().is_none());
    let Some(method) = payment_method.or(attached) else {
        let wrong = "You cannot confirm this PaymentIntent because it's missing a payment method.";
        return Err(ApiError::invalid(wrong).code("payment_intent_unexpected_state"));
    };
    let planned = outcome(&method, off_session, decline)?;
    let book = &mut state.books.payments[at];
    book.payment_method = Some(method);
    book.return_url = return_url.or(book.return_url.take());
    state.confirm(at, planned);
    result(state, at)
}

/// `POST /v1/payment_intents/{id}/cancel`
pub fn cancel(state: &mut State, id: &str, params: &mut Params) -> Result<Value, ApiError> {
    let at = find(state, id)?;
    let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
    params.choice("cancellation_reason", &reasons)?;
    params.accept(&["expand"]);
    params.finish()?;
    if matches!(state.books.payments[at].status.as_str(), "succeeded" | "canceled" | "processing") {
        return Err(unexpected_state(state, at, "cancel"));
    }
    state.set_status(at, "canceled");
    state.emit_payment("payment_intent.canceled", at);
    Ok(state.books.payments[at].json(&state.base_url))
}

/// `GET /v1/payment_intents/{id}`
pub fn get(state: &State, id: &str, params: &mut Params) -> Result<Value, ApiError> {
    params.accept(&["client_secret", "expand"]);
    params.finish()?;
    let at = find(state, id)?;
    Ok(state.books.payments[at].json(&state.base_url))
}

/// `GET /v1/payment_intents`
pub fn page(state: &State, params: &mut Params) -> Result<Value, ApiError> {
    params.accept(&["customer", "expand"]);
    let rows = state.books.payments.iter().rev().map(|payment| Row {
        id: &payment.id,
        created: payment.created,
        shown: true,
        json: Box::new(|| payment.json(&state.base_url)),
    });
    paged(params, "payment_intent", "/v1/payment_intents", rows.collect())
}

/// `GET /v1/payment_intents/search`: payments younger than `lag_s` are not found yet, as Stripe warns.
pub fn search(state: &State, params: &mut Params, lag_s: i64) -> Result<Value, ApiError> {
    let query = Query::parse(&params.required("query")?)?;
    let limit = limit(params)?;
    let offset = match params.text("page")? {
        None => 0,
        Some(page) => page.parse().map_err(|_| ApiError::invalid("Invalid page.").param("page"))?,
    };
    params.accept(&["expand"]);
    params.finish()?;
    let indexed_until = state.now().as_second() - lag_s;
    let mut found = state
        .books
        .payments
        .iter()
        .rev()
        .filter(|payment| lag_s == 0 || payment.created <= indexed_until)
        .filter(|payment| query.matches(payment))
        .map(|payment| payment.json(&state.base_url))
        .skip(offset);
    let data: Vec<Value> = found.by_ref().take(limit).collect();
    let has_more = found.next().is_some();
    let mut page = list("search_result", "/v1/payment_intents/search", data, has_more);
    page["next_page"] = if has_more { (offset + limit).to_string().into() } else { Value::Null };
    Ok(page)
}

fn limit(params: &mut Params) -> Result<usize, ApiError> {
    match params.integer("limit")? {
        None => Ok(10),
        Some(limit @ 1..=100) => Ok(usize::try_from(limit).expect("1 to 100 fits")),
        Some(_) => Err(ApiError::invalid("Limit must be between 1 and 100.").param("limit")),
    }
}

/// One row of a list, newest first.
pub struct Row<'a> {
    pub id: &'a str,
    pub created: i64,
    /// Whether the filters of this list let it through. A cursor may be any row.
    pub shown: bool,
    pub json: Box<dyn Fn() -> Value + 'a>,
}

/// A page by cursor: `limit`, `starting_after` (older), `ending_before` (newer), `created[gte]` and its like.
pub fn paged(
    params: &mut Params,
    what: &str,
    url: &str,
    mut rows: Vec<Row<'_>>,
) -> Result<Value, ApiError> {
    let limit = limit(params)?;
    let (after, before) = (params.text("starting_after")?, params.text("ending_before")?);
    for (name, keep) in [
        ("created", i64::eq as fn(&i64, &i64) -> bool),
        ("created[gt]", i64::gt),
        ("created[gte]", i64::ge),
        ("created[lt]", i64::lt),
        ("created[lte]", i64::le),
    ] {
        if let Some(bound) = params.integer(name)? {
            rows.iter_mut().for_each(|row| row.shown &= keep(&row.created, &bound));
        }
    }
    params.finish()?;
    let position = |id: &str, param: &str| {
        rows.iter()
            .position(|row| row.id == id)
            .ok_or_else(|| ApiError::missing(400, what, id, param))
    };
    let range = match (&after, &before) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "You cannot pass both `starting_after` and `ending_before`.",
            ));
        }
        (Some(id), None) => position(id, "starting_after")? + 1..rows.len(),
        (None, Some(id)) => 0..position(id, "ending_before")?,
        (None, None) => 0..rows.len(),
    };
    let shown: Vec<&Row<'_>> = rows[range].iter().filter(|row| row.shown).collect();
    let has_more = shown.len() > limit;
    // Next to the cursor: the last ones before it, the first ones after it.
    let skipped = if before.is_some() { shown.len().saturating_sub(limit) } else { 0 };
    let data = shown.into_iter().skip(skipped).take(limit).map(|row| (row.json)()).collect();
    Ok(list("list", url, data, has_more))
}
