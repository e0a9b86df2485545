//! Who the demo's clients are: made up, all of them.
use hub_simulators::Ids;
use rust_decimal::Decimal;

/// Countries of retail clients, with the currency that they pay in.
const RETAIL: &[(&str, &str)] = &[
    ("DE", "EUR"),
    ("FR", "EUR"),
    ("ES", "EUR"),
    ("IT", "EUR"),
    ("NL", "EUR"),
    ("GB", "GBP"),
    ("JP", "JPY"),
    ("KW", "KWD"),
];
/// Countries of prop clients, with the currency that they pay in.
const PROP: &[(&str, &str)] =
    &[("US", "USD"), ("BR", "USD"), ("ZA", "USD"), ("IN", "USD"), ("CZ", "EUR"), ("GB", "GBP")];
const FIRST_NAMES: &[&str] = &[
    "Ada", "Bruno", "Chiara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Kaori",
    "Lena", "Marek", "Nadia", "Omar", "Paula", "Quentin", "Rosa", "Sven", "Tara", "Umar", "Vera",
    "Wiktor", "Yuki",
];
const LAST_NAMES: &[&str] = &[
    "Abel", "Bauer", "Costa", "Dahl", "Engel", "Ferri", "Garcia", "Haddad", "Ito", "Janssen",
    "Kovac", "Lund", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Silva", "Tanaka",
    "Urban", "Vidal", "Weber", "Yilmaz",
];
const CAMPAIGNS: &[&str] = &["spring-search", "affiliate-live", "podcast", "referral"];

/// A made-up person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Alpha-2.
    pub country: &'static str,
    /// ISO 4217: what the person pays in.
    pub currency: &'static str,
    /// Given name.
    pub first_name: &'static str,
    /// Family name.
    pub last_name: &'static str,
    /// At `example.com`, which belongs to nobody (RFC 2606). Its local part is unique.
    pub email: String,
    /// From the range that is set aside for fiction (Ofcom, 020 7946 0xxx).
    pub phone: String,
    /// Where the person came from, if it is known.
    pub campaign: Option<&'static str>,
}

/// The `number`-th client's person.
pub(super) fn person(dice: &mut Ids, number: usize, prop: bool) -> Person {
    let (country, currency) = *one_of(dice, if prop { PROP } else { RETAIL });
    let (first_name, last_name) = (*one_of(dice, FIRST_NAMES), *one_of(dice, LAST_NAMES));
    let campaign = (dice.unit() < 0.7).then(|| *one_of(dice, CAMPAIGNS));
    let email = format!(
        "{}.{}.{number:05}@example.com",
        first_name.to_lowercase(),
        last_name.to_lowercase()
    );
    let phone = format!("+44207946{:04}", number % 1000);
    Person { country, currency, first_name, last_name, email, phone, campaign }
}

/// A deposit's amount: with the decimals of its currency, and what both PSPs take. (Stripe takes
/// three-decimal currencies in steps of ten.)
pub(super) fn amount(dice: &mut Ids, currency: &str) -> Decimal {
    let between =
        |dice: &mut Ids, low: i64, high: i64| low + (dice.unit() * (high - low) as f64) as i64;
    match currency {
        "JPY" => Decimal::from(between(dice, 100, 3_000) * 100),
        "KWD" => Decimal::new(between(dice, 2_000, 60_000) * 10, 3),
        _ => Decimal::new(between(dice, 5_000, 250_000), 2),
    }
}

/// Any of a list that is not empty.
pub(super) fn one_of<'a, T>(dice: &mut Ids, list: &'a [T]) -> &'a T {
    let place = (dice.unit() * list.len() as f64) as usize;
    &list[place.min(list.len() - 1)]
}
