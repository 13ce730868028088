// What pages are made of: Preact and htm from one vendored file, and a store that many components may watch.
export {
  html, render, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../vendor/htm-preact-standalone.js";
import { useLayoutEffect, useReducer } from "../vendor/htm-preact-standalone.js";

// A value with watchers. `set` takes the fields that change.
export function store(value) {
  const watchers = new Set();
  return {
    get value() { return value; },
    set(changes) {
      value = { ...value, ...changes };
      for (const each of [...watchers]) each();
    },
    watch(each) {
      watchers.add(each);
      return () => watchers.delete(each);
    },
  };
}

// Draw the component again whenever the store changes; returns its value.
export function useStore(one) {
  const [, again] = useReducer((count) => count + 1, 0);
  const drawn = one.value;
  useLayoutEffect(() => {
    // Others may have changed it between this component's being drawn and its being watched.
    if (one.value !== drawn) again();
    return one.watch(again);
  }, [one]);
  return drawn;
}
