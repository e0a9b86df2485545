//! Webhooks: docs.adyen.com/development-resources/webhooks/verify-hmac-signatures.
use crate::Adyen;
use crate::object::{Item, Notification};
use crate::settings::Settings;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hub_plugin_sdk::prelude::*;

const SHA256_BYTES: usize = 32;

impl Item {
    /// What is signed: eight fields with colons between them, which are not escaped. A colon inside
    /// one would let the same bytes be read as other fields. Only our own reference may hold one:
    /// it stands between the merchant account, which is known, and an integer, so that there is
    /// still one way to read it.
    fn signed(&self) -> Option<String> {
        let value = self.amount.as_ref().map(|amount| amount.value.to_string());
        let currency = self.amount.as_ref().map(|amount| amount.currency.as_str());
        let fields = [
            &self.psp_reference,
            self.original_reference.as_deref().unwrap_or_default(),
            &self.merchant_account_code,
            self.merchant_reference.as_deref().unwrap_or_default(),
            value.as_deref().unwrap_or_default(),
            currency.unwrap_or_default(),
            &self.event_code,
            &self.success,
        ];
        let split = fields.iter().enumerate().any(|(n, field)| n != 3 && field.contains(':'));
        (!split).then(|| fields.join(":"))
    }

    fn check(&self, place: usize) -> Option<Check> {
        let signature = self.additional_data.as_ref()?.hmac_signature.as_deref()?;
        let found = STANDARD.decode(signature).ok().filter(|mac| mac.len() == SHA256_BYTES)?;
        let recipe = Recipe::new()
            .secret("hmac_key")
            .decode(Encoding::Hex)
            .push(self.signed()?)
            .hmac(Algorithm::Sha256);
        Some(Check::new(recipe, found).item(u32::try_from(place).ok()?))
    }
}

impl Webhook for Adyen {
    fn authenticate(_: &Ctx, delivery: &Delivery) -> Vec<Check> {
        let Ok(notification) = delivery.json::<Notification>() else { return Vec::new() };
        let items = notification.items.iter().enumerate();
        // One item without a signature leaves the whole delivery without one: the hub asks only
        // for those items that a check names.
        let checks: Option<Vec<Check>> = items.map(|(n, one)| one.item.check(n)).collect();
        checks.unwrap_or_default()
    }

    async fn receive(ctx: &Ctx, delivery: Delivery) -> Result<Received, Error> {
        let settings: Settings = ctx.settings()?;
        let notification: Notification = delivery.json()?;
        if notification.live != ctx.live().to_string() {
            return Err(Error::NotUnderstood(format!(
                "the notification says live {:?}, and the connection's environment is the other: \
                 check which webhook calls it",
                notification.live
            )));
        }
        let mut events = Vec::new();
        for wrapper in &notification.items {
            events.extend(wrapper.item.read(&settings.merchant_account, ctx.now_ms())?);
        }
        Ok(Received::events(events).acknowledge(200, "[accepted]"))
    }
}
