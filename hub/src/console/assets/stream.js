// The live stream: connecting, reading, connecting again, and saying which of them it is.

import { $, put, visible } from "./parts.js";
import { ApiError, headers, parseExact, refused } from "./api.js";
import { sseParser } from "./sse.js";

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** A stream that says nothing, no keep-alive either, for so long is taken for dead. */
const STREAM_SILENCE_MS = 60_000;

let streaming = null;
let wake = () => {};
/** Ends the wait before the next attempt. */
export const wakeStream = () => wake();

export function stopStream() {
  streaming?.abort();
  streaming = null;
}

/** Follows what is recorded after the number `after` and matches the query, until stopped. */
export function startStream(query, after, onEvent) {
  stopStream();
  streaming = new AbortController();
  runStream(query, after, onEvent, streaming.signal);
}

async function runStream(query, after, onEvent, signal) {
  let last = after, failures = 0, retryMs = RETRY_MIN_MS;
  while (!signal.aborted) {
    setLive(failures ? "retrying" : "wait", failures ? "Disconnected, retrying" : "Connecting");
    const silent = new AbortController();
    let timer = 0;
    const alive = () => { clearTimeout(timer); timer = setTimeout(() => silent.abort(), STREAM_SILENCE_MS); };
    try {
      alive();
      const parameters = new URLSearchParams(query);
      if (last !== null) parameters.set("after", last);
      const more = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": String(last) }) };
      const answer = await fetch(`/v1/events/stream?${parameters}`, {
        headers: headers(more), signal: AbortSignal.any([signal, silent.signal]), cache: "no-store",
      });
      if (answer.status === 401) return refused();
      if (answer.status >= 400 && answer.status < 500 && ![408, 425, 429].includes(answer.status)) {
        const problem = await answer.json().catch(() => null);
        return setLive("off", new ApiError(answer.status, problem).message);
      }
      if (!answer.ok || !answer.headers.get("content-type")?.startsWith("text/event-stream")) throw new Error(`status ${answer.status}`);
      setLive("live", "● Live");
      const feed = sseParser({
        onRetry: (ms) => { retryMs = Math.min(Math.max(ms, RETRY_MIN_MS), RETRY_MAX_MS); },
        onEvent: ({ name, data, id }) => {
          if (/^[0-9]+$/.test(id)) last = Number(id);
          if (name === "event") onEvent(parseExact(data));
        },
      });
      const decoder = new TextDecoder();
      for (const reader = answer.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        failures = 0;
        feed(decoder.decode(value, { stream: true }));
      }
    } catch (error) {
      if (!signal.aborted) console.info("stream:", error.message);
    } finally {
      clearTimeout(timer);
      silent.abort();
    }
    if (signal.aborted) return;
    failures += 1;
    // Jitter, so that a restarted hub is not met by every open console at once.
    const wait = Math.min(RETRY_MAX_MS, retryMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
    setLive("retrying", "Disconnected, retrying", Date.now() + wait);
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
      wake = resolve;
    });
  }
}

const live = { state: "wait", until: 0 };
export function setLive(state, text, until = 0) {
  Object.assign(live, { state, until });
  $("live").dataset.state = state;
  put($("live-text"), visible(text));
  $("retry").hidden = state !== "retrying";
  showCountdown();
}
export function showCountdown() {
  put($("live-count"), live.until ? ` in ${Math.max(0, Math.ceil((live.until - Date.now()) / 1000))} s` : "");
}
$("retry").addEventListener("click", wakeStream);
window.addEventListener("online", wakeStream);
