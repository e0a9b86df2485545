// Every type of event in a sentence, and how urgent it is.

import { clock, cut, plural } from "./parts.js";

const SUMMARY_CHARS_MAX = 300;

function plain(value) {
  if (value === undefined || value === null) return "?";
  if (typeof value === "string" && value.startsWith("sealed:1:")) return "(personal: open the event)";
  if (typeof value !== "object") return String(value);
  if (typeof value.amount === "string" && typeof value.currency === "string") return `${value.amount} ${value.currency}`;
  return JSON.stringify(value);
}
const say = (parts, ...values) => parts.reduce((text, part, i) => text + plain(values[i - 1]) + part);
const also = (value, text) => (value === undefined || value === null ? "" : text(value));
const failure = (e) => say`${e?.class}: ${e?.message}${also(e?.vendor_code, (c) => ` (${c})`)}`;
const decline = (d) => say`${d?.category}, ${d?.verdict}${also(d?.vendor_code, (c) => ` (${c})`)}`;

export const NORMAL = 0, WARN = 1, ALERT = 2;
/** Every type of the catalogue: how urgent, and its data in a sentence. Names, addresses and
 *  other personal data stay out of the sentence. */
export const TYPES = {
  "client.registered": [NORMAL, (d) => say`${d.client} registered with ${d.entity}, ${d.country}${also(d.source?.campaign, (c) => `, campaign ${c}`)}${also(d.source?.partner, (p) => `, partner ${p}`)}`],
  "client.stage.changed": [NORMAL, (d) => say`${d.from} → ${d.to}: ${d.because}`],
  "client.transition.refused": [WARN, (d) => say`${d.fact} changes nothing: ${d.reason}`],
  "client.erased": [WARN, (d) => say`the keys of ${d.client}'s personal data are destroyed: ${d.reason}`],
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

export const known = (type) => (Object.hasOwn(TYPES, type) ? TYPES[type] : null);

export function summary(event) {
  let text;
  try {
    text = known(event.type)?.[1](event.data) ?? JSON.stringify(event.data) ?? "";
  } catch {
    text = JSON.stringify(event.data) ?? ""; // Data of another version: shown as it is.
  }
  return cut(text, SUMMARY_CHARS_MAX);
}
