// The way to the services, through the workbench's own door: one session, one network state, refusals with their cure.
import { t } from "./strings.js";
import { fetchAs, network, session, signedIn } from "./session.js";

export { loadSession, network, partings, session, signOut } from "./session.js";

// The service said no: what is wrong, and the cure, in its own words.
export class Refused extends Error {
  constructor(status, told) {
    const first = told.errors?.[0];
    super(first?.cure && !told.detail?.includes(first.cure) ? `${told.detail} ${first.cure}.` : told.detail);
    this.status = status;
    this.errors = told.errors ?? [];
  }
}

// Nobody answered, or the service is away for a moment: the same request may be sent again. What it says is for people; who
// did not answer, and how, is its cause.
export class Away extends Error {
  constructor(cause) {
    super(t("notice.unsent"), { cause });
  }
}

// Whether the same may be answered in a moment: nobody answers now, or a service has not heard yet of what was just made.
export const isLater = (fault) => fault instanceof Away || fault.status === 404;

const AWAY = new Set([429, 502, 503, 504]);

// What a request or the reading of its answer ended with, when it ended for the network.
function awayOf(fault) {
  if (!(fault instanceof TypeError)) return fault;
  network.set({ away: true });
  return new Away("network");
}

// Send one request. `path` starts behind `/v1`; a body that is an object goes as JSON, a text as it is under `type`.
export async function send(service, method, path, body, { type, signal } = {}) {
  const content = body === undefined || type ? body : JSON.stringify(body);
  const options = () => {
    const headers = {};
    if (method !== "GET") headers["x-concord-csrf"] = session.value.csrf;
    if (body !== undefined) headers["content-type"] = type ?? "application/json";
    return { method, headers, body: content, signal, cache: "no-store" };
  };
  let answer;
  try {
    answer = await fetchAs(`/api/${service}/v1${path}`, options);
  } catch (fault) {
    throw awayOf(fault);
  }
  if (AWAY.has(answer.status)) {
    network.set({ away: true });
    throw new Away(`${service} ${answer.status}`);
  }
  if (network.value.away) network.set({ away: false });
  if (answer.ok) return answer;
  if (answer.status === 401) {
    network.set({ signedOut: true });
    // What a service says of credentials is for whoever writes programs.
    throw new Refused(401, { detail: t("notice.signedOut") });
  }
  throw new Refused(answer.status, await problemOf(answer));
}

async function problemOf(answer) {
  try {
    return await answer.json();
  } catch {
    return { detail: `${answer.status}` };
  }
}

export async function ask(service, method, path, body, options) {
  const answer = await send(service, method, path, body, options);
  try {
    return await answer.json();
  } catch (fault) {
    throw awayOf(fault);
  }
}

// Where a unit's payload is, through our own door: the link is signed for ingest, and browsers reach the workbench only.
export function payloadPath(url) {
  const { pathname, search } = new URL(url);
  return `/api/ingest${pathname}${search}`;
}

// A text as it was stored: the browser's own `text()` drops a byte order mark, and every offset after it would be one off.
const EXACT = new TextDecoder("utf-8", { ignoreBOM: true });

export async function payload(url) {
  let answer, bytes;
  try {
    answer = await fetchAs(payloadPath(url), () => ({}));
    bytes = answer.ok ? await answer.arrayBuffer() : null;
  } catch (fault) {
    throw awayOf(fault);
  }
  if (AWAY.has(answer.status)) throw new Away(`ingest ${answer.status}`);
  if (!answer.ok) throw new Refused(answer.status, await problemOf(answer));
  const text = EXACT.decode(bytes);
  const content = answer.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text) : text;
  return { content, mediaType: answer.headers.get("concord-media-type") ?? "" };
}

export async function signIn(role, subject) {
  const answer = await signedIn(role, subject);
  if (!answer.ok) throw new Refused(answer.status, await problemOf(answer));
}

// The numbers of an audit plan, as the workbench reckons them.
export async function planOf(audit, units) {
  const query = new URLSearchParams({ ...audit, lot_units: units });
  const answer = await fetchAs(`/plan?${query}`, () => ({}));
  if (!answer.ok) throw new Refused(answer.status, await problemOf(answer));
  return answer.json();
}
