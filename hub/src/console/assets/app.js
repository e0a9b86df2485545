// The hub's console: the live log, one event, one delivery, the quarantine, and the hub's health.
//
// Invariant: whatever the API says may have been chosen by a stranger. It reaches the page only as
// text nodes (see `h`), links only ever lead to a `#/…` of this page, and class names come from
// fixed tables. The page's content security policy (trusted types) holds this to be true.

/** Rows kept in the page, and live events kept while the list is held. */
const ROWS_MAX = 500;
const PAGE_ROWS = 100;
const SUMMARY_CHARS_MAX = 300;
/** Effects are drawn to this depth: the API bounds the number, this bounds the nesting. */
const TREE_DEPTH_MAX = 40;
const REQUEST_TIMEOUT_MS = 15_000;
const STATUS_EVERY_MS = 5_000;
const STATUS_HIDDEN_EVERY_MS = 30_000;
const QUARANTINE_EVERY_MS = 30_000;
const FLUSH_EVERY_MS = 200;
const ANNOUNCE_EVERY_MS = 10_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** A stream that says nothing, no keep-alive either, for so long is taken for dead. */
const STREAM_SILENCE_MS = 60_000;
/** A line of the stream beyond this is no event of the hub's. */
const STREAM_LINE_CHARS_MAX = 8 * 1024 * 1024;
const TOKEN_KEY = "hub.token";
const FILTERS = ["type", "subject", "client", "account", "connection", "entity", "since", "until", "text"];

const $ = (id) => document.getElementById(id);

// ---------------------------------------------------------------------------------- the page's parts

/** An element. Children are elements or text; attributes starting with `on` are listeners. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "href" && !String(value).startsWith("#/")) throw new Error("links stay in this page");
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : visible(child));
  }
  return element;
}

const fill = (element, ...children) => (element.replaceChildren(...h("i", null, ...children).childNodes), element);
/** Leaves the page alone where nothing changes, so that selections and screen readers stay put. */
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

/** Characters that hide or reorder what stands beside them are written out. */
function visible(text) {
  return String(text).replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Cs}/gu,
    (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

const cut = (text, chars) => (text.length > chars ? `${text.slice(0, chars)}…` : text);
const count = (n) => (typeof n === "number" ? n.toLocaleString() : "–");
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

function age(ms) {
  const s = Math.max(0, Math.round((Date.now() - ms) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

const DAY = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const CLOCK_MS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const clock = (ms) => (Number.isFinite(ms) && Math.abs(ms) < 8e15 ? CLOCK.format(ms) : "?");

/** A moment in local time, with UTC on hover. */
function timeOf(text, more) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return h("span", null, text);
  const day = date.getFullYear() === new Date().getFullYear() ? DAY : DAY_OF_YEAR;
  return h("time", { datetime: date.toISOString(), title: `${visible(text)} (UTC)${more ? `\n${more}` : ""}` },
    h("span", { class: "day" }, day.format(date)), " ", CLOCK_MS.format(date));
}

let toastTimer = 0;
function toast(text) {
  put($("toast"), visible(text));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => put($("toast"), ""), 8_000);
}

async function copy(what, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http on another host has no clipboard API; the old command still works there.
    const area = h("textarea", { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return toast(`The browser did not let ${what} be copied`);
  }
  toast(`Copied: ${what}`);
}
const copyButton = (what, text) => h("button", { type: "button", class: "quiet", onclick: () => copy(what, text()) }, `Copy ${what}`);

// ---------------------------------------------------------------------------------------------- API

class ApiError extends Error {
  constructor(status, problem) {
    super([problem?.title ?? `The hub answered ${status}`, problem?.detail].filter(Boolean).join(": "));
    this.status = status;
    this.code = problem?.code;
  }
}

const token = () => sessionStorage.getItem(TOKEN_KEY);

function headers(more) {
  const all = new Headers(more);
  if (token()) all.set("Authorization", `Bearer ${token()}`);
  return all;
}

async function api(path, { body, key, signal } = {}) {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  let answer, text;
  try {
    answer = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: headers(body === undefined ? { Accept: "application/json" }
        : { Accept: "application/json", "Content-Type": "application/json", "Idempotency-Key": key }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      cache: "no-store",
    });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { title: timeout.aborted ? "The hub did not answer in time" : "The hub cannot be reached" });
  }
  if (answer.ok) {
    try {
      return parseExact(text);
    } catch {
      throw new ApiError(200, { title: "The answer is not JSON", detail: `is something between this page and the hub? ${path}` });
    }
  }
  if (answer.status === 401) askForToken();
  let problem = null;
  try { problem = JSON.parse(text); } catch { /* a proxy's page, not the hub's words */ }
  throw Object.assign(new ApiError(answer.status, problem), { body: problem });
}

/** Parses JSON for showing it again: numbers keep the digits they were sent with, where the browser
 *  can do that (a 64-bit id would otherwise be shown rounded). */
function parseExact(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source !== undefined && JSON.rawJSON && String(value) !== context.source
      ? JSON.rawJSON(context.source) : value);
}
const indented = (value) => JSON.stringify(value, null, 2) ?? "(none)";

/** `crypto.randomUUID` is missing on plain http; there the same is made of random bytes. */
function idempotencyKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

function askForToken() {
  if (token()) put($("token-why"), "The hub refused the token. It may be revoked, or made for another hub.");
  $("forget").hidden = !token();
  if (!$("token-form").hidden) return;
  $("token-form").hidden = false;
  stopStream();
  setLive("off", "Waiting for a token");
  $("token").focus();
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = $("token").value.trim();
  if (!value || /[^\x21-\x7e]/.test(value)) return put($("token-why"), "A token is letters, digits and signs, without spaces.");
  sessionStorage.setItem(TOKEN_KEY, value);
  $("token").value = "";
  afterTokenChange();
});
$("forget").addEventListener("click", () => { sessionStorage.removeItem(TOKEN_KEY); afterTokenChange(); });

function afterTokenChange() {
  $("token-form").hidden = true;
  $("forget").hidden = !token();
  log.key = null;
  refreshStatus();
  route();
}

// ----------------------------------------------------------------------------- events in a sentence

function plain(value) {
  if (value === undefined || value === null) return "?";
  if (typeof value !== "object") return String(value);
  if (typeof value.amount === "string" && typeof value.currency === "string") return `${value.amount} ${value.currency}`;
  return JSON.stringify(value);
}
const say = (parts, ...values) => parts.reduce((text, part, i) => text + plain(values[i - 1]) + part);
const also = (value, text) => (value === undefined || value === null ? "" : text(value));
const failure = (e) => say`${e?.class}: ${e?.message}${also(e?.vendor_code, (c) => ` (${c})`)}`;
const decline = (d) => say`${d?.category}, ${d?.verdict}${also(d?.vendor_code, (c) => ` (${c})`)}`;

const NORMAL = 0, WARN = 1, ALERT = 2;
/** Every type of the catalogue: how urgent, and its data in a sentence. Names, addresses and
 *  other personal data stay out of the sentence. */
const TYPES = {
  "client.registered": [NORMAL, (d) => say`${d.client} registered with ${d.entity}, ${d.country}${also(d.source?.campaign, (c) => `, campaign ${c}`)}${also(d.source?.partner, (p) => `, partner ${p}`)}`],
  "client.stage.changed": [NORMAL, (d) => say`${d.from} → ${d.to}: ${d.because}`],
  "client.transition.refused": [WARN, (d) => say`${d.fact} changes nothing: ${d.reason}`],
  "kyc.requested": [NORMAL, (d) => say`verify ${d.client}${also(d.connection, (c) => ` at ${c}`)}${also(d.level, (l) => `, level ${l}`)}${also(d.rule, (r) => `, rule ${r}`)}`],
  "kyc.applicant.created": [NORMAL, (d) => say`${d.client} is applicant ${d.applicant}`],
  "kyc.review.started": [NORMAL, (d) => say`${d.client} handed everything in; the vendor is looking`],
  "kyc.approved": [NORMAL, (d) => say`${d.client} approved${also(d.level, (l) => `, level ${l}`)}`],
  "kyc.rejected": [WARN, (d) => say`${d.client} rejected${d.final ? ", final" : ", may resubmit"}: ${(d.reasons ?? []).join(", ") || "no reason given"}`],
  "deposit.requested": [NORMAL, (d) => say`${d.client} wants to pay in ${d.amount} by ${d.method}`],
  "deposit.credited": [NORMAL, (d) => say`${d.amount} credited to ${d.client}, taken by ${d.connection}`],
  "deposit.failed": [WARN, (d) => say`${d.client}: ${d.reason}${also(d.decline, (x) => ` (${decline(x)})`)}`],
  "payment.routed": [NORMAL, (d) => say`attempt ${d.attempt} → ${d.chosen ?? "nobody"}; ${d.explanation}`],
  "payment.succeeded": [NORMAL, (d) => say`${d.amount} taken, vendor's ${d.vendor_payment}`],
  "payment.pending": [NORMAL, (d) => say`${d.vendor_payment} pending${d.requires_action ? "; the client must act first" : ""}`],
  "payment.failed": [WARN, (d) => say`declined: ${decline(d.decline)}${also(d.decline?.message, (m) => `: ${m}`)}`],
  "payment.refunded": [NORMAL, (d) => say`${d.amount} given back, refund ${d.vendor_refund}`],
  "payment.refund_failed": [WARN, (d) => say`refund ${d.vendor_refund} did not reach the client: ${d.reason}`],
  "payment.disputed": [WARN, (d) => say`${d.amount} disputed, ${d.vendor_dispute}: ${d.reason}`],
  "payment.foreign": [WARN, (d) => say`no reference of ours: ${d.vendor_type} ${d.vendor_payment}${also(d.amount, (a) => `, ${plain(a)}`)}`],
  "payment.duplicate_charge": [ALERT, (d) => say`${d.connection} took ${d.amount} a second time; it is refunded`],
  "payment.amount_mismatch": [ALERT, (d) => say`asked ${d.asked}, taken ${d.taken}; finance must look`],
  "payout.paid": [NORMAL, (d) => say`${d.amount} paid out, ${d.vendor_payout}`],
  "payout.failed": [WARN, (d) => say`${d.amount} did not reach the client: ${d.reason}`],
  "wallet.posted": [NORMAL, (d) => say`${d.reference}: ${(d.lines ?? []).map((l) => say`${l.account} ${l.amount}`).join("; ")}`],
  "challenge.purchased": [NORMAL, (d) => say`${d.client} bought ${d.programme}, purchase ${d.purchase}`],
  "provisioning.requested": [NORMAL, (d) => say`rule ${d.rule}: ${d.currency} account for ${d.client} on ${d.connection}, group ${d.group}, 1:${d.leverage}`],
  "provisioning.failed": [ALERT, (d) => say`no account for ${d.client} after ${d.attempts} attempts; ${failure(d.error)}`],
  "account.opened": [NORMAL, (d) => say`${d.account} for ${d.client}, ${d.currency}, group ${d.group}${also(d.programme, (p) => `, programme ${p}`)}`],
  "account.funded": [NORMAL, (d) => say`${d.amount} on ${d.account}, ticket ${d.ticket}`],
  "account.equity": [NORMAL, (d) => say`equity ${d.equity}, balance ${d.balance}${also(d.margin, (m) => `, margin ${m}`)}`],
  "account.deal": [NORMAL, (d) => say`${d.kind}${also(d.symbol, (s) => ` ${s}`)}${also(d.volume_lots, (v) => ` ${v} lots`)}, profit ${d.profit}, deal ${d.deal}`],
  "account.disabled": [WARN, (d) => say`${d.account} may no longer trade: ${d.reason}`],
  "account.disable_failed": [ALERT, (d) => say`${d.account} is still open: disable it by hand, now; ${failure(d.error)}`],
  "breach.detected": [ALERT, (d) => say`${d.rule}: ${d.compared} ${d.value} against floor ${d.floor} (${d.programme}, ${d.phase}, client ${d.client})`],
  "action.requested": [NORMAL, (d) => say`${d.kind} asked of ${d.connection}`],
  "action.started": [NORMAL, (d) => say`attempt ${d.attempt}`],
  "action.retrying": [WARN, (d) => say`attempt ${d.attempt}: ${failure(d.error)}; next at ${clock(d.retry_at_ms)}`],
  "action.completed": [NORMAL, (d) => say`${d.kind} done by ${d.connection}, ${plural(d.attempts, "attempt")}${d.found ? ", found by a look-up" : ""}`],
  "action.failed": [WARN, (d) => say`${d.kind} at ${d.connection} given up after ${plural(d.attempts, "attempt")}; ${failure(d.error)}`],
  "config.applied": [NORMAL, (d) => say`rules ${d.version}: ${plural(d.rules?.connections?.length ?? 0, "connection")}, ${plural(d.rules?.routes?.length ?? 0, "route")}, ${plural(d.rules?.provisioning?.length ?? 0, "provisioning rule")}, ${plural(d.rules?.programmes?.length ?? 0, "programme")}`],
  "delivery.quarantined": [ALERT, (d) => say`${d.class}: ${d.reason} (${d.connector})`],
  "delivery.conflict": [ALERT, (d) => say`${d.vendor_event} came again with another content; ${d.first} holds`],
  "quarantine.released": [NORMAL, (d) => say`replayed: ${plural(d.events, "event")}`],
  "quarantine.discarded": [NORMAL, (d) => say`discarded: ${d.reason}`],
  "connection.circuit.opened": [ALERT, (d) => say`${d.connection}: ${d.failures} failures in a row, nothing is sent for a while; ${d.reason}`],
  "connection.circuit.closed": [NORMAL, (d) => say`${d.connection} answers again`],
  "connection.paused": [WARN, (d) => say`${d.connection} paused: ${d.reason}`],
  "connection.resumed": [NORMAL, (d) => say`${d.connection} resumed`],
  "timer.set": [NORMAL, (d) => say`${d.timer} at ${clock(d.at_ms)}`],
  "timer.elapsed": [NORMAL, (d) => say`${d.timer} is due`],
};
/** Families share a colour; the type's own name says the same in words. */
const FAMILIES = {
  client: "client", kyc: "kyc", deposit: "money", payment: "money", payout: "money", wallet: "money",
  challenge: "account", provisioning: "account", account: "account", breach: "breach", action: "action",
  delivery: "trouble", quarantine: "trouble", connection: "connection",
};

const known = (type) => (Object.hasOwn(TYPES, type) ? TYPES[type] : null);

function summary(event) {
  let text;
  try {
    text = known(event.type)?.[1](event.data) ?? JSON.stringify(event.data) ?? "";
  } catch {
    text = JSON.stringify(event.data) ?? ""; // Data of another version: shown as it is.
  }
  return cut(text, SUMMARY_CHARS_MAX);
}

function typeChip(event) {
  const family = String(event.type).split(".")[0];
  const severity = known(event.type)?.[0] ?? NORMAL;
  const sign = [null, ["!", "warning: "], ["▲", "urgent: "]][severity];
  return h("span", { class: `type f-${Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : "other"}` },
    sign && [h("span", { class: "sign", "aria-hidden": "true", title: sign[1].slice(0, -2) }, sign[0]), h("span", { class: "hidden" }, sign[1])],
    event.type);
}

const badges = (event) => [
  event.verified === "none" && h("span", { class: "badge warn", title: "No check proved who sent this: the connection allows unsigned deliveries" }, "unverified"),
  event.type === "delivery.quarantined" && h("a", { class: "badge alert", href: "#/quarantine", tabindex: "-1" }, "quarantined"),
];

const eventHref = (id) => `#/events/${encodeURIComponent(id)}`;
const logHref = (filters) => `#/events?${new URLSearchParams(filters)}`;
const deliveryHref = (id) => `#/deliveries/${encodeURIComponent(id)}`;

// ----------------------------------------------------------------------------------- live stream

/** A parser of server-sent events, by the HTML standard (§9.2.6). Feed it text as it comes. */
function sseParser({ onEvent, onRetry }) {
  let rest = "", afterCr = false, data = [], name = "", id = "";
  const line = (text) => {
    if (text === "") {
      if (data.length) onEvent({ name: name || "message", data: data.join("\n"), id });
      data = []; name = "";
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") name = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) onRetry(Number(value));
  };
  return (chunk) => {
    if (chunk === "") return;
    if (afterCr && chunk[0] === "\n") chunk = chunk.slice(1);
    rest += chunk;
    afterCr = rest.endsWith("\r");
    const lines = rest.split(/\r\n|\r|\n/);
    rest = lines.pop();
    if (rest.length > STREAM_LINE_CHARS_MAX) throw new Error("the stream sent a line without end");
    lines.forEach(line);
  };
}

let streaming = null;
let wakeStream = () => {};

function stopStream() {
  streaming?.abort();
  streaming = null;
}

function startStream(query, after) {
  stopStream();
  streaming = new AbortController();
  runStream(query, after, streaming.signal);
}

async function runStream(query, after, signal) {
  let last = after, failures = 0, retryMs = RETRY_MIN_MS;
  while (!signal.aborted) {
    setLive(failures ? "retrying" : "wait", failures ? "Disconnected, retrying" : "Connecting");
    const silent = new AbortController();
    let timer = 0;
    const alive = () => { clearTimeout(timer); timer = setTimeout(() => silent.abort(), STREAM_SILENCE_MS); };
    try {
      alive();
      const parameters = new URLSearchParams(query);
      if (last !== null) parameters.set("after", last);
      const more = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": String(last) }) };
      const answer = await fetch(`/v1/events/stream?${parameters}`, {
        headers: headers(more), signal: AbortSignal.any([signal, silent.signal]), cache: "no-store",
      });
      if (answer.status === 401) return askForToken();
      if (answer.status >= 400 && answer.status < 500 && ![408, 425, 429].includes(answer.status)) {
        const problem = await answer.json().catch(() => null);
        return setLive("off", new ApiError(answer.status, problem).message);
      }
      if (!answer.ok || !answer.headers.get("content-type")?.startsWith("text/event-stream")) throw new Error(`status ${answer.status}`);
      setLive("live", "● Live");
      const feed = sseParser({
        onRetry: (ms) => { retryMs = Math.min(Math.max(ms, RETRY_MIN_MS), RETRY_MAX_MS); },
        onEvent: ({ name, data, id }) => {
          if (/^[0-9]+$/.test(id)) last = Number(id);
          if (name === "event") received(parseExact(data));
        },
      });
      const decoder = new TextDecoder();
      for (const reader = answer.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        failures = 0;
        feed(decoder.decode(value, { stream: true }));
      }
    } catch (error) {
      if (!signal.aborted) console.info("stream:", error.message);
    } finally {
      clearTimeout(timer);
      silent.abort();
    }
    if (signal.aborted) return;
    failures += 1;
    // Jitter, so that a restarted hub is not met by every open console at once.
    const wait = Math.min(RETRY_MAX_MS, retryMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
    setLive("retrying", "Disconnected, retrying", Date.now() + wait);
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
      wakeStream = resolve;
    });
  }
}

const live = { state: "wait", until: 0 };
function setLive(state, text, until = 0) {
  Object.assign(live, { state, until });
  $("live").dataset.state = state;
  put($("live-text"), visible(text));
  $("retry").hidden = state !== "retrying";
  showCountdown();
}
function showCountdown() {
  put($("live-count"), live.until ? ` in ${Math.max(0, Math.ceil((live.until - Date.now()) / 1000))} s` : "");
}
$("retry").addEventListener("click", () => wakeStream());
window.addEventListener("online", () => wakeStream());

// ------------------------------------------------------------------------------------------ the log

/** What the log view shows. `key`: the query it was loaded for. `held`: live events that wait while
 *  the list is paused, read further down, or paged back (`detached`: then they are only counted). */
const log = { key: null, order: "desc", next: null, paused: false, detached: false, held: [], waiting: 0, scroll: 0, lastScroll: 0, loading: null, announced: 0, back: "#/events" };
const rows = new Map();

const queryOf = (parameters) => {
  const query = new URLSearchParams();
  for (const name of FILTERS) if (parameters.get(name)) query.set(name, parameters.get(name));
  return query;
};

function rowOf(event, fresh) {
  const id = String(event.id);
  const filterBy = (name, value) => (value === undefined || value === null ? "" : h("a", {
    href: logHref({ [name]: value }), tabindex: "-1", title: `${visible(value)}: show only this ${name}` }, value));
  const recorded = `recorded ${visible(event.recordedtime ?? "?")} as number ${event.sequence}`;
  const urgent = known(event.type)?.[0] === ALERT;
  return h("tr", { role: "row", class: `${urgent ? "urgent" : ""}${fresh ? " fresh" : ""}`, "data-id": id },
    h("td", { role: "cell", class: "c-time" }, timeOf(event.time, recorded)),
    h("td", { role: "cell", class: "c-type" }, h("a", { href: eventHref(id), class: "open", title: `${visible(event.type)}: open ${visible(id)}` }, typeChip(event))),
    h("td", { role: "cell", class: "c-subject" }, filterBy("subject", event.subject)),
    h("td", { role: "cell", class: "c-connection" }, filterBy("connection", event.connection)),
    h("td", { role: "cell", class: "c-summary" }, badges(event), h("span", { class: "text", title: visible(summary(event)) }, summary(event))));
}

/** Puts events (in ascending order) at the newer or the older end, and trims the other one. */
function insert(events, end, fresh = false) {
  const body = $("rows"), atTop = (end === "newer") === (log.order === "desc");
  const added = [];
  for (const event of events) {
    if (rows.has(event.sequence)) continue;
    const row = rowOf(event, fresh);
    rows.set(event.sequence, row);
    added.push(row);
  }
  if (log.order === "desc") added.reverse();
  if (atTop) body.prepend(...added); else body.append(...added);
  if (body.childElementCount > ROWS_MAX) {
    const kept = added[0], before = kept?.getBoundingClientRect().top;
    while (body.childElementCount > ROWS_MAX) (atTop ? body.lastElementChild : body.firstElementChild).remove();
    if (!atTop && kept?.isConnected) window.scrollBy(0, kept.getBoundingClientRect().top - before);
    for (const [sequence, row] of rows) if (!row.isConnected) rows.delete(sequence);
    if (log.order === "desc" && end === "newer") log.next = Math.min(...rows.keys());
    if (log.order === "desc" && end === "older") log.detached = true;
  }
}

const pathOf = (query, more) => `/v1/events?${new URLSearchParams([...query, ...Object.entries(more)])}`;
const ascending = (events) => [...events].sort((a, b) => a.sequence - b.sequence);

async function loadLog(query) {
  log.loading?.abort();
  const loading = (log.loading = new AbortController());
  stopStream();
  Object.assign(log, { next: null, detached: false, held: [], waiting: 0 });
  rows.clear();
  $("rows").replaceChildren();
  $("more").hidden = true;
  setLive("wait", "Loading");
  fill($("log-state"), "Loading…");
  try {
    // Asked first: what is recorded after this is either in the page or comes over the stream.
    const ready = await api("/readyz", { signal: loading.signal }).catch((error) => error.body ?? {});
    const page = await api(pathOf(query, { limit: PAGE_ROWS, order: log.order }), { signal: loading.signal });
    insert(ascending(page.events), log.order === "desc" ? "older" : "newer");
    log.next = page.next ?? null;
    showLogState();
    const last = Math.max(ready?.last ?? 0, 0, ...page.events.map((e) => e.sequence));
    if (log.order === "desc" || log.next === null) startStream(query, last);
    else setLive("off", "Live follows at the end of the list");
  } catch (error) {
    if (loading.signal.aborted) return;
    setLive("off", "Not live");
    fill($("log-state"), h("p", { class: "error", role: "alert" }, `The log cannot be shown. ${error.message}`),
      h("button", { type: "button", onclick: () => loadLog(query) }, "Try again"));
  }
}

async function loadMore() {
  const query = queryOf(here().parameters), key = log.key;
  $("more").disabled = true;
  try {
    const page = await api(pathOf(query, { after: log.next, limit: PAGE_ROWS, order: log.order }), { signal: log.loading?.signal });
    if (key !== log.key) return;
    insert(ascending(page.events), log.order === "desc" ? "older" : "newer");
    log.next = page.next ?? null;
    if (log.order === "asc" && log.next === null) startStream(query, Math.max(0, ...rows.keys()));
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message);
  } finally {
    $("more").disabled = false;
  }
  showLogState();
}

function showLogState() {
  const desc = log.order === "desc", filtered = [...queryOf(here().parameters)].length > 0;
  $("more").hidden = log.next === null;
  put($("more"), desc ? "Load older" : "Load newer");
  put($("rows-shown"), rows.size ? `${count(rows.size)} shown${rows.size >= ROWS_MAX ? ` (the most kept)` : ""}` : "");
  if (rows.size) fill($("log-state"), log.next === null ? (desc ? "This is the first event of the list." : "") : "");
  else if (log.next !== null) fill($("log-state"), "Nothing found so far; the search goes on with the button below.");
  else if (filtered) fill($("log-state"), h("p", null, "No event matches these filters. New ones that do appear here by themselves."), h("button", { type: "button", onclick: clearFilters }, "Clear filters"));
  else fill($("log-state"), h("p", null, "No event yet. The first one appears here as soon as a vendor sends something."));
}

function received(event) {
  if (typeof event?.sequence !== "number" || rows.has(event.sequence)) return;
  log.waiting += 1;
  if (log.detached) return;
  log.held.push(event);
  if (log.held.length > 2 * ROWS_MAX) log.held = log.held.slice(-ROWS_MAX);
}

/** Whether the reader looks at the end where new rows come in. */
function following() {
  if (log.paused || log.detached) return false;
  if ($("view-log").hidden) return log.scroll < 40 || log.order === "asc";
  if (log.order === "asc") return window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 120;
  return $("rows").getBoundingClientRect().top >= $("toolbar").getBoundingClientRect().bottom - 80;
}

function flush() {
  if (log.held.length && following()) {
    const atEnd = log.order === "asc" && !$("view-log").hidden;
    insert(ascending(log.held).slice(-ROWS_MAX), "newer", true);
    Object.assign(log, { held: [], waiting: 0 });
    showLogState();
    if (atEnd) window.scrollTo(0, document.documentElement.scrollHeight);
  }
  showWaiting();
}

function showWaiting() {
  const button = $("waiting"), arrow = log.order === "desc" ? "↑" : "↓";
  button.dataset.empty = String(!log.waiting && !log.detached);
  put(button, log.detached ? `Back to live, ${count(log.waiting)} new` : `${arrow} ${count(log.waiting)} new`);
  if (log.waiting && Date.now() - log.announced > ANNOUNCE_EVERY_MS) {
    log.announced = Date.now();
    put($("announce"), `${plural(log.waiting, "new event")} waiting`);
  } else if (!log.waiting) put($("announce"), "");
}

function setPaused(paused) {
  log.paused = paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  put($("pause"), paused ? "Resume" : "Pause");
  $("toolbar").dataset.paused = String(paused);
  flush();
}

$("pause").addEventListener("click", () => setPaused(!log.paused));
$("more").addEventListener("click", loadMore);
$("waiting").addEventListener("click", () => {
  const reload = log.detached;
  if (log.paused) setPaused(false);
  window.scrollTo(0, log.order === "desc" ? 0 : document.documentElement.scrollHeight);
  if (reload) loadLog(queryOf(here().parameters)); else flush();
});
$("rows").addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (!row || event.target.closest("a") || String(getSelection())) return;
  location.hash = eventHref(row.dataset.id);
});
$("rows").addEventListener("keydown", (event) => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const row = step && event.target.closest("tr")?.[step];
  if (!row) return;
  event.preventDefault();
  row.querySelector("a.open").focus();
});

// -------------------------------------------------------------------------------------- log filters

const localInput = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? "" : new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
};

function showFilters(parameters) {
  const form = $("filter-form");
  for (const name of FILTERS) {
    const value = parameters.get(name) ?? "";
    form.elements[name].value = name === "since" || name === "until" ? localInput(value) : value;
  }
  form.elements.order.value = log.order;
  const active = [...queryOf(parameters)].map(([name, value]) =>
    `${name} ${name === "since" || name === "until" ? new Date(value).toLocaleString() : cut(value, 60)}`);
  put($("filters-active"), active.length ? visible(`(${active.length}): ${active.join(" · ")}`) : "");
}

function applyFilters() {
  const form = $("filter-form"), query = new URLSearchParams();
  for (const name of FILTERS) {
    const value = form.elements[name].value.trim();
    if (!value) continue;
    // The address holds UTC: a view that is shared shows the same hours elsewhere.
    query.set(name, name === "since" || name === "until" ? new Date(value).toISOString() : value);
  }
  if (form.elements.order.value === "asc") query.set("order", "asc");
  const target = query.size ? `#/events?${query}` : "#/events";
  if (location.hash === target) return false;
  location.hash = target;
  return true;
}
function clearFilters() {
  location.hash = log.order === "asc" ? "#/events?order=asc" : "#/events";
}
$("filter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!applyFilters()) loadLog(queryOf(here().parameters));
});
// A date changes with every digit that is typed: it counts once the field is left.
$("filter-form").addEventListener("change", (event) => { if (event.target.type !== "datetime-local") applyFilters(); });
$("filter-form").addEventListener("focusout", (event) => { if (event.target.type === "datetime-local") applyFilters(); });
$("filters-clear").addEventListener("click", clearFilters);

// --------------------------------------------------------------------------- pages: event, delivery

/** Starts a page of its own under a title; says how to fill it. */
function page(title, ...head) {
  const content = h("div", { class: "content" });
  fill($("view-page"), h("p", null, h("a", { href: log.back }, "← Back to the log")),
    h("h1", { id: "page-title", tabindex: "-1" }, title), head, content);
  document.title = `${visible(title)} · hub`;
  return content;
}
const failed = (what, error) => h("p", { class: "error", role: "alert" }, `${what} ${error.message}`);
const field = (name, ...value) => h("div", null, h("dt", null, name), h("dd", null, value));
const block = (text) => h("pre", { tabindex: "0" }, text);

const VERIFIED = {
  signature: "signature: a check passed", fetched: "fetched: the hub asked the vendor itself",
  none: "none: the connection allows unsigned deliveries",
};
const ENVELOPE = ["id", "type", "subject", "time", "recordedtime", "sequence", "source", "entity", "connection", "verified", "deliveryid",
  "correlationid", "causationid", "vendorevent", "actor", "traceparent", "dataschema", "datacontenttype", "specversion", "recordhash"];

function envelopeField(event, name) {
  const value = event[name];
  const filter = () => h("a", { href: logHref({ [name]: value }), title: `Show only this ${name}` }, value);
  const special = {
    time: () => [timeOf(value), " ", h("span", { class: "muted" }, value)],
    recordedtime: () => [timeOf(value), " ", h("span", { class: "muted" }, value)],
    type: filter, subject: filter, connection: filter, entity: filter,
    verified: () => [Object.hasOwn(VERIFIED, value) ? VERIFIED[value] : value, " ", badges(event)[0]],
    deliveryid: () => h("a", { href: deliveryHref(value) }, value),
    causationid: () => h("a", { href: eventHref(value) }, value),
    recordhash: () => h("code", null, value),
  };
  return field(name, special[name]?.() ?? (typeof value === "object" ? JSON.stringify(value) : value));
}

function connectorField(event) {
  const own = event.data?.connector;
  if (typeof own === "string") return field("connector", own);
  const now = status.connections.find((c) => c.id === event.connection);
  return now && field("connector", `${now.plugin} ${now.version}`, h("span", { class: "muted" }, " (as configured now)"));
}

async function openEvent(id, signal) {
  const content = page(`Event ${id}`);
  fill(content, "Loading…");
  let event;
  try {
    event = await api(`/v1/events/${encodeURIComponent(id)}`, { signal });
  } catch (error) {
    if (!signal.aborted) fill(content, failed("This event cannot be shown.", error));
    return;
  }
  const shell = (word) => `'${word.replaceAll("'", "'\\''")}'`;
  const curl = () => ["curl -sS", shell(new URL(`/v1/events/${encodeURIComponent(event.id)}`, location.origin).href),
    token() && '-H "Authorization: Bearer $HUB_TOKEN"'].filter(Boolean).join(" ");
  const names = [...ENVELOPE, ...Object.keys(event).filter((name) => !ENVELOPE.includes(name) && name !== "data")];
  const related = ["client", "account", "payment"].filter((name) => typeof event.data?.[name] === "string").map((name) =>
    h("a", { class: "related", href: logHref(name === "payment" ? { subject: `payment/${event.data.payment}` } : { [name]: event.data[name] }) },
      `All of ${name} ${event.data[name]}`));
  const trace = h("div", { class: "trace" }, "Loading…");
  const fields = h("dl", { class: "fields" }, names.filter((name) => event[name] !== undefined).map((name) => envelopeField(event, name)));
  firstStatus.then(() => fields.append(...[connectorField(event)].filter(Boolean)));
  fill(content,
    h("p", { class: "lead" }, typeChip(event), " ", badges(event), " ", summary(event)),
    h("p", { class: "line" }, copyButton("id", () => String(event.id)), copyButton("JSON", () => indented(event)), copyButton("curl line", curl),
      event.sequence > 1 && h("a", { href: eventHref(`evt_${event.sequence - 1}`) }, "← before it"),
      h("a", { href: eventHref(`evt_${event.sequence + 1}`) }, "after it →")),
    related.length > 0 && h("p", { class: "line" }, related),
    h("div", { class: "columns" },
      h("section", { "aria-label": "Data" }, h("h2", null, "Data"), block(indented(event.data))),
      h("section", { "aria-label": "Envelope" }, h("h2", null, "Envelope"),
        fields)),
    h("section", { "aria-label": "Causes and effects" }, h("h2", null, "Causes and effects"), trace),
    event.deliveryid && h("section", { "aria-label": "Raw delivery" }, h("h2", null, `Raw delivery ${event.deliveryid}`), rawDelivery(event.deliveryid, signal)));
  try {
    showTrace(trace, await api(`/v1/events/${encodeURIComponent(id)}/trace`, { signal }));
  } catch (error) {
    if (!signal.aborted) fill(trace, failed("Its causes and effects cannot be shown.", error));
  }
}

function showTrace(into, trace) {
  const zero = new Date(trace.event.time).getTime();
  const item = (event, self) => {
    const ms = new Date(event.time).getTime() - zero;
    const offset = self || Number.isNaN(ms) ? "" : `${ms < 0 ? "−" : "+"}${(Math.abs(ms) / 1000).toLocaleString(undefined, { maximumFractionDigits: 3 })} s`;
    return h("div", { class: self ? "node self" : "node", "aria-current": self && "true" },
      self ? h("strong", null, event.id) : h("a", { href: eventHref(event.id) }, event.id), " ", typeChip(event), " ",
      h("span", { class: "muted" }, self ? "this event" : offset), " ", h("span", { class: "text" }, summary(event)));
  };
  const effects = (list, depth) => list?.length > 0 && h("ul", null, list.map((effect) =>
    h("li", null, item(effect.event), depth < TREE_DEPTH_MAX ? effects(effect.effects, depth + 1) : effect.effects?.length > 0 && "…")));
  const causes = [...(trace.causes ?? [])].reverse();
  fill(into,
    causes.length > 0 && [h("h3", null, "Caused by, from the first"), h("ol", { class: "chain" }, causes.map((event) => h("li", null, item(event))))],
    causes.length === 0 && h("p", { class: "muted" }, "Nothing in the log caused it: it came from outside."),
    item(trace.event, true),
    trace.effects?.length > 0 ? [h("h3", null, "It caused"), h("div", { class: "tree" }, effects(trace.effects, 0))] : h("p", { class: "muted" }, "It has caused nothing so far."),
    trace.truncated && h("p", { class: "notice" }, "There is more than is shown here. Open an event further down to go on, or use hub events trace."));
}

/** A delivery behind a button: it holds personal data, and whoever reads it should mean to. */
function rawDelivery(id, signal) {
  const box = h("div", null);
  const show = async () => {
    fill(box, "Loading…");
    try {
      fill(box, deliveryParts(await api(`/v1/deliveries/${encodeURIComponent(id)}`, { signal })));
    } catch (error) {
      if (!signal.aborted) fill(box, failed("The delivery cannot be shown.", error), button());
    }
  };
  const button = () => h("button", { type: "button", onclick: show }, "Show raw delivery");
  return fill(box, h("p", { class: "notice" }, "What the vendor sent, as it came. It holds personal data: open it only for the case you work on, and do not paste it into tickets or chats."), button());
}

function deliveryParts(delivery) {
  const text = delivery.body;
  let body, formatted = null;
  if (typeof text === "string") {
    try { formatted = indented(parseExact(text)); } catch { /* not JSON: shown as text */ }
    const pre = block(formatted ?? (text || "(empty)"));
    const toggle = formatted !== null && h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: (event) => {
      const raw = event.target.getAttribute("aria-pressed") === "false";
      event.target.setAttribute("aria-pressed", String(raw));
      fill(pre, raw ? text : formatted);
    } }, "As received");
    body = [h("p", { class: "line" }, formatted === null ? "Text" : "JSON, indented for reading", toggle, copyButton("body", () => text)), pre];
  } else {
    const base64 = delivery.body_base64 ?? "";
    body = [h("p", { class: "line" }, `Not text: ${plural(Math.floor(base64.replace(/=+$/, "").length * 3 / 4), "byte")}, in base64`, copyButton("base64", () => base64)), block(base64)];
  }
  return [
    h("dl", { class: "fields" }, field("id", delivery.id), field("connection", delivery.connection), field("received", timeOf(delivery.received)),
      field("request", `${delivery.method} ${delivery.path || "/"}`), field("fate", delivery.fate),
      field("events", delivery.events?.length ? delivery.events.map((id) => [h("a", { href: eventHref(id) }, id), " "]) : "none")),
    h("h3", null, "Headers"),
    h("dl", { class: "fields headers" }, (delivery.headers ?? []).map(([name, value]) => field(name, h("code", null, value)))),
    h("h3", null, "Body"), body,
  ];
}

function openDelivery(id, signal) {
  fill(page(`Raw delivery ${id}`), rawDelivery(id, signal));
}

// --------------------------------------------------------------------------------------- quarantine

async function openQuarantine(parameters, signal) {
  const only = parameters.get("connection");
  const content = page("Quarantine", h("p", { class: "muted" }, "What came and was not understood. Its bytes are kept: replay it once the connector can read it, or discard it with a reason."));
  const state = h("div", { role: "status" }, "Loading…"), list = h("ul", { class: "quarantine" });
  const more = h("button", { type: "button", hidden: true }, "Load more");
  const changed = h("p", { class: "line", role: "status" });
  fill(content, only && h("p", { class: "line" }, `Only ${only}`, h("a", { href: "#/quarantine" }, "Show all connections")), changed, list, state, more);
  let next = null, loaded = 0, all = 0, stale = false;
  const reload = () => openQuarantine(parameters, signal);
  const load = async () => {
    more.disabled = true;
    try {
      const page = await api(`/v1/quarantine?${new URLSearchParams({ limit: PAGE_ROWS, ...(next === null ? {} : { after: next }) })}`, { signal });
      next = page.next ?? null;
      const entries = page.entries.filter((entry) => !only || entry.connection === only);
      loaded += entries.length;
      all += page.entries.length;
      list.append(...entries.map((entry) => quarantineEntry(entry, reload)));
      fill(state, loaded ? "" : next !== null ? "Nothing of this connection so far; load more." : "Nothing is in quarantine. Every delivery was understood.");
    } catch (error) {
      if (!signal.aborted) fill(state, failed("The quarantine cannot be shown.", error), h("button", { type: "button", onclick: reload }, "Try again"));
    }
    more.disabled = false;
    more.hidden = next === null;
  };
  more.addEventListener("click", load);
  // The list never moves under a hand that is about to press "discard": it only says that it is old.
  status.onQuarantine = (total) => {
    if (next !== null || more.disabled || stale === (total !== all)) return;
    stale = !stale;
    fill(changed, stale && ["The quarantine has changed.", h("button", { type: "button", onclick: reload }, "Show the new list")]);
  };
  await load();
}

function quarantineEntry(entry, done) {
  const buttons = [
    h("button", { type: "button", "aria-label": `Replay ${entry.id}`, onclick: () => confirmReplay(entry, done) }, "Replay"),
    h("button", { type: "button", class: "danger", "aria-label": `Discard ${entry.id}`, onclick: () => confirmDiscard(entry, done) }, "Discard"),
  ];
  return h("li", null,
    h("div", { class: "line" }, h("span", { class: "badge alert" }, entry.class), h("strong", null, entry.connection),
      !entry.verified && h("span", { class: "badge warn" }, "unverified"),
      h("time", { class: "muted", datetime: new Date(entry.received_ms).toISOString(), title: new Date(entry.received_ms).toISOString() },
        `${age(entry.received_ms)} ago, ${DAY.format(entry.received_ms)} ${clock(entry.received_ms)}`)),
    h("p", { class: "reason" }, entry.reason),
    h("p", { class: "line muted" }, h("code", null, entry.id), `${entry.connector} · ${plural(entry.bytes, "byte")}`,
      h("a", { href: deliveryHref(`dlv_${entry.delivery}`) }, "Raw delivery"),
      h("a", { href: logHref({ subject: `quarantine/${entry.id}` }) }, "Its events")),
    h("p", { class: "line" }, buttons));
}

const confirming = { run: null };

function confirmReplay(entry, done) {
  confirm({
    title: "Replay this delivery?", go: "Replay",
    text: `${entry.id} runs through the connector of ${entry.connection} as it is now. If it is understood, its events are recorded and acted upon: payments, accounts and messages may follow.`,
    run: async (key) => {
      const { events } = await api(`/v1/quarantine/${encodeURIComponent(entry.id)}/replay`, { body: {}, key });
      toast(`Replayed ${entry.id}: ${plural(events, "event")}`);
      done();
    },
  });
}

function confirmDiscard(entry, done) {
  confirm({
    title: "Discard this delivery?", go: "Discard", reason: true,
    text: `${entry.id} leaves the quarantine and is never acted upon. That you did so, and why, stays in the log.`,
    run: async (key, reason) => {
      await api(`/v1/quarantine/${encodeURIComponent(entry.id)}/discard`, { body: { reason }, key });
      toast(`Discarded ${entry.id}`);
      done();
    },
  });
}

function confirm({ title, text, go, reason = false, run }) {
  put($("confirm-title"), title);
  put($("confirm-text"), visible(text));
  put($("confirm-go"), go);
  put($("confirm-error"), "");
  $("confirm-go").disabled = false;
  $("confirm-reason-label").hidden = !reason;
  $("confirm-reason").required = reason;
  $("confirm-reason").value = "";
  // One key for one decision: pressing again after a lost answer does not do it twice.
  const key = idempotencyKey();
  confirming.run = () => run(key, $("confirm-reason").value.trim());
  $("confirm").showModal();
  (reason ? $("confirm-reason") : $("confirm-cancel")).focus();
}

$("confirm-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("confirm-go").disabled = true;
  put($("confirm-error"), "");
  try {
    await confirming.run();
    $("confirm").close();
    $("page-title")?.focus();
    refreshStatus();
  } catch (error) {
    put($("confirm-error"), visible(error.message));
    if (error.status === 401) $("confirm").close();
  }
  $("confirm-go").disabled = false;
});
$("confirm-cancel").addEventListener("click", () => $("confirm").close());

// --------------------------------------------------------------------------------------- top strip

const status = { ready: null, known: false, connections: [], quarantined: new Map(), quarantineTotal: 0, quarantinePartial: false, quarantineAt: 0, error: null, answeredMs: 0, timer: 0, busy: false, onQuarantine: null };

async function refreshStatus() {
  clearTimeout(status.timer);
  if (status.busy) return;
  status.busy = true;
  try {
    const ready = await api("/readyz").catch((error) => error.body ?? (error.status ? { ready: false, log: error.message } : null));
    status.ready = ready;
    if (ready) {
      status.answeredMs = Date.now();
      if ($("token-form").hidden) {
        status.connections = (await api("/v1/connections")).connections;
        status.known = true;
        await refreshQuarantined(ready.quarantine);
      }
    }
    status.error = null;
  } catch (error) {
    status.error = error.message; // The strip keeps what it last knew, and says that it is old.
  }
  status.busy = false;
  showStatus();
  status.timer = setTimeout(refreshStatus, document.hidden ? STATUS_HIDDEN_EVERY_MS : STATUS_EVERY_MS);
}

/** The connections' own counters run since the start; what is in quarantine now comes from its list. */
async function refreshQuarantined(total) {
  if (!total) status.quarantined.clear();
  else if (total !== status.quarantineTotal || Date.now() - status.quarantineAt > QUARANTINE_EVERY_MS) {
    const page = await api(`/v1/quarantine?limit=500`);
    status.quarantined.clear();
    for (const { connection } of page.entries) status.quarantined.set(connection, (status.quarantined.get(connection) ?? 0) + 1);
    Object.assign(status, { quarantinePartial: (page.next ?? null) !== null, quarantineAt: Date.now() });
  }
  status.quarantineTotal = total;
  status.onQuarantine?.(total);
}

const STATES = { ok: ["●", "ok"], paused: ["❚❚", "paused"], "circuit-open": ["▲", "circuit open"] };
const stateOf = (c) => (Object.hasOwn(STATES, c.state) ? STATES[c.state] : ["?", String(c.state)]);

function showStatus() {
  const { ready, connections } = status, health = $("health");
  const stale = !ready || status.error !== null;
  const locked = !$("token-form").hidden && !ready?.ready;
  const words = locked ? "Waiting for a token" : !ready ? `✕ No answer${status.answeredMs ? ` since ${clock(status.answeredMs)}` : ""}`
    : ready.ready ? "● Ready" : `▲ Not ready: ${ready.detail ?? ready.log ?? "no reason given"}`;
  health.dataset.state = locked ? "wait" : ready?.ready ? "live" : "down";
  put(health, visible(cut(words, 160)));
  const behind = typeof ready?.last === "number" && typeof ready?.engine_position === "number" ? ready.last - ready.engine_position : null;
  put($("fact-last"), count(ready?.last));
  put($("fact-behind"), behind === null ? "–" : plural(behind, "event"));
  put($("fact-quarantine"), count(ready?.quarantine));
  $("fact-quarantine").dataset.alert = String(ready?.quarantine > 0);
  put($("nav-quarantine-count"), ready?.quarantine ? count(ready.quarantine) : "");
  const by = (state) => connections.filter((c) => c.state === state).length;
  const bad = ["circuit-open", "paused"].filter((s) => by(s)).map((s) => `${by(s)} ${STATES[s][1]}`);
  put($("fact-connections"), !connections.length ? "–" : `${stale ? "as last known: " : ""}${ [`${by("ok")} of ${connections.length} ok`, ...bad].join(", ")}`);
  $("fact-connections").title = visible(status.error ?? "");
  $("connections").dataset.stale = String(stale);
  const sum = (name) => connections.reduce((total, c) => total + (Number(c[name]) || 0), 0);
  put($("fact-totals"), connections.length ? `${count(sum("accepted"))} accepted · ${count(sum("events"))} events · ${count(sum("duplicates"))} duplicates · ${count(sum("refused"))} refused · ${count(sum("ignored"))} ignored` : "–");
  showConnections(connections);
  const alert = !ready || !ready.ready || by("circuit-open") > 0;
  document.title = `${alert ? "▲ " : ready.quarantine ? `(${ready.quarantine}) ` : ""}${document.title.replace(/^(▲ |\(\d+\) )/, "")}`;
}

function showConnections(connections) {
  const rank = (c) => ({ "circuit-open": 0, paused: 1, ok: 3 })[c.state] ?? 2;
  const sorted = [...connections].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  const list = $("connections"), signature = `${status.known} ${sorted.map((c) => c.id).join(" ")}`;
  if (list.dataset.ids !== signature) {
    list.dataset.ids = signature;
    fill(list, sorted.length === 0 && status.known && h("li", { class: "none muted" }, "No connection yet: add a [[connection]] to hub.toml"), sorted.map((c) => h("li", { "data-id": visible(c.id) },
      h("div", { class: "name" }, h("a", { href: logHref({ connection: c.id }) }, c.id), h("span", { class: "badge" }, c.live ? "live" : "test")),
      h("div", { class: "muted" }, `${c.kind} · ${c.plugin} ${c.version}`),
      h("div", { class: "state" }), h("div", { class: "last muted" }),
      h("div", null, h("a", { class: "q", href: `#/quarantine?${new URLSearchParams({ connection: c.id })}` })))));
    fill($("connection-ids"), sorted.map((c) => h("option", { value: c.id })));
    fill($("entity-ids"), [...new Set(sorted.map((c) => c.entity).filter(Boolean))].map((id) => h("option", { value: id })));
  }
  sorted.forEach((c, i) => {
    const card = list.children[i], [sign, word] = stateOf(c);
    const inside = status.quarantined.get(c.id) ?? 0;
    card.dataset.state = Object.hasOwn(STATES, c.state) ? c.state : "other";
    put(card.querySelector(".state"), visible(`${sign} ${word}${c.failures_in_a_row ? ` · ${count(c.failures_in_a_row)} failed` : ""}`));
    card.querySelector(".state").title = c.failures_in_a_row ? `${plural(c.failures_in_a_row, "failure")} in a row` : "";
    const polled = c.last_poll_ms ? ` · polled ${age(c.last_poll_ms)}` : "";
    put(card.querySelector(".last"), c.last_event_ms ? `event ${age(c.last_event_ms)} ago${polled}` : `no event yet${polled}`);
    put(card.querySelector(".q"), `${count(inside)}${status.quarantinePartial ? "+" : ""} in quarantine`);
    card.querySelector(".q").dataset.alert = String(inside > 0);
  });
}

// ------------------------------------------------------------------------------------------- routes

function here() {
  const [path, query] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { name: parts[0] ?? "events", id: parts[1], parameters: new URLSearchParams(query ?? "") };
}

let leaving = null;
let shown = null;

function route() {
  const { name, id, parameters } = here();
  const isLog = !["quarantine", "deliveries"].includes(name) && id === undefined;
  leaving?.abort();
  leaving = new AbortController();
  status.onQuarantine = null;
  if (shown === "log") log.scroll = log.lastScroll;
  $("view-log").hidden = !isLog;
  $("view-page").hidden = isLog;
  for (const [link, on] of [["nav-log", isLog], ["nav-quarantine", name === "quarantine"]]) {
    if (on) $(link).setAttribute("aria-current", "page"); else $(link).removeAttribute("aria-current");
  }
  if (isLog) showLog(parameters);
  else if (name === "quarantine") openQuarantine(parameters, leaving.signal);
  else if (name === "deliveries") openDelivery(id ?? "", leaving.signal);
  else openEvent(id, leaving.signal);
  if (!isLog) window.scrollTo(0, 0);
  // A keyboard or screen reader starts at the new page's title; the first page leaves the focus alone.
  if (shown !== null && !isLog) $("page-title").focus({ preventScroll: true });
  shown = isLog ? "log" : "page";
  if (status.ready) showStatus();
}

function showLog(parameters) {
  const order = parameters.get("order") === "asc" ? "asc" : "desc";
  const query = queryOf(parameters), key = `${order}?${query}`;
  document.title = "Log · hub";
  log.back = location.hash || "#/events";
  if (key === log.key) {
    window.scrollTo(0, log.scroll);
    return flush();
  }
  Object.assign(log, { key, order, scroll: 0 });
  showFilters(parameters);
  loadLog(query);
}

history.scrollRestoration = "manual";
window.addEventListener("hashchange", route);
window.addEventListener("scroll", () => { if (shown === "log" && !$("view-log").hidden) log.lastScroll = window.scrollY; }, { passive: true });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { wakeStream(); refreshStatus(); } });
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });

// ---------------------------------------------------------------------------------------- beginning

const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts(new Date()).find((p) => p.type === "timeZoneName");
put($("zone"), zone ? `(${zone.value})` : "");
const families = [...new Set(Object.keys(TYPES).map((type) => `${type.split(".")[0]}.*`))];
fill($("types"), [...families, ...Object.keys(TYPES)].map((type) => h("option", { value: type })));
$("filters").open = matchMedia("(min-width: 900px)").matches;
$("forget").hidden = !token();
setInterval(flush, FLUSH_EVERY_MS);
setInterval(() => { showCountdown(); if (status.connections.length) showConnections(status.connections); }, 1_000);
const firstStatus = refreshStatus();
route();
