// What a part of a page asks for when it is shown. While nobody answers, or who is asked has not heard yet of what was just
// made, it asks again: a page that came at a bad moment goes on by itself.
import { html, useEffect, useState } from "./html.js";
import { isLater, payload } from "./api.js";
import { t } from "./strings.js";

const AGAIN_MS = 3_000;
const EXPIRED_MS = 1_000;
// Between a link that holds no more and the list that has a new one: whoever is refused for another reason asks no faster.

// Returns { found, problem }, anew whenever one of `of` changes. `expired` is called where what was asked by holds no more.
export function useAsked(ask, of, expired = null) {
  const [told, tell] = useState({ found: undefined, problem: "" });
  useEffect(() => {
    // What is shown stays: somebody may be at work on it.
    if (told.found !== undefined) return undefined;
    let timer = 0;
    let over = false;
    const run = () => ask().then((found) => over || tell({ found, problem: "" }), (fault) => {
      if (over) return;
      const isOld = fault.status === 401 && expired;
      if (!isOld) tell({ found: undefined, problem: fault.message });
      if (isOld) timer = setTimeout(expired, EXPIRED_MS);
      else if (isLater(fault)) timer = setTimeout(run, AGAIN_MS);
    });
    run();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, of);
  return told;
}

// Load a page when it is shown, and again in the same moments. `load` returns what it failed with, if it did.
export function useLoaded(load) {
  useEffect(() => {
    let timer = 0;
    let over = false;
    const run = async () => {
      const fault = await load();
      if (!over && fault && isLater(fault)) timer = setTimeout(run, AGAIN_MS);
    };
    run();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
}

// A unit's payload: { content, mediaType }. Its link holds for a while; `expired` is to bring a new one.
export const usePayload = (url, expired) => useAsked(() => payload(url), [url], expired);

// In the place of what is not there yet: that it comes, or why it does not.
export function Coming({ problem }) {
  return problem ? html`<p class="problem" role="alert">${problem}</p>` : html`<p class="quiet" aria-busy="true">${t("loading")}</p>`;
}
