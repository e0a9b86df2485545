//! The contract's interfaces and functions, by name.

macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// An interface that a component may export.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Capability { $($(#[$doc])* $variant,)* }
        impl Capability {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// Its name in the contract.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

capabilities! {
    /// Receives webhooks.
    Webhook = "webhook";
    /// Is polled.
    Poll = "poll";
    /// Takes payments.
    Psp = "psp";
    /// Finds payments.
    PspLookup = "psp-lookup";
    /// Gives money back.
    PspRefund = "psp-refund";
    /// Pays out.
    PspPayout = "psp-payout";
    /// Verifies people.
    Kyc = "kyc";
    /// Holds trading accounts.
    Platform = "platform";
    /// Moves money on and off accounts.
    PlatformBalance = "platform-balance";
    /// Closes positions.
    PlatformPositions = "platform-positions";
    /// Has a harmless test call.
    Probe = "probe";
}

/// A function of the shape `context, input, history -> step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    capability: Capability,
    function: &'static str,
    /// The hub's name of it, such as `psp.create-payment`.
    name: &'static str,
    index: usize,
}

macro_rules! entries {
    ($($index:literal $name:literal = $capability:ident $function:literal;)*) => {
        impl Entry {
            /// Every one, in the order of their indexes.
            pub const ALL: &[Self] = &[$(Self {
                capability: Capability::$capability, function: $function, name: $name, index: $index,
            },)*];
        }
    };
}

entries! {
    0 "webhook.receive" = Webhook "receive";
    1 "poll.next" = Poll "next";
    2 "probe" = Probe "probe";
    3 "psp.create-payment" = Psp "create-payment";
    4 "psp.find-payment" = PspLookup "find-payment";
    5 "psp.refund" = PspRefund "refund";
    6 "psp.payout" = PspPayout "payout";
    7 "kyc.create-applicant" = Kyc "create-applicant";
    8 "kyc.access-link" = Kyc "access-link";
    9 "kyc.get-result" = Kyc "get-result";
    10 "platform.create-account" = Platform "create-account";
    11 "platform.find-account" = Platform "find-account";
    12 "platform.disable-account" = Platform "disable-account";
    13 "platform.change-group" = Platform "change-group";
    14 "platform.balance" = PlatformBalance "balance";
    15 "platform.close-positions" = PlatformPositions "close-positions";
}

impl Entry {
    /// `webhook.receive`
    pub const WEBHOOK_RECEIVE: Self = Self::ALL[0];
    /// `poll.next`
    pub const POLL_NEXT: Self = Self::ALL[1];
    /// `probe`
    pub const PROBE: Self = Self::ALL[2];

    /// An action or a look-up by the hub's name of it.
    pub fn action(name: &str) -> Option<Self> {
        Self::ALL[3..].iter().copied().find(|entry| entry.name == name)
    }
    /// The interface that it belongs to.
    pub fn capability(self) -> Capability {
        self.capability
    }
    /// Its function's name in the contract.
    pub fn function(self) -> &'static str {
        self.function
    }
    /// The hub's name of it.
    pub fn name(self) -> &'static str {
        self.name
    }
    pub(crate) fn index(self) -> usize {
        self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_places() {
        for (i, entry) in Entry::ALL.iter().enumerate() {
            assert_eq!(entry.index(), i, "{}", entry.name());
        }
        assert_eq!(Entry::action("psp.refund").map(Entry::function), Some("refund"));
        assert_eq!(Entry::action("webhook.receive"), None, "a webhook is no action");
    }
}
