//! The applicants and what happens to them. No I/O: a change leaves a list of webhooks to send.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Clock, Ids};

/// How a review ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Approved.
    Green,
    /// Rejected; the applicant may hand in again.
    RedRetry {
        /// Sumsub's reject labels, such as `DOCUMENT_PAGE_MISSING`.
        labels: Vec<String>,
    },
    /// Rejected for good.
    RedFinal {
        /// Sumsub's reject labels, such as `FORGERY`.
        labels: Vec<String>,
    },
}

impl Review {
    /// `reviewAnswer`, `reviewRejectType` and `rejectLabels`.
    pub(super) fn parts(&self) -> (&'static str, Option<&'static str>, &[String]) {
        match self {
            Self::Green => ("GREEN", None, &[]),
            Self::RedRetry { labels } => ("RED", Some("RETRY"), labels),
            Self::RedFinal { labels } => ("RED", Some("FINAL"), labels),
        }
    }
}

/// Where an applicant is (`docs.sumsub.com/docs/applicant-statuses`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReviewStatus {
    /// Created; nothing handed in.
    Init,
    /// Handed in; being checked.
    Pending,
    /// A person must look.
    OnHold,
    /// Checked; the result says how it went.
    Completed,
}

impl ReviewStatus {
    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Pending => "pending",
            Self::OnHold => "onHold",
            Self::Completed => "completed",
        }
    }
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchChange {
    /// Neither an applicant's id nor an external user id.
    #[error("Sumsub has no applicant {0:?}: create it first, or check the id")]
    Unknown(String),
    /// A FINAL rejection ends an applicant (error 1009, `applicant-with-final-reject`).
    #[error(
        "Sumsub rejected applicant {0} for good: it cannot hand in again; reset it, or use another one"
    )]
    RejectedForGood(String),
}

/// An applicant, as an assertion sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicantBook {
    /// 24 hexadecimal digits.
    pub id: String,
    /// 24 hexadecimal digits.
    pub inspection_id: String,
    /// The caller's name for the applicant.
    pub external_user_id: String,
    /// The verification level.
    pub level_name: String,
    /// As given at creation.
    pub email: Option<String>,
    /// As given at creation.
    pub phone: Option<String>,
    /// As given at creation; null when none.
    pub fixed_info: Value,
    /// As given at creation.
    pub lang: Option<String>,
    /// Where it is.
    pub status: ReviewStatus,
    /// The last review's outcome.
    pub review: Option<Review>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the last review ended.
    pub reviewed_at: Option<Timestamp>,
    /// Times it has handed in.
    pub attempts: u32,
    /// Times a caller asked to create it: 1, and one more for each refused with 409.
    pub create_calls: u32,
    /// SDK links and tokens issued for it.
    pub sdk_links: u32,
    /// Identifies the review.
    pub review_id: String,
}

/// Everything the simulated Sumsub holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SumsubBooks {
    /// In the order of creation.
    pub applicants: Vec<ApplicantBook>,
}

impl SumsubBooks {
    /// The applicant with this id or external user id.
    #[must_use]
    pub fn applicant(&self, who: &str) -> Option<&ApplicantBook> {
        self.applicants.iter().find(|a| is(a, who))
    }
}

/// What a caller gives to create an applicant.
#[derive(Debug, Clone, Default)]
pub(super) struct NewApplicant {
    pub external_user_id: String,
    pub level_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub fixed_info: Value,
    pub lang: Option<String>,
}

/// A webhook to send.
#[derive(Debug)]
pub(super) struct Told {
    pub correlation_id: String,
    pub kind: &'static str,
    pub applicant: ApplicantBook,
    pub at: Timestamp,
}

/// An SDK session: a link or token that was issued.
#[derive(Debug, Clone)]
pub(super) struct SdkSession {
    pub token: String,
    pub user_id: String,
    pub level_name: String,
    pub expires_at_unix_s: i64,
}

#[derive(Debug)]
pub(super) struct State {
    ids: Ids,
    clock: Clock,
    applicants: Vec<ApplicantBook>,
    sessions: Vec<SdkSession>,
    told: Vec<Told>,
}

impl State {
    pub fn new(seed: u64, clock: Clock) -> Self {
        Self { ids: Ids::new(seed), clock, applicants: vec![], sessions: vec![], told: vec![] }
    }

    pub fn books(&self) -> SumsubBooks {
        SumsubBooks { applicants: self.applicants.clone() }
    }

    pub fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    pub fn correlation_id(&mut self) -> String {
        self.ids.hex(32)
    }

    pub fn find(&self, who: &str) -> Option<&ApplicantBook> {
        self.applicants.iter().find(|a| is(a, who))
    }

    pub fn find_by_id(&self, id: &str) -> Option<&ApplicantBook> {
        self.applicants.iter().find(|a| a.id == id)
    }

    pub fn find_by_external_id(&self, external_id: &str) -> Option<&ApplicantBook> {
        self.applicants.iter().find(|a| a.external_user_id == external_id)
    }

    /// Creates an applicant; the id of the existing one when the external user id is taken.
    pub fn create(&mut self, new: NewApplicant) -> Result<ApplicantBook, String> {
        if let Some(existing) =
            self.applicants.iter_mut().find(|a| a.external_user_id == new.external_user_id)
        {
            existing.create_calls += 1;
            return Err(existing.id.clone());
        }
        let applicant = ApplicantBook {
            id: self.ids.hex(24),
            inspection_id: self.ids.hex(24),
            external_user_id: new.external_user_id,
            level_name: new.level_name,
            email: new.email,
            phone: new.phone,
            fixed_info: new.fixed_info,
            lang: new.lang,
            status: ReviewStatus::Init,
            review: None,
            created_at: self.clock.now(),
            reviewed_at: None,
            attempts: 0,
            create_calls: 1,
            sdk_links: 0,
            review_id: self.ids.alphanumeric("", 5),
        };
        self.applicants.push(applicant.clone());
        self.tell(self.applicants.len() - 1, "applicantCreated");
        Ok(applicant)
    }

    /// Issues an SDK link or token; the applicant need not exist yet.
    pub fn open_session(&mut self, user_id: &str, level_name: &str, ttl_s: u32) -> String {
        let token = self.ids.alphanumeric("_act-sbx-", 32);
        if let Some(applicant) = self.applicants.iter_mut().find(|a| a.external_user_id == user_id)
        {
            applicant.sdk_links += 1;
        }
        self.sessions.push(SdkSession {
            token: token.clone(),
            user_id: user_id.into(),
            level_name: level_name.into(),
            expires_at_unix_s: self.clock.unix_s().saturating_add(i64::from(ttl_s)),
        });
        token
    }

    /// The session of `token`, unless it has expired.
    pub fn session(&self, token: &str) -> Option<SdkSession> {
        let now = self.clock.unix_s();
        self.sessions.iter().find(|s| s.token == token && s.expires_at_unix_s > now).cloned()
    }

    pub fn submit(&mut self, who: &str) -> Result<(), NoSuchChange> {
        let i = self.index(who)?;
        let applicant = &mut self.applicants[i];
        if matches!(applicant.review, Some(Review::RedFinal { .. })) {
            return Err(NoSuchChange::RejectedForGood(applicant.id.clone()));
        }
        applicant.status = ReviewStatus::Pending;
        applicant.attempts += 1;
        self.tell(i, "applicantPending");
        Ok(())
    }

    pub fn review(&mut self, who: &str, review: Review) -> Result<(), NoSuchChange> {
        let i = self.index(who)?;
        let now = self.clock.now();
        let applicant = &mut self.applicants[i];
        applicant.status = ReviewStatus::Completed;
        applicant.review = Some(review);
        applicant.reviewed_at = Some(now);
        self.tell(i, "applicantReviewed");
        Ok(())
    }

    pub fn hold(&mut self, who: &str) -> Result<(), NoSuchChange> {
        let i = self.index(who)?;
        self.applicants[i].status = ReviewStatus::OnHold;
        self.tell(i, "applicantOnHold");
        Ok(())
    }

    pub fn reset(&mut self, who: &str) -> Result<(), NoSuchChange> {
        let i = self.index(who)?;
        let applicant = &mut self.applicants[i];
        applicant.status = ReviewStatus::Init;
        applicant.review = None;
        applicant.reviewed_at = None;
        self.tell(i, "applicantReset");
        Ok(())
    }

    fn index(&self, who: &str) -> Result<usize, NoSuchChange> {
        self.applicants
            .iter()
            .position(|a| is(a, who))
            .ok_or_else(|| NoSuchChange::Unknown(who.into()))
    }

    fn tell(&mut self, i: usize, kind: &'static str) {
        let correlation_id = format!("req-{}", self.ids.hex(32));
        let applicant = self.applicants[i].clone();
        self.told.push(Told { correlation_id, kind, applicant, at: self.clock.now() });
    }
}

fn is(applicant: &ApplicantBook, who: &str) -> bool {
    applicant.id == who || applicant.external_user_id == who
}
