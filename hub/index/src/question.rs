//! What can be asked.

use crate::terms::words;

/// Which end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Highest sequence first.
    #[default]
    NewestFirst,
    /// Lowest sequence first.
    OldestFirst,
}

/// One condition on an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// It has this tag with exactly this value.
    Tag(&'static str, String),
    /// It has this tag with a value that begins so. Only the first 240 bytes count.
    Prefix(&'static str, String),
    /// Its text has this word, in any case.
    Word(String),
    /// Its text has a word that begins so, in any case.
    WordPrefix(String),
    /// One of these holds. None holds of an empty list.
    Any(Vec<Clause>),
    /// All of these hold. An empty list holds.
    All(Vec<Clause>),
}

impl Clause {
    /// All words of a text. The last may be the beginning of one, unless something that is not
    /// of a word follows it. A text without a word finds nothing.
    pub fn text(text: &str) -> Self {
        let open = text.chars().next_back().is_some_and(char::is_alphanumeric);
        let mut all: Vec<Self> = words(text).map(Clause::Word).collect();
        match all.pop() {
            None => Clause::Any(Vec::new()),
            Some(Clause::Word(last)) if open => {
                all.push(Clause::WordPrefix(last));
                Clause::All(all)
            }
            Some(last) => {
                all.push(last);
                Clause::All(all)
            }
        }
    }
}

/// Which events, how many, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// All of these hold.
    pub all: Vec<Clause>,
    /// Happened at or after this, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Happened before this, Unix milliseconds.
    pub until_ms: Option<i64>,
    /// Goes on after this sequence, in the direction of `order`.
    pub after: Option<u64>,
    /// Nothing above this sequence, whatever the order.
    pub upto: Option<u64>,
    /// Which end first.
    pub order: Order,
    /// At most so many.
    pub limit: usize,
}

impl Default for Question {
    /// The newest 50 events.
    fn default() -> Self {
        Self {
            all: Vec::new(),
            since_ms: None,
            until_ms: None,
            after: None,
            upto: None,
            order: Order::default(),
            limit: 50,
        }
    }
}

impl Question {
    /// The lowest and the highest sequence that can be an answer, if any can.
    pub(crate) fn bounds(&self, last: u64) -> Option<(u64, u64)> {
        let (mut low, mut high) = (1, self.upto.map_or(last, |upto| upto.min(last)));
        match (self.order, self.after) {
            (_, None) => {}
            (Order::NewestFirst, Some(after)) => high = high.min(after.checked_sub(1)?),
            (Order::OldestFirst, Some(after)) => low = after.checked_add(1)?,
        }
        (low <= high).then_some((low, high))
    }

    pub(crate) fn times(&self) -> Times {
        Times { since: self.since_ms, until: self.until_ms }
    }
}

/// A range of times, the end not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
}

impl Times {
    pub(crate) fn is_open(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    pub(crate) fn has(self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// Can one of the times within `min` and `max` be in the range?
    pub(crate) fn touches(self, min: i64, max: i64) -> bool {
        self.since.is_none_or(|since| max >= since) && self.until.is_none_or(|until| min < until)
    }
}
