// Server-sent events, read from text: `EventSource` cannot send a token.

/** A line of the stream beyond this is no event of the hub's. */
const STREAM_LINE_CHARS_MAX = 8 * 1024 * 1024;

/** A parser of server-sent events, by the HTML standard (§9.2.6). Feed it text as it comes. */
export function sseParser({ onEvent, onRetry }) {
  let rest = "", afterCr = false, data = [], name = "", id = "";
  const line = (text) => {
    if (text === "") {
      if (data.length) onEvent({ name: name || "message", data: data.join("\n"), id });
      data = []; name = "";
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") name = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) onRetry(Number(value));
  };
  return (chunk) => {
    if (chunk === "") return;
    if (afterCr && chunk[0] === "\n") chunk = chunk.slice(1);
    rest += chunk;
    afterCr = rest.endsWith("\r");
    const lines = rest.split(/\r\n|\r|\n/);
    rest = lines.pop();
    if (rest.length > STREAM_LINE_CHARS_MAX) throw new Error("the stream sent a line without end");
    lines.forEach(line);
  };
}
