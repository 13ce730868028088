// Server-sent events through our own door: read as they come, asked for again after growing pauses, ended on leaving.
import { send } from "./api.js";

const PAUSE_FIRST_MS = 1_000;
const PAUSE_MOST_MS = 15_000;
const SILENCE_MS = 45_000;
// A service says something every 15 s, were it that there is nothing new: three times that, and nobody is there.
const EVENT_CHARACTERS_MAX = 4_000_000;

// The data of every whole event in a text, and what is left of it.
export function eventsOf(text) {
  const parts = text.split("\n\n");
  const rest = parts.pop();
  const data = parts.map((part) => part.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n"));
  return [data.filter(Boolean), rest];
}

async function read(answer, stop, take) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let silent = setTimeout(() => stop.abort(), SILENCE_MS);
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(silent);
      silent = setTimeout(() => stop.abort(), SILENCE_MS);
      const [events, left] = eventsOf(rest + part.value);
      if (left.length > EVENT_CHARACTERS_MAX) throw new Error(`an event of more than ${EVENT_CHARACTERS_MAX} characters`);
      rest = left;
      for (const one of events) take(JSON.parse(one));
    }
  } finally {
    clearTimeout(silent);
    stop.abort();
  }
}

// Follow a stream until what is returned is called. `take` gets each event, `lack` why there is no stream for a moment.
// A page that nobody looks at follows nothing: a browser opens six connections to one place, and five other pages need them.
export function follow(service, path, take, lack) {
  let over = false;
  let running = null;
  let timer = 0;
  let pause = PAUSE_FIRST_MS;
  const run = async () => {
    clearTimeout(timer);
    if (over || running || document.hidden) return;
    const stop = new AbortController();
    running = stop;
    try {
      const answer = await send(service, "GET", path, undefined, { signal: stop.signal });
      await read(answer, stop, (event) => {
        pause = PAUSE_FIRST_MS;
        if (!over) take(event);
      });
    } catch (fault) {
      if (!over && !stop.signal.aborted) lack(fault);
    }
    running = null;
    if (over) return;
    timer = setTimeout(run, pause * (0.5 + Math.random() / 2));
    pause = Math.min(2 * pause, PAUSE_MOST_MS);
  };
  const seen = () => {
    if (document.hidden) running?.abort();
    else {
      pause = PAUSE_FIRST_MS;
      run();
    }
  };
  document.addEventListener("visibilitychange", seen);
  run();
  return () => {
    over = true;
    running?.abort();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}
