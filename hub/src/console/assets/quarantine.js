// The quarantine: what was not understood, and the two ways out of it.

import { DAY, age, clock, fill, h, plural, toast } from "./parts.js";
import { PAGE_ROWS, api } from "./api.js";
import { deliveryHref, logHref } from "./address.js";
import { failed, page } from "./page.js";
import { confirm } from "./confirm.js";
import { status } from "./strip.js";

export async function openQuarantine(parameters, signal) {
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
