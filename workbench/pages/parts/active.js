// How long somebody really worked on a unit: between inputs less than so far apart, while the page is seen.
const IDLE_MS = 30_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "scroll"];

export class ActiveTime {
  constructor(before = 0) {
    this.total = before;
    this.last = performance.now();
    this.paused = false;
    this.sign = () => this.count();
    for (const name of SIGNS) addEventListener(name, this.sign, { passive: true, capture: true });
    this.seen = () => {
      if (document.hidden) this.count();
      else this.last = performance.now();
    };
    document.addEventListener("visibilitychange", this.seen);
  }

  // Add what has passed since the last sign of work, unless it was too long to have been work.
  count() {
    const now = performance.now();
    const passed = now - this.last;
    if (!this.paused && passed < IDLE_MS) this.total += passed;
    this.last = now;
    return this.total;
  }

  // What another window has counted of the same work is counted once.
  atLeast(total) {
    this.total = Math.max(this.count(), total);
  }

  pause(paused) {
    this.count();
    this.paused = paused;
  }

  close() {
    for (const name of SIGNS) removeEventListener(name, this.sign, { capture: true });
    document.removeEventListener("visibilitychange", this.seen);
  }
}
