// From the address to a page: shows one, and leaves the one before.

import { $ } from "./parts.js";
import { here, queryOf } from "./address.js";
import { flush, loadLog, log } from "./log.js";
import { showFilters } from "./filters.js";
import { openDelivery } from "./delivery.js";
import { openEvent } from "./event.js";
import { openQuarantine } from "./quarantine.js";
import { showStatus, status } from "./strip.js";

let leaving = null;
let shown = null;

export function route() {
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
