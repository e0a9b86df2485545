// The part of the address after `#`: which page is shown, and which filters hold.

export const FILTERS = ["type", "subject", "client", "account", "connection", "entity", "since", "until", "text"];

export const eventHref = (id) => `#/events/${encodeURIComponent(id)}`;
export const logHref = (filters) => `#/events?${new URLSearchParams(filters)}`;
export const deliveryHref = (id) => `#/deliveries/${encodeURIComponent(id)}`;

export function here() {
  const [path, query] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { name: parts[0] ?? "events", id: parts[1], parameters: new URLSearchParams(query ?? "") };
}

export const queryOf = (parameters) => {
  const query = new URLSearchParams();
  for (const name of FILTERS) if (parameters.get(name)) query.set(name, parameters.get(name));
  return query;
};
