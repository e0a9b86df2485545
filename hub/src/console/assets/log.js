// The log: a bounded list of events that grows at one end while it is read.

import { $, count, fill, h, plural, put, timeOf, toast, visible } from "./parts.js";
import { PAGE_ROWS, api } from "./api.js";
import { eventHref, here, logHref, queryOf } from "./address.js";
import { ALERT, known, summary } from "./sentences.js";
import { badges, typeChip } from "./chips.js";
import { setLive, startStream, stopStream } from "./stream.js";

/** Rows kept in the page, and live events kept while the list is held. */
const ROWS_MAX = 500;
const ANNOUNCE_EVERY_MS = 10_000;

/** What the log view shows. `key`: the query it was loaded for. `held`: live events that wait while
 *  the list is paused, read further down, or paged back (`detached`: then they are only counted). */
export const log = { key: null, order: "desc", next: null, paused: false, detached: false, held: [], waiting: 0, scroll: 0, lastScroll: 0, loading: null, announced: 0, back: "#/events" };
const rows = new Map();

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

export async function loadLog(query) {
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
    if (log.order === "desc" || log.next === null) startStream(query, last, received);
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
    if (log.order === "asc" && log.next === null) startStream(query, Math.max(0, ...rows.keys()), received);
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

export function flush() {
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

export function clearFilters() {
  location.hash = log.order === "asc" ? "#/events?order=asc" : "#/events";
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
