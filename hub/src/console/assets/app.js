// The hub's console: the live log, one event, one delivery, the quarantine, and the hub's health.
//
// Invariant: whatever the API says may have been chosen by a stranger. It reaches the page only as
// text nodes (see `h`), links only ever lead to a `#/…` of this page, and class names come from
// fixed tables. The page's content security policy (trusted types) holds this to be true.

import { $, put } from "./parts.js";
import { flush, log } from "./log.js";
import { route } from "./routes.js";
import { showCountdown, wakeStream } from "./stream.js";
import { refreshStatus, showConnections, status } from "./strip.js";
import { whenTokenChanges } from "./token.js";

const FLUSH_EVERY_MS = 200;

whenTokenChanges(() => {
  log.key = null;
  refreshStatus();
  route();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) { wakeStream(); refreshStatus(); } });
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });

const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts(new Date()).find((p) => p.type === "timeZoneName");
put($("zone"), zone ? `(${zone.value})` : "");

setInterval(flush, FLUSH_EVERY_MS);
setInterval(() => { showCountdown(); if (status.connections.length) showConnections(status.connections); }, 1_000);
refreshStatus();
route();
