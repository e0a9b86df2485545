//! Return codes: `"0 Done"`, `"13 Not found"` … Texts from the vendor facts (`retcodes.json`).

/// Success.
pub const DONE: u32 = 0;
/// `MT_RET_ERROR`.
pub const ERROR: u32 = 2;
/// `MT_RET_ERR_PARAMS`.
pub const PARAMS: u32 = 3;
/// `MT_RET_ERR_PERMISSIONS`.
pub const PERMISSIONS: u32 = 8;
/// `MT_RET_ERR_TIMEOUT`.
pub const TIMEOUT: u32 = 9;
/// `MT_RET_ERR_NOTFOUND`.
pub const NOT_FOUND: u32 = 13;
/// `MT_RET_AUTH_CLIENT_INVALID`.
pub const AUTH_CLIENT: u32 = 1000;
/// `MT_RET_AUTH_ACCOUNT_INVALID`.
pub const AUTH_ACCOUNT: u32 = 1001;
/// `MT_RET_USR_LOGIN_EXHAUSTED`.
pub const LOGINS_EXHAUSTED: u32 = 3002;
/// `MT_RET_USR_LOGIN_EXIST`.
pub const LOGIN_EXISTS: u32 = 3004;
/// `MT_RET_USR_INVALID_PASSWORD`.
pub const PASSWORD: u32 = 3006;
/// `MT_RET_USR_DIFFERENT_CURRENCY`.
pub const OTHER_CURRENCY: u32 = 3010;
/// `MT_RET_TRADE_MAX_MONEY`.
pub const MONEY_LIMIT: u32 = 4005;
/// `MT_RET_REQUEST_DONE`.
pub const REQUEST_DONE: u32 = 10009;
/// `MT_RET_REQUEST_INVALID`.
pub const REQUEST_INVALID: u32 = 10013;
/// `MT_RET_REQUEST_INVALID_VOLUME`.
pub const INVALID_VOLUME: u32 = 10014;
/// `MT_RET_REQUEST_TRADE_DISABLED`.
pub const TRADE_DISABLED: u32 = 10017;
/// `MT_RET_REQUEST_NO_MONEY`.
pub const NO_MONEY: u32 = 10019;
/// `MT_RET_REQUEST_PRICE_OFF`.
pub const NO_PRICES: u32 = 10021;
/// `MT_RET_REQUEST_TOO_MANY`.
pub const TOO_MANY_REQUESTS: u32 = 10024;
/// `MT_RET_REQUEST_POSITION_CLOSED`: the position is not there any more.
pub const POSITION_CLOSED: u32 = 10036;

const TEXTS: &[(u32, &str)] = &[
    (DONE, "Done"),
    (1, "Ok; no data"),
    (ERROR, "Common error"),
    (PARAMS, "Invalid parameters"),
    (4, "Invalid data"),
    (5, "Disk error"),
    (6, "Memory error"),
    (7, "Network error"),
    (PERMISSIONS, "Not enough permissions"),
    (TIMEOUT, "Operation timeout"),
    (10, "No connection"),
    (11, "Service is not available"),
    (12, "Too frequent requests"),
    (NOT_FOUND, "Not found"),
    (14, "Partial error"),
    (15, "Server shutdown in progress"),
    (16, "Operation has been canceled"),
    (17, "Duplicate data"),
    (AUTH_CLIENT, "Invalid terminal type"),
    (AUTH_ACCOUNT, "Invalid account"),
    (1002, "Account disabled"),
    (1011, "Account doesn't have manager config"),
    (LOGINS_EXHAUSTED, "Logins range exhausted"),
    (3003, "Login reserved at another server"),
    (LOGIN_EXISTS, "Account already exists"),
    (PASSWORD, "Invalid account password"),
    (3007, "Users limit reached"),
    (3008, "Account has open trades"),
    (OTHER_CURRENCY, "Move account to currency group"),
    (4001, "Orders or deals limit reached"),
    (MONEY_LIMIT, "Money limit reached"),
    (10006, "Request rejected"),
    (REQUEST_DONE, "Done"),
    (10012, "Request timeout"),
    (REQUEST_INVALID, "Invalid request"),
    (INVALID_VOLUME, "Invalid volume"),
    (10015, "Invalid price"),
    (TRADE_DISABLED, "Trade disabled"),
    (10018, "Market closed"),
    (NO_MONEY, "Not enough money"),
    (NO_PRICES, "No prices"),
    (TOO_MANY_REQUESTS, "Too many trade requests"),
    (POSITION_CLOSED, "Position closed"),
];

/// A code as it is written on the wire: the number, a space, a text.
#[must_use]
pub fn wire(code: u32) -> String {
    let text = TEXTS.iter().find(|(c, _)| *c == code).map_or("Error", |(_, text)| *text);
    format!("{code} {text}")
}
