//! Creating and changing accounts: `/api/user/add`, `/api/user/update`, passwords.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::books::RIGHTS_DEFAULT;
use super::params::{Code, Params};
use super::world::{Account, World};
use super::{Group, retcode};

/// Names keep this many characters (128 with the end-of-line character).
const NAME_CHARS_MAX: usize = 127;
/// An account's comment keeps this many characters (64 with the end-of-line character).
const COMMENT_CHARS_MAX: usize = 63;
/// Passwords: the group says the least, never below 8; this is the most.
const PASSWORD_CHARS_MAX: usize = 16;
/// The highest leverage, 1:500.
const LEVERAGE_MAX: u32 = 500;

/// Fields that are kept as given, by the platform's name.
const TEXT_FIELDS: &[&str] = &[
    "FirstName",
    "LastName",
    "MiddleName",
    "Company",
    "Country",
    "City",
    "State",
    "ZIPCode",
    "Address",
    "Phone",
    "EMail",
    "ID",
    "Status",
    "Comment",
    "Language",
    "Color",
    "Agent",
    "Account",
    "LeadSource",
    "LeadCampaign",
    "MQID",
    "ClientID",
];

impl World {
    /// Creates an account, and gives its login.
    pub fn add_user(&mut self, params: &Params) -> Result<u64, Code> {
        let group = self.group(params.required("group")?)?;
        let leverage = leverage(params)?.ok_or(retcode::PARAMS)?;
        let name = cut(params.required("name")?, NAME_CHARS_MAX);
        let (pass_main, pass_investor) =
            (params.required("pass_main")?, params.required("pass_investor")?);
        if !strong(pass_main, &group) || !strong(pass_investor, &group) {
            return Err(retcode::PASSWORD);
        }
        let rights = params.number("rights")?.unwrap_or(RIGHTS_DEFAULT);
        let login = match params.number::<u64>("login")? {
            Some(login) if login != 0 => login,
            _ => self.free_login()?,
        };
        if self.accounts.contains_key(&login) {
            return Err(retcode::LOGIN_EXISTS);
        }
        let mut account = Account {
            login,
            group,
            name,
            leverage,
            rights,
            fields: BTreeMap::new(),
            pass_main: pass_main.into(),
            pass_investor: pass_investor.into(),
            registered_ms: self.time.now_ms(),
            balance: Decimal::ZERO,
            credit: Decimal::ZERO,
            positions: BTreeMap::new(),
            deals: Vec::new(),
        };
        set_fields(&mut account, params);
        self.accounts.insert(login, account);
        Ok(login)
    }

    /// Changes what is given and nothing else; rights are replaced as a whole. "If a parameter value is incorrect,
    /// the parameter does not change."
    pub fn update_user(&mut self, params: &Params) -> Result<u64, Code> {
        let login = params.required_number("login")?;
        let moved_to = params.get("group").map(|name| self.group(name)).transpose()?;
        let account = self.account_mut(login)?;
        if let Some(group) = moved_to {
            if group.currency != account.group.currency {
                return Err(retcode::OTHER_CURRENCY);
            }
            account.group = group;
        }
        if let Ok(Some(rights)) = params.number("rights") {
            account.rights = rights;
        }
        if let Ok(Some(leverage)) = leverage(params) {
            account.leverage = leverage;
        }
        if let Some(name) = params.get("name") {
            account.name = cut(name, NAME_CHARS_MAX);
        }
        set_fields(account, params);
        Ok(login)
    }

    /// `/api/user/check_password`.
    pub fn check_password(&self, params: &Params) -> Result<(), Code> {
        let account = self.account(params.required_number("login")?)?;
        let right = if is_investor(params)? { &account.pass_investor } else { &account.pass_main };
        if params.required("password")? == right { Ok(()) } else { Err(retcode::PASSWORD) }
    }

    /// `/api/user/change_password`.
    pub fn change_password(&mut self, params: &Params) -> Result<(), Code> {
        let (investor, password) = (is_investor(params)?, params.required("password")?);
        let account = self.account_mut(params.required_number("login")?)?;
        if !strong(password, &account.group) {
            return Err(retcode::PASSWORD);
        }
        *(if investor { &mut account.pass_investor } else { &mut account.pass_main }) =
            password.into();
        Ok(())
    }

    /// A group by name; one that does not exist is a matter of permissions (`/api/user/add`, notes).
    pub fn group(&self, name: &str) -> Result<Group, Code> {
        self.config.groups.iter().find(|g| g.name == name).cloned().ok_or(retcode::PERMISSIONS)
    }
}

fn is_investor(params: &Params) -> Result<bool, Code> {
    match params.required("type")? {
        "main" => Ok(false),
        "investor" => Ok(true),
        _ => Err(retcode::PARAMS),
    }
}

fn leverage(params: &Params) -> Result<Option<u32>, Code> {
    match params.number("leverage")? {
        Some(leverage) if (1..=LEVERAGE_MAX).contains(&leverage) => Ok(Some(leverage)),
        None => Ok(None),
        Some(_) => Err(retcode::PARAMS),
    }
}

fn set_fields(account: &mut Account, params: &Params) {
    for name in TEXT_FIELDS {
        if let Some(value) = params.get(name) {
            let chars_max = if *name == "Comment" { COMMENT_CHARS_MAX } else { NAME_CHARS_MAX };
            account.fields.insert(name, cut(value, chars_max));
        }
    }
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// Four kinds of characters, and a length that the group allows.
fn strong(password: &str, group: &Group) -> bool {
    let any = |kind: fn(char) -> bool| password.chars().any(kind);
    (group.password_chars_min.max(8)..=PASSWORD_CHARS_MAX).contains(&password.chars().count())
        && any(|c| c.is_ascii_lowercase())
        && any(|c| c.is_ascii_uppercase())
        && any(|c| c.is_ascii_digit())
        && any(|c| !c.is_alphanumeric() && !c.is_whitespace())
}
