// Which page is shown and how its lists stand: all of it is in the address, so that it outlives a reload and can be sent to somebody.
import { store, useStore } from "./html.js";

const WRITTEN_MS = 250;
// Browsers take some hundred changes of an address a half minute, and somebody may type faster.

export const place = store({ path: location.pathname, query: location.search });
let timer = 0;

function look() {
  clearTimeout(timer);
  place.set({ path: location.pathname, query: location.search });
}

addEventListener("popstate", look);

export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  look();
  scrollTo(0, 0);
}

// How a list stands, as texts by name; what is as `defaults` have it is not in the address. `of` tells the lists of a page apart.
// Changing it makes no step to go back: whoever goes back leaves the page, and finds it as it was.
export function useAddress(defaults, of = "") {
  const { query } = useStore(place);
  const said = new URLSearchParams(query);
  const state = Object.fromEntries(Object.entries(defaults).map(([name, otherwise]) => [name, said.get(of + name) ?? otherwise]));
  const change = (changes) => {
    const next = new URLSearchParams(place.value.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value === defaults[name]) next.delete(of + name);
      else next.set(of + name, value);
    }
    place.set({ query: next.size ? `?${next}` : "" });
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", place.value.path + place.value.query + location.hash), WRITTEN_MS);
  };
  return [state, change];
}
