"""How a page looks, in the light and in the dark: one style sheet, which the page's policy names by hash.

Colours and type are those of the workbench's pages.
"""

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark;
  --paper: #f6f5f1; --card: #fff; --ink: #1d2524; --quiet: #586563; --edge: #dcdad1; --accent: #0f6e66;
  --accent-soft: #e0efec; --good: #1c6b3f; --good-soft: #e1f1e7; --bad: #a62b2b; --bad-soft: #fbe6e4; --warn: #7d5200;
  --warn-soft: #fbf0d9; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #121716; --card: #1b2221; --ink: #e6ebe8; --quiet: #a3b0ac; --edge: #313b39; --accent: #63c7ba;
  --accent-soft: #17332f; --good: #7fd6a0; --good-soft: #15301f; --bad: #ff9d94; --bad-soft: #3a1b19; --warn: #f0c46b;
  --warn-soft: #33280f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; }
.quiet, dt, figcaption, th { color: var(--quiet); }
code, .id { font: .85em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.seal { border-radius: 10px; padding: .7rem 1rem; margin: 1rem 0; background: var(--warn-soft); color: var(--warn); }
.seal.good { background: var(--good-soft); color: var(--good); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13.5rem, 1fr)); gap: .8rem; margin: 1rem 0; }
.card, figure, .sheet { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
.card { padding: .8rem 1rem; }
.card b { display: block; font-size: 1.6rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card.first { background: var(--accent-soft); border-color: var(--accent); }
.card span { display: block; font-size: .9rem; color: var(--quiet); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: .8rem;
  align-items: start; }
figure { margin: 0; padding: .8rem; max-width: 34rem; }
figcaption { font-size: .9rem; margin-top: .4rem; }
.sheet { padding: .4rem 1rem; overflow-x: auto; }
dl { display: grid; grid-template-columns: minmax(11rem, 17rem) 1fr; gap: .35rem 1rem; margin: .4rem 0; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .95rem; }
th, td { text-align: start; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--edge); vertical-align: top; }
th { font-weight: 500; }
td .id { display: inline-block; min-width: 12rem; }
details { margin: .6rem 0; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: end; white-space: nowrap; }
summary { cursor: pointer; color: var(--accent); }
ol.sample { columns: 18rem; font-size: .85rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, "DejaVu Sans", sans-serif; fill: var(--quiet); }
svg text.name { fill: var(--ink); }
svg .grid { stroke: var(--edge); }
svg .line { fill: none; stroke: var(--accent); stroke-width: 2.2; }
svg .band { fill: var(--accent); opacity: .16; }
svg line.here { stroke: var(--ink); stroke-width: 1.6; stroke-dasharray: 5 3; }
svg .mark { stroke-dasharray: 2 3; }
svg .mark.good { stroke: var(--good); } svg .mark.bad { stroke: var(--bad); }
svg .dot { fill: var(--accent); }
svg .dot.good { fill: var(--good); } svg .dot.bad { fill: var(--bad); } svg .dot.here { fill: var(--ink); }
svg .bar { fill: var(--accent); } svg .heat { fill: var(--accent); }
svg .whisker { stroke: var(--quiet); } svg .line.s1 { stroke-dasharray: 8 3; } svg .line.s2 { stroke-dasharray: 3 3; }
svg .line.s3 { stroke-dasharray: 9 3 2 3; } svg .bar.bad { fill: var(--bad); }
svg .area.good { fill: var(--good-soft); stroke: var(--good); }
svg .area.bad { fill: var(--bad-soft); stroke: var(--bad); }
.key::before { content: ""; display: inline-block; width: .75em; height: .75em; border-radius: 3px; margin: 0 .4em 0 0;
  background: var(--ink); }
.key.good::before { background: var(--good); } .key.bad::before { background: var(--bad); }
.key.band::before { background: var(--accent); opacity: .35; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  table { min-width: 34rem; } td .id { min-width: 0; } figure { overflow-x: auto; }
  svg { min-width: 25rem; } }
@media print { body { background: none; } .card, figure, .sheet { break-inside: avoid; } }
"""

POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'"
)
"""What the page may do: be seen. No script, no picture, no address and no other style than this."""

AS_PAGE = {
    "content-security-policy": f"{POLICY}; frame-ancestors 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
}
"""Headers of an answer that is a page."""
