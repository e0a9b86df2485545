// The coloured marks of an event: its type and its warnings.

import { h } from "./parts.js";
import { NORMAL, known } from "./sentences.js";

/** Families share a colour; the type's own name says the same in words. */
const FAMILIES = {
  client: "client", kyc: "kyc", deposit: "money", payment: "money", payout: "money", wallet: "money",
  challenge: "account", provisioning: "account", account: "account", breach: "breach", action: "action",
  delivery: "trouble", quarantine: "trouble", connection: "connection",
};

export function typeChip(event) {
  const family = String(event.type).split(".")[0];
  const severity = known(event.type)?.[0] ?? NORMAL;
  const sign = [null, ["!", "warning: "], ["▲", "urgent: "]][severity];
  return h("span", { class: `type f-${Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : "other"}` },
    sign && [h("span", { class: "sign", "aria-hidden": "true", title: sign[1].slice(0, -2) }, sign[0]), h("span", { class: "hidden" }, sign[1])],
    event.type);
}

export const badges = (event) => [
  event.verified === "none" && h("span", { class: "badge warn", title: "No check proved who sent this: the connection allows unsigned deliveries" }, "unverified"),
  event.type === "delivery.quarantined" && h("a", { class: "badge alert", href: "#/quarantine", tabindex: "-1" }, "quarantined"),
];
