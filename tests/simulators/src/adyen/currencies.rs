//! Adyen's own minor units (docs.adyen.com/development-resources/currency-codes), which are not ISO 4217's.

use rust_decimal::Decimal;

/// Two decimals. CLP and ISK have none in ISO 4217.
const TWO: &str = "AED ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNH \
    CNY COP CRC CUP CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR ISK JMD \
    KES KGS KHR KYD KZT LAK LBP LKR MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB \
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SVC SZL THB TOP TRY TTD TWD TZS UAH \
    USD UYU UZS VES WST XCD YER ZAR ZMW";
/// No decimals. CVE and IDR have two in ISO 4217.
const NONE: &str = "CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE: &str = "BHD IQD JOD KWD LYD OMR TND";

/// How many decimals Adyen's minor units have; none for a currency it does not take.
#[must_use]
pub fn decimals(currency: &str) -> Option<u32> {
    let among = |list: &str| list.split_whitespace().any(|known| known == currency);
    match () {
        () if among(TWO) => Some(2),
        () if among(NONE) => Some(0),
        () if among(THREE) => Some(3),
        () => None,
    }
}

/// A value in Adyen's minor units as a decimal amount, such as `27.90` for 2790 ISK.
#[must_use]
pub fn decimal(value: i64, currency: &str) -> Option<Decimal> {
    Some(Decimal::new(value, decimals(currency)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differs_from_iso_where_adyen_does() {
        for (value, currency, expected) in [
            (2790, "ISK", "27.90"),
            (100, "CLP", "1.00"),
            (5, "CVE", "5"),
            (1500, "KWD", "1.500"),
            (7, "JPY", "7"),
        ] {
            assert_eq!(decimal(value, currency).unwrap().to_string(), expected, "{currency}");
        }
        assert_eq!(decimal(1, "XYZ"), None);
        assert_eq!(decimals("eur"), None, "codes are upper case");
    }
}
