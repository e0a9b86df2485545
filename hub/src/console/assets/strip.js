// The strip at the top: the hub's health and its connections, asked for again and again.

import { $, age, clock, count, cut, fill, h, plural, put, visible } from "./parts.js";
import { api } from "./api.js";
import { logHref } from "./address.js";

const STATUS_EVERY_MS = 5_000;
const STATUS_HIDDEN_EVERY_MS = 30_000;
const QUARANTINE_EVERY_MS = 30_000;

export const status = { ready: null, known: false, connections: [], quarantined: new Map(), quarantineTotal: 0, quarantinePartial: false, quarantineAt: 0, error: null, answeredMs: 0, timer: 0, busy: false, onQuarantine: null };

let answered;
/** Settles once the hub was asked for the first time. */
export const firstStatus = new Promise((resolve) => { answered = resolve; });

export async function refreshStatus() {
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
  answered();
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

export function showStatus() {
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

export function showConnections(connections) {
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
