// What a vendor sent, as it came.

import { copyButton, fill, h, plural, timeOf } from "./parts.js";
import { api, indented, parseExact } from "./api.js";
import { eventHref } from "./address.js";
import { block, failed, field, page } from "./page.js";

/** A delivery behind a button: it holds personal data, and whoever reads it should mean to. */
export function rawDelivery(id, signal) {
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

export function openDelivery(id, signal) {
  fill(page(`Raw delivery ${id}`), rawDelivery(id, signal));
}
