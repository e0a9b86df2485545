// The page's parts: elements, text, moments, toasts, the clipboard.
//
// Invariant: what the API says reaches the page through `h`, `fill` and `put` alone, as text.

export const $ = (id) => document.getElementById(id);

/** An element. Children are elements or text; attributes starting with `on` are listeners. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "href" && !String(value).startsWith("#/")) throw new Error("links stay in this page");
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : visible(child));
  }
  return element;
}

export const fill = (element, ...children) => (element.replaceChildren(...h("i", null, ...children).childNodes), element);
/** Leaves the page alone where nothing changes, so that selections and screen readers stay put. */
export const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

/** Characters that hide or reorder what stands beside them are written out. */
export function visible(text) {
  return String(text).replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Cs}/gu,
    (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

export const cut = (text, chars) => (text.length > chars ? `${text.slice(0, chars)}…` : text);
export const count = (n) => (typeof n === "number" ? n.toLocaleString() : "–");
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export function age(ms) {
  const s = Math.max(0, Math.round((Date.now() - ms) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

export const DAY = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const CLOCK_MS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
export const clock = (ms) => (Number.isFinite(ms) && Math.abs(ms) < 8e15 ? CLOCK.format(ms) : "?");

/** A moment in local time, with UTC on hover. */
export function timeOf(text, more) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return h("span", null, text);
  const day = date.getFullYear() === new Date().getFullYear() ? DAY : DAY_OF_YEAR;
  return h("time", { datetime: date.toISOString(), title: `${visible(text)} (UTC)${more ? `\n${more}` : ""}` },
    h("span", { class: "day" }, day.format(date)), " ", CLOCK_MS.format(date));
}

let toastTimer = 0;
export function toast(text) {
  put($("toast"), visible(text));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => put($("toast"), ""), 8_000);
}

async function copy(what, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http on another host has no clipboard API; the old command still works there.
    const area = h("textarea", { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return toast(`The browser did not let ${what} be copied`);
  }
  toast(`Copied: ${what}`);
}
export const copyButton = (what, text) => h("button", { type: "button", class: "quiet", onclick: () => copy(what, text()) }, `Copy ${what}`);
