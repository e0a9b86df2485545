//! Ids of decisions, derived from what they are for: the same decision has the same id, always.
//!
//! An id reads `{prefix}_{part}_{part}`. Where that would not be an id (a character that ids do
//! not have, too long) or could be read in two ways (a `_` in any part but the first), a digest of
//! the parts is added, so that two decisions never share an id. The last part names the family of
//! an action, so that families never meet.
use hub_schemas::ids::ID_BYTES_MAX;
use hub_schemas::{AccountId, ActionId, ClientId, ConnectionId, PaymentId, ProvisioningId};

/// Bytes kept of the readable form when a digest is added.
const READABLE_BYTES_MAX: usize = 80;
/// Hex characters of the digest: 128 bits.
const DIGEST_HEX: usize = 32;

fn legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte)
}

fn compose(prefix: &str, parts: &[&str]) -> String {
    let plain = format!("{prefix}_{}", parts.join("_"));
    let readable_back = parts.iter().enumerate().all(|(place, part)| {
        !part.is_empty() && part.bytes().all(legal) && (place == 0 || !part.contains('_'))
    });
    if readable_back && plain.len() <= ID_BYTES_MAX {
        return plain;
    }
    let mut digest = blake3::Hasher::new();
    for part in parts {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest.finalize().to_hex();
    let readable: String = plain
        .chars()
        .take(READABLE_BYTES_MAX)
        .map(|c| if c.is_ascii() && legal(c as u8) { c } else { '-' })
        .collect();
    format!("{readable}.{}", &digest.as_str()[..DIGEST_HEX])
}

fn action(parts: &[&str]) -> ActionId {
    ActionId::new(compose("act", parts)).expect("compose gives legal characters within the limit")
}

/// The charge of a payment's attempt.
pub(crate) fn charge(payment: &PaymentId, attempt: u32) -> ActionId {
    action(&[payment.as_str(), &attempt.to_string()])
}
/// The refund of what a connection took too much for a payment.
pub(crate) fn refund(payment: &PaymentId, connection: &ConnectionId) -> ActionId {
    action(&[payment.as_str(), connection.as_str(), "refund"])
}
/// The n-th request for an applicant.
pub(crate) fn applicant(client: &ClientId, n: u32) -> ActionId {
    action(&[client.as_str(), &format!("kyc-{n}")])
}
/// The n-th question where a verification stands.
pub(crate) fn kyc_result(client: &ClientId, n: u32) -> ActionId {
    action(&[client.as_str(), &format!("result-{n}")])
}
/// Opening the account of a provisioning.
pub(crate) fn open_account(provisioning: &ProvisioningId) -> ActionId {
    action(&[provisioning.as_str(), "open"])
}
/// Funding the account of a provisioning.
pub(crate) fn fund_account(provisioning: &ProvisioningId) -> ActionId {
    action(&[provisioning.as_str(), "fund"])
}
/// Closing the positions of a breached account.
pub(crate) fn close_positions(breach: &str) -> ActionId {
    action(&[breach, "close"])
}
/// Disabling a breached account.
pub(crate) fn disable_account(breach: &str) -> ActionId {
    action(&[breach, "disable"])
}
/// The provisioning for a client by a rule's name or a purchase.
pub(crate) fn provisioning(client: &ClientId, key: &str) -> ProvisioningId {
    ProvisioningId::new(compose("prov", &[client.as_str(), key]))
        .expect("compose gives legal characters within the limit")
}
/// The breach of an account's rule by the event at `sequence`.
pub(crate) fn breach(account: &AccountId, rule: &str, sequence: u64) -> String {
    compose("br", &[account.as_str(), rule, &sequence.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str) -> ClientId {
        ClientId::new(id).unwrap()
    }

    #[test]
    fn ids_are_readable_where_they_can_be() {
        let payment = PaymentId::new("pay_1").unwrap();
        assert_eq!(charge(&payment, 2).as_str(), "act_pay_1_2");
        assert_eq!(provisioning(&client("cl_1"), "eu-retail").as_str(), "prov_cl_1_eu-retail");
        let account = AccountId::new("mt5-live:50001").unwrap();
        assert_eq!(breach(&account, "daily-loss", 9), "br_mt5-live:50001_daily-loss_9");
    }

    #[test]
    fn what_does_not_fit_gets_a_digest_and_stays_apart() {
        let long = "x".repeat(400);
        let odd = ["shop/1", "shop 1", "Straße", "", "a_b", long.as_str(), &long[1..]];
        let ids: std::collections::BTreeSet<_> =
            odd.iter().map(|key| provisioning(&client("cl_1"), key)).collect();
        assert_eq!(ids.len(), odd.len());
        assert_ne!(provisioning(&client("a_b"), "c"), provisioning(&client("a"), "b_c"));
    }

    #[test]
    fn the_longest_ids_still_give_ids() {
        let longest = "p".repeat(ID_BYTES_MAX);
        let payment = PaymentId::new(longest.clone()).unwrap();
        assert_ne!(charge(&payment, 1), charge(&payment, 2));
        assert!(
            breach(&AccountId::new(longest).unwrap(), "max-loss", u64::MAX).len() <= ID_BYTES_MAX
        );
    }
}
