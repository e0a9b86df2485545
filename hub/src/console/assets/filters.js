// The form of the log's filters: it writes the address, and shows what the address says.

import { $, cut, fill, h, put, visible } from "./parts.js";
import { FILTERS, here, queryOf } from "./address.js";
import { TYPES } from "./sentences.js";
import { clearFilters, loadLog, log } from "./log.js";

const localInput = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? "" : new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
};

export function showFilters(parameters) {
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

$("filter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!applyFilters()) loadLog(queryOf(here().parameters));
});
// A date changes with every digit that is typed: it counts once the field is left.
$("filter-form").addEventListener("change", (event) => { if (event.target.type !== "datetime-local") applyFilters(); });
$("filter-form").addEventListener("focusout", (event) => { if (event.target.type === "datetime-local") applyFilters(); });
$("filters-clear").addEventListener("click", clearFilters);

const families = [...new Set(Object.keys(TYPES).map((type) => `${type.split(".")[0]}.*`))];
fill($("types"), [...families, ...Object.keys(TYPES)].map((type) => h("option", { value: type })));
$("filters").open = matchMedia("(min-width: 900px)").matches;
