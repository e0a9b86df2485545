// What every page beside the log is made of.

import { $, fill, h, visible } from "./parts.js";
import { log } from "./log.js";

/** Starts a page of its own under a title; says how to fill it. */
export function page(title, ...head) {
  const content = h("div", { class: "content" });
  fill($("view-page"), h("p", null, h("a", { href: log.back }, "← Back to the log")),
    h("h1", { id: "page-title", tabindex: "-1" }, title), head, content);
  document.title = `${visible(title)} · hub`;
  return content;
}
export const failed = (what, error) => h("p", { class: "error", role: "alert" }, `${what} ${error.message}`);
export const field = (name, ...value) => h("div", null, h("dt", null, name), h("dd", null, value));
export const block = (text) => h("pre", { tabindex: "0" }, text);
