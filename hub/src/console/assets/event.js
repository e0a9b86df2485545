// The page of one event: its data, its envelope, its causes and effects.

import { copyButton, fill, h, timeOf } from "./parts.js";
import { api, indented, token } from "./api.js";
import { deliveryHref, eventHref, logHref } from "./address.js";
import { summary } from "./sentences.js";
import { badges, typeChip } from "./chips.js";
import { block, failed, field, page } from "./page.js";
import { rawDelivery } from "./delivery.js";
import { firstStatus, status } from "./strip.js";

/** Effects are drawn to this depth: the API bounds the number, this bounds the nesting. */
const TREE_DEPTH_MAX = 40;

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

export async function openEvent(id, signal) {
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
