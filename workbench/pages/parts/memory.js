// What this browser keeps for this person: drafts, work that is not sent yet, keys, language. Nothing else keeps them.
let who = "";

export function rememberFor(subject) {
  who = subject;
}

const named = (name, whose = who) => `concord:${whose}:${name}`;

// Who works here now, for what goes on when somebody else has signed in: it keeps what is this person's under their name.
export const whoNow = () => who;

export function recall(name, otherwise, whose = who) {
  try {
    const text = localStorage.getItem(named(name, whose));
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

// Returns whether it was kept: a browser's room is bounded, and some keep nothing at all.
export function remember(name, value, whose = who) {
  try {
    localStorage.setItem(named(name, whose), JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function forget(name, whose = who) {
  try {
    localStorage.removeItem(named(name, whose));
  } catch { /* there is nothing to forget */ }
}

// Drop what starts so and was last touched before that time: drafts of units that somebody else has finished.
export function forgetOlder(start, before) {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(named(start)) && (JSON.parse(localStorage.getItem(key))?.at ?? 0) < before) {
        localStorage.removeItem(key);
      }
    }
  } catch { /* nothing can be kept, so nothing is old */ }
}
