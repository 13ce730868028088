// Who is signed in, in every tab of this browser: told to all of them, and renewed by one at a time.
import { store } from "./html.js";

export const session = store({ subject: "", roles: [], client_id: "", ways: [], csrf: "", loaded: false });
export const network = store({ away: false, signedOut: false, ending: false });

const SAID_BEFORE_MS = 300_000;
// A session that is not renewed is told of so long before its end.
const AGAIN_MS = 15_000;
// Between two tries to renew at an issuer that does not answer.
const SLACK_MS = 5_000;
const LONGEST_MS = 2_147_000_000;
// A timer counts milliseconds in 31 bits.

const told = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("concord-session");
let ends = 0;
let timer = 0;
// The word of the session that is renewed no more: its issuer is not asked again and again.
let refusedFor = "";

function take(now) {
  session.set({ subject: "", roles: [], client_id: "", ends_in_seconds: 0, renew_in_seconds: 0, ...now, loaded: true });
  ends = Date.now() + (now.ends_in_seconds ?? 0) * 1_000;
  network.set({ signedOut: false, ending: false });
  plan();
}

// Tell the other tabs that somebody "came" or "left": a browser has one session for all of them.
export const tell = (what) => told?.postMessage(what);

if (told) {
  told.onmessage = ({ data }) => {
    if (session.value.loaded) (data === "left" ? loadSession() : look()).catch(() => {});
  };
}
document.addEventListener("visibilitychange", () => {
  // Timers stand still while a machine sleeps, and another tab may have signed in meanwhile.
  const late = network.value.signedOut || Date.now() > ends - SAID_BEFORE_MS;
  if (!document.hidden && session.value.subject && late) look().catch(() => {});
});

async function found() {
  const answer = await fetch("/session", { cache: "no-store" });
  // As where nobody answers: who is signed in is not known, which is another thing than nobody.
  if (!answer.ok) throw new TypeError(`session ${answer.status}`);
  return answer.json();
}

// Look who is signed in now. Whoever works here stays on their page when their session has ended: nothing else keeps
// what they have not sent.
async function look() {
  const now = await found();
  if (now.subject || !session.value.subject) take(now);
  else if (!(now.renew_in_seconds && await renew())) network.set({ signedOut: true });
}

const renewable = () => session.value.renew_in_seconds > 0 && refusedFor !== session.value.csrf;

function plan() {
  clearTimeout(timer);
  const { subject, renew_in_seconds: seconds } = session.value;
  if (!subject) return;
  if (renewable()) timer = setTimeout(renew, Math.min(seconds * 1_000, LONGEST_MS));
  else timer = setTimeout(() => network.set({ ending: true }), Math.min(Math.max(0, ends - Date.now() - SAID_BEFORE_MS), LONGEST_MS));
}

export async function loadSession() {
  const now = await found();
  take(now);
  // Somebody was here, and their token has ended meanwhile: they go on if their issuer lets them.
  if (!now.subject && now.renew_in_seconds) await renew();
}

// One tab at a time: a refresh token is used once, and whoever uses it twice is taken for a thief.
const alone = (run) => (navigator.locks ? navigator.locks.request("concord-session", run) : run());

let renewing = null;

// Go on with the session; returns whether it goes on. Whoever asks while it is being asked hears the same.
export function renew() {
  if (!renewable()) return Promise.resolve(false);
  renewing ??= alone(asked).catch(() => later()).finally(() => {
    renewing = null;
  });
  return renewing;
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(renew, AGAIN_MS * (0.75 + Math.random() / 2));
  return false;
}

async function asked() {
  const { csrf } = session.value;
  const answer = await fetch("/session/renewal", { method: "POST", headers: { "x-concord-csrf": csrf } });
  if (answer.ok) {
    take(await answer.json());
    return true;
  }
  if (answer.status !== 403 && answer.status !== 401) return later();
  // No more: unless another tab has gone on meanwhile, or somebody has signed in there anew.
  const now = await found();
  const goesOn = now.csrf !== csrf || Date.now() + (now.ends_in_seconds ?? 0) * 1_000 > ends + SLACK_MS;
  if (!goesOn) refusedFor = csrf;
  if (now.subject) take(now);
  else network.set({ signedOut: Boolean(session.value.subject) });
  return Boolean(now.subject) && goesOn;
}

// Fetch as the person who works here: where their token has just ended, or their page has the word of an older session
// of theirs, it is sent once more. `options` makes what is sent, for it may be sent twice.
export async function fetchAs(path, options) {
  const { csrf, subject } = session.value;
  const answer = await fetch(path, options());
  if (answer.status === 401 && await renew()) return fetch(path, options());
  if (answer.status !== 403 || !csrf || (options().method ?? "GET") === "GET") return answer;
  const now = await found();
  if (now.csrf === csrf) return answer;
  // Somebody else sits here now, or nobody: what is to be sent is not theirs.
  if (now.subject !== subject) return new Response(await answer.text(), { status: 401 });
  take(now);
  return fetch(path, options());
}

export async function signedIn(role, subject) {
  const headers = { "content-type": "application/json", "x-concord-csrf": session.value.csrf || "sign-in" };
  const answer = await fetch("/sign-in", { method: "POST", headers, body: JSON.stringify({ role, subject }) });
  if (answer.ok) {
    await loadSession();
    tell("came");
  }
  return answer;
}

// What is to be done before somebody is signed out; it is waited for, but not for ever.
export const partings = new Set();
const PARTING_MS = 3_000;

// Returns whether they are signed out: while nobody answers they are not.
export async function signOut() {
  const all = Promise.allSettled([...partings].map((part) => part()));
  await Promise.race([all, new Promise((end) => setTimeout(end, PARTING_MS))]);
  // Not while it is renewed, or what comes of that would sign them in again.
  try {
    const answer = await alone(() => fetch("/sign-out", { method: "POST", headers: { "x-concord-csrf": session.value.csrf } }));
    const issuer = answer.ok ? (await answer.json()).issuer : "";
    await loadSession();
    tell("left");
    // Whoever sits down here next is not to be signed in by one press of a button.
    if (issuer) location.assign(issuer);
    return true;
  } catch {
    network.set({ away: true });
    return false;
  }
}
