//! Accounts: open, find, disable, move to another group.
use crate::Mt5;
use crate::reference::reference;
use crate::session::Manager;
use crate::settings::Settings;
use crate::wire::{Int, User};
use hub_plugin_sdk::actions::platform::{
    ChangeGroup, CreateAccount, DisableAccount, Done, FindAccount, FoundAccount, OpenedAccount,
};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::schemas::ConnectionId;

/// `USER_RIGHT_TRADE_DISABLED` of `IMTUser::EnUsersRights`.
const TRADE_DISABLED: i64 = 0x4;
/// Logins in one request: keeps its URL under 5 KB.
const LOGINS_PER_REQUEST: usize = 400;
/// Requests of one search: with the log-in and the list they stay within the hub's 16 steps.
const SEARCH_REQUESTS_MAX: usize = 10;

impl Platform for Mt5 {
    /// The account's comment holds the reference of the provisioning, so that it can be found.
    /// Passwords go in the body: the documentation warns that addresses are logged on the way.
    async fn create_account(ctx: &Ctx, new: CreateAccount) -> Result<OpenedAccount, Error> {
        let settings: Settings = ctx.settings()?;
        let manager = Manager::new(ctx, &settings);
        manager.check().await?;
        let leverage = new.leverage.to_string();
        let comment = reference(new.provisioning.as_str());
        let mut query = vec![
            ("group", new.group.as_str()),
            ("name", &new.name),
            ("leverage", &leverage),
            ("comment", &comment),
        ];
        query.extend(new.email.as_deref().map(|email| ("email", email)));
        let request = Request::post(settings.url("/api/user/add", &query))
            .header("content-type", [text("application/json")])
            .body([
                text(r#"{"PassMain":""#),
                secret("password_main").json_escaped(),
                text(r#"","PassInvestor":""#),
                secret("password_investor").json_escaped(),
                text(r#""}"#),
            ]);
        let added = manager.once::<User>("opening an account", request).await?;
        let login = added.answer.map(|user| user.login).filter(|login| login.0 > 0);
        match login.or(added.login).filter(|login| login.0 > 0) {
            Some(login) => Ok(OpenedAccount { login: login.to_string() }),
            None => Err(Error::UnknownOutcome(
                "opening an account: MetaTrader answered Done, and named no login".to_owned(),
            )),
        }
    }

    /// Searches the group for the comment, the newest logins first. It says that there is none
    /// only when it has seen every account of the group.
    async fn find_account(ctx: &Ctx, find: FindAccount) -> Result<FoundAccount, Error> {
        const WHAT: &str = "looking for an account";
        let settings: Settings = ctx.settings()?;
        let manager = Manager::new(ctx, &settings);
        let group = [("group", find.request.group.as_str())];
        let mut logins: Vec<Int> = manager.list(WHAT, "/api/user/logins", &group).await?;
        logins.sort_unstable_by_key(|login| std::cmp::Reverse(login.0));
        let comment = reference(find.request.provisioning.as_str());
        for page in logins.chunks(LOGINS_PER_REQUEST).take(SEARCH_REQUESTS_MAX) {
            let page = joined(page);
            let users: Vec<User> =
                manager.list(WHAT, "/api/user/get_batch", &[("login", &page)]).await?;
            if let Some(user) = users.iter().find(|user| user.comment == comment) {
                let found = Some(OpenedAccount { login: user.login.to_string() });
                return Ok(FoundAccount { found });
            }
        }
        if logins.len() > LOGINS_PER_REQUEST * SEARCH_REQUESTS_MAX {
            return Err(Error::UnknownOutcome(format!(
                "{WHAT}: group {} has {} accounts, and the comment {comment} is on none of the {} \
                 newest: look for it by hand",
                find.request.group,
                logins.len(),
                LOGINS_PER_REQUEST * SEARCH_REQUESTS_MAX
            )));
        }
        Ok(FoundAccount { found: None })
    }

    /// Reads the rights, adds `TRADE_DISABLED`, writes them: other rights stay as they are.
    async fn disable_account(ctx: &Ctx, disable: DisableAccount) -> Result<Done, Error> {
        const WHAT: &str = "disabling an account";
        let settings: Settings = ctx.settings()?;
        let manager = Manager::new(ctx, &settings);
        let login = login_of(ctx, &disable.account)?;
        let rights = rights(&manager, WHAT, &login).await?;
        if rights & TRADE_DISABLED != 0 {
            return Ok(Done {});
        }
        let wanted = (rights | TRADE_DISABLED).to_string();
        let query = [("login", login.as_str()), ("rights", &wanted)];
        let changed = manager.change::<User>(WHAT, "/api/user/update", &query).await?;
        // The server keeps a value that it does not like, and still answers Done.
        let now = match changed.answer.and_then(|user| user.rights) {
            Some(rights) => rights.0,
            None => self::rights(&manager, WHAT, &login).await?,
        };
        if now & TRADE_DISABLED == 0 {
            return Err(Error::transient(format!(
                "{WHAT}: MetaTrader answered Done, but {login} may still trade (rights {now})"
            )));
        }
        Ok(Done {})
    }

    async fn change_group(ctx: &Ctx, change: ChangeGroup) -> Result<Done, Error> {
        const WHAT: &str = "moving an account to another group";
        let settings: Settings = ctx.settings()?;
        let manager = Manager::new(ctx, &settings);
        let login = login_of(ctx, &change.account)?;
        let query = [("login", login.as_str()), ("group", &change.group)];
        let changed = manager.change::<User>(WHAT, "/api/user/update", &query).await?;
        let now = match changed.answer.and_then(|user| user.group) {
            Some(group) => Some(group),
            None => user(&manager, WHAT, &login).await?.group,
        };
        if now.as_deref() != Some(change.group.as_str()) {
            return Err(Error::InvalidRequest(format!(
                "{WHAT}: MetaTrader answered Done, but {login} is still in {}: the group {} does \
                 not exist or is not open to the manager",
                now.as_deref().unwrap_or("an unnamed group"),
                change.group
            )));
        }
        Ok(Done {})
    }
}

impl Probe for Mt5 {
    /// Logs in if need be, and proves that the session answers.
    async fn probe(ctx: &Ctx) -> Result<(), Error> {
        let settings: Settings = ctx.settings()?;
        Manager::new(ctx, &settings).check().await
    }
}

async fn user(manager: &Manager<'_>, what: &str, login: &str) -> Result<User, Error> {
    manager.ask(what, "/api/user/get", &[("login", login)]).await
}

async fn rights(manager: &Manager<'_>, what: &str, login: &str) -> Result<i64, Error> {
    user(manager, what, login).await?.rights.map(|rights| rights.0).ok_or_else(|| {
        Error::transient(format!("{what}: the record of {login} does not say its rights"))
    })
}

/// The login of an account of this connection.
pub(crate) fn login_of(ctx: &Ctx, account: &AccountId) -> Result<String, Error> {
    let login = account.login();
    let ours = ConnectionId::new(ctx.connection())
        .and_then(|connection| AccountId::of(&connection, login))
        .is_ok_and(|id| id == *account);
    let is_number = !login.is_empty() && login.bytes().all(|byte| byte.is_ascii_digit());
    if !ours || !is_number {
        return Err(Error::InvalidRequest(format!(
            "{account} is no account of {}: an id such as {}:50001 is expected",
            ctx.connection(),
            ctx.connection()
        )));
    }
    Ok(login.to_owned())
}

/// `1,2,3`.
pub(crate) fn joined(numbers: &[Int]) -> String {
    let texts: Vec<String> = numbers.iter().map(Int::to_string).collect();
    texts.join(",")
}
