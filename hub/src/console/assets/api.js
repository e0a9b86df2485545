// Calls of the hub's API, and the token they carry.

/** Entries asked for at once. */
export const PAGE_ROWS = 100;
const REQUEST_TIMEOUT_MS = 15_000;
const TOKEN_KEY = "hub.token";

export class ApiError extends Error {
  constructor(status, problem) {
    super([problem?.title ?? `The hub answered ${status}`, problem?.detail].filter(Boolean).join(": "));
    this.status = status;
    this.code = problem?.code;
  }
}

export const token = () => sessionStorage.getItem(TOKEN_KEY);
export const keepToken = (value) => sessionStorage.setItem(TOKEN_KEY, value);
export const forgetToken = () => sessionStorage.removeItem(TOKEN_KEY);

let onRefused = () => {};
/** Says what a refused token leads to. */
export const whenRefused = (then) => { onRefused = then; };
export const refused = () => onRefused();

export function headers(more) {
  const all = new Headers(more);
  if (token()) all.set("Authorization", `Bearer ${token()}`);
  return all;
}

export async function api(path, { body, key, signal } = {}) {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  let answer, text;
  try {
    answer = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: headers(body === undefined ? { Accept: "application/json" }
        : { Accept: "application/json", "Content-Type": "application/json", "Idempotency-Key": key }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      cache: "no-store",
    });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { title: timeout.aborted ? "The hub did not answer in time" : "The hub cannot be reached" });
  }
  if (answer.ok) {
    try {
      return parseExact(text);
    } catch {
      throw new ApiError(200, { title: "The answer is not JSON", detail: `is something between this page and the hub? ${path}` });
    }
  }
  if (answer.status === 401) refused();
  let problem = null;
  try { problem = JSON.parse(text); } catch { /* a proxy's page, not the hub's words */ }
  throw Object.assign(new ApiError(answer.status, problem), { body: problem });
}

/** Parses JSON for showing it again: numbers keep the digits they were sent with, where the browser
 *  can do that (a 64-bit id would otherwise be shown rounded). */
export function parseExact(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source !== undefined && JSON.rawJSON && String(value) !== context.source
      ? JSON.rawJSON(context.source) : value);
}
export const indented = (value) => JSON.stringify(value, null, 2) ?? "(none)";

/** `crypto.randomUUID` is missing on plain http; there the same is made of random bytes. */
export function idempotencyKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
