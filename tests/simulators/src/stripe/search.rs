//! Stripe's search query language, as far as payments use it (docs.stripe.com/search): clauses joined by `AND`,
//! each a field or `metadata["key"]`, an operator and a value.

use super::errors::ApiError;
use super::objects::PaymentBook;

/// One clause.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    negated: bool,
    field: Field,
    operator: Operator,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Metadata(String),
    Status,
    Currency,
    Amount,
    Created,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    Contains,
    More,
    MoreOrEqual,
    Less,
    LessOrEqual,
}

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<Clause>);

impl Query {
    /// Reads a query; anything not understood is refused, as Stripe does.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let refused =
            || ApiError::invalid("We were unable to parse your search query.").param("query");
        let mut rest = text.trim();
        let mut clauses = vec![];
        loop {
            let (clause, after) = clause(rest).ok_or_else(refused)?;
            clauses.push(clause);
            let after = after.trim_start();
            if after.is_empty() {
                return Ok(Self(clauses));
            }
            // AND is the default between clauses; OR exists too and is not mixed with it.
            rest = after.strip_prefix("AND ").unwrap_or(after).trim_start();
        }
    }

    /// Whether a payment matches all clauses.
    pub fn matches(&self, payment: &PaymentBook) -> bool {
        self.0.iter().all(|clause| clause.matches(payment) != clause.negated)
    }
}

impl Clause {
    fn matches(&self, payment: &PaymentBook) -> bool {
        let number = match self.field {
            Field::Amount => payment.amount,
            Field::Created => payment.created,
            Field::Metadata(ref key) => {
                return payment.metadata.get(key).is_some_and(|value| self.text(value));
            }
            Field::Status => return self.text(&payment.status),
            Field::Currency => return self.text(&payment.currency),
        };
        let Ok(wanted) = self.value.parse::<i64>() else { return false };
        match self.operator {
            Operator::Is => number == wanted,
            Operator::Contains => false,
            Operator::More => number > wanted,
            Operator::MoreOrEqual => number >= wanted,
            Operator::Less => number < wanted,
            Operator::LessOrEqual => number <= wanted,
        }
    }

    fn text(&self, value: &str) -> bool {
        match self.operator {
            Operator::Contains => value.contains(&self.value),
            _ => value == self.value,
        }
    }
}

fn clause(text: &str) -> Option<(Clause, &str)> {
    let (negated, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (field, rest) = if let Some(rest) = text.strip_prefix("metadata[") {
        let (key, rest) = quoted(rest)?;
        (Field::Metadata(key), rest.strip_prefix(']')?)
    } else {
        let end = text.find(|c: char| !c.is_ascii_alphabetic() && c != '_')?;
        let field = match &text[..end] {
            "status" => Field::Status,
            "currency" => Field::Currency,
            "amount" => Field::Amount,
            "created" => Field::Created,
            _ => return None,
        };
        (field, &text[end..])
    };
    let operators = [
        (">=", Operator::MoreOrEqual),
        ("<=", Operator::LessOrEqual),
        (">", Operator::More),
        ("<", Operator::Less),
        (":", Operator::Is),
        ("~", Operator::Contains),
    ];
    let (operator, rest) =
        operators.iter().find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)))?;
    let numeric = matches!(field, Field::Amount | Field::Created);
    let (value, rest) = if numeric {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        (rest[..end].to_owned(), &rest[end..])
    } else {
        quoted(rest)?
    };
    // Only numbers are compared by size, only text by part.
    let fits = match operator {
        Operator::Is => true,
        Operator::Contains => !numeric,
        _ => numeric,
    };
    fits.then_some((Clause { negated, field, operator, value }, rest))
}

/// A text in single or double quotes; a backslash escapes.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            c if c == quote => return Some((value, &text[at + 1..])),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment() -> PaymentBook {
        PaymentBook {
            id: "pi_1".into(),
            status: "succeeded".into(),
            amount: 1000,
            currency: "eur".into(),
            metadata: [("payment_id".to_owned(), "it's".to_owned())].into(),
            description: None,
            payment_method: None,
            return_url: None,
            payment_method_types: vec!["card".into()],
            idempotency_key: None,
            created: 50,
            authentication_failed: false,
            charges: vec![],
        }
    }

    #[test]
    fn finds_what_matches_and_only_that() {
        for (query, expected) in [
            (r#"metadata["payment_id"]:"it's""#, true),
            (r"metadata['payment_id']:'it\'s'", true),
            ("metadata['payment_id']:'it'", false),
            ("metadata['payment_id']~'it'", true),
            ("metadata['other']:'x'", false),
            ("status:'succeeded' AND amount:1000", true),
            ("status:'succeeded' amount>1000", false),
            ("-status:'succeeded'", false),
            ("created>=50", true),
        ] {
            assert_eq!(Query::parse(query).unwrap().matches(&payment()), expected, "{query}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for query in [
            "",
            "pay_1",
            "metadata[payment_id]:'x'",
            "status:succeeded",
            "colour:'red'",
            "amount:'x'",
        ] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
    }
}
