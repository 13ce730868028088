// The way to the services, through the workbench's own door: one session, one network state, refusals with their cure.
import { store } from "./html.js";

export const session = store({ subject: "", roles: [], client_id: "", ways: [], csrf: "", loaded: false });
export const network = store({ away: false, signedOut: false });

// The service said no: what is wrong, and the cure, in its own words.
export class Refused extends Error {
  constructor(status, told) {
    const first = told.errors?.[0];
    super(first?.cure && !told.detail?.includes(first.cure) ? `${told.detail} ${first.cure}.` : told.detail);
    this.status = status;
    this.errors = told.errors ?? [];
  }
}

// Nobody answered, or the service is away for a moment: the same request may be sent again.
export class Away extends Error {}

export async function loadSession() {
  const answer = await fetch("/session", { cache: "no-store" });
  const told = await answer.json();
  session.set({ subject: "", roles: [], client_id: "", ...told, loaded: true });
  network.set({ signedOut: false });
}

const AWAY = new Set([429, 502, 503, 504]);

// What a request or the reading of its answer ended with, when it ended for the network.
function awayOf(fault) {
  if (!(fault instanceof TypeError)) return fault;
  network.set({ away: true });
  return new Away("network");
}

// Send one request. `path` starts behind `/v1`; a body that is an object goes as JSON, a text as it is under `type`.
export async function send(service, method, path, body, { type, signal } = {}) {
  const headers = {};
  if (method !== "GET") headers["x-concord-csrf"] = session.value.csrf;
  if (body !== undefined) headers["content-type"] = type ?? "application/json";
  const content = body === undefined || type ? body : JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(`/api/${service}/v1${path}`, { method, headers, body: content, signal, cache: "no-store" });
  } catch (fault) {
    throw awayOf(fault);
  }
  if (AWAY.has(answer.status)) {
    network.set({ away: true });
    throw new Away(`${service} ${answer.status}`);
  }
  if (network.value.away) network.set({ away: false });
  if (answer.ok) return answer;
  if (answer.status === 401) network.set({ signedOut: true });
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
    answer = await fetch(payloadPath(url));
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
  const headers = { "content-type": "application/json", "x-concord-csrf": session.value.csrf || "sign-in" };
  const answer = await fetch("/sign-in", { method: "POST", headers, body: JSON.stringify({ role, subject }) });
  if (!answer.ok) throw new Refused(answer.status, await problemOf(answer));
  await loadSession();
}

// What is to be done before somebody is signed out; it is waited for, but not for ever.
export const partings = new Set();
const PARTING_MS = 3_000;

export async function signOut() {
  const all = Promise.allSettled([...partings].map((part) => part()));
  await Promise.race([all, new Promise((end) => setTimeout(end, PARTING_MS))]);
  const answer = await fetch("/sign-out", { method: "POST", headers: { "x-concord-csrf": session.value.csrf } });
  const issuer = answer.ok ? (await answer.json()).issuer : "";
  await loadSession();
  // Whoever sits down here next is not to be signed in by one press of a button.
  if (issuer) location.assign(issuer);
}

// The numbers of an audit plan, as the workbench reckons them.
export async function planOf(audit, units) {
  const query = new URLSearchParams({ ...audit, lot_units: units });
  const answer = await fetch(`/plan?${query}`);
  if (!answer.ok) throw new Refused(answer.status, await problemOf(answer));
  return answer.json();
}
