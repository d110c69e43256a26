"""The style sheet of the pages, at `/style.css`.

Colours have at least 4.5:1 against what they stand on, in both schemes. No colour alone says what
is wrong: words do.
"""

STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --sheet: #ffffff; --ink: #17212b; --soft: #55626f; --line: #dfe4ea;
  --accent: #1f5f8b; --hover: #eef3f7;
  --well: #17693f; --well-bg: #e3f4ea; --well-bar: #3fa870;
  --failed: #a81f2d; --failed-bg: #fde8ea; --failed-bar: #d6404f;
  --stale: #8a4b00; --stale-bg: #fdefd9; --stale-bar: #dd9426;
  --held: #5b4b94; --held-bg: #eeebf9; --held-bar: #8d7cc9;
  --foreign: #4c5966; --foreign-bg: #e9edf1; --foreign-bar: #9aa7b3;
  --shadow: 0 1px 2px rgb(23 33 43 / 6%), 0 4px 16px rgb(23 33 43 / 5%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10161c; --sheet: #182028; --ink: #e6ebf0; --soft: #9fadba; --line: #2b3640;
    --accent: #7cbdea; --hover: #202b35;
    --well: #7fd6a6; --well-bg: #17352a; --well-bar: #3c9a6a;
    --failed: #ff9aa4; --failed-bg: #43202a; --failed-bar: #d9515f;
    --stale: #f2bd6a; --stale-bg: #3d2e16; --stale-bar: #c98728;
    --held: #bfb1f2; --held-bg: #2e2947; --held-bar: #7d6cbb;
    --foreign: #b3c0cc; --foreign-bg: #29333d; --foreign-bar: #6b7986;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans",
    sans-serif;
  font-variant-numeric: tabular-nums;
}
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .18em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
code { font: .875em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.wide, main { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .5rem 1rem; background: var(--sheet); z-index: 1; }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
.faint { color: var(--soft); }
.note { display: block; color: var(--soft); font-size: .8125rem; font-weight: 400; }

.banner { background: var(--sheet); border-bottom: 1px solid var(--line); }
.banner .wide { display: flex; align-items: center; gap: 2rem; min-height: 3.5rem; }
.brand {
  display: inline-flex; align-items: center; gap: .6rem; color: var(--ink); font-weight: 650;
  font-size: 1.125rem; letter-spacing: -.01em; text-decoration: none;
}
.mark { display: flex; }
.mark svg { width: 1.75rem; height: 1.75rem; }
nav ul, footer ul { display: flex; gap: 1.5rem; list-style: none; margin: 0; padding: 0; }
.banner nav { margin-left: auto; }
.banner nav a, footer a { color: var(--soft); text-decoration: none; font-size: .9375rem; }
.banner nav a:hover, footer a:hover { color: var(--ink); text-decoration: underline; }

section { margin: 2.75rem 0; }
.top { margin-top: 2.25rem; }
h1 {
  display: flex; align-items: center; gap: .75rem; margin: 0; font-size: 2rem; line-height: 1.2;
  font-weight: 680; letter-spacing: -.02em; overflow-wrap: anywhere;
}
h2 {
  display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .75rem; margin: 0 0 1rem;
  font-size: 1.25rem; line-height: 1.3; font-weight: 650; letter-spacing: -.01em;
}
.told { color: var(--soft); font-size: .875rem; font-weight: 400; letter-spacing: 0; }
.lead { margin: .5rem 0 0; color: var(--soft); font-size: 1.0625rem; max-width: 44rem; }
.back { margin: 0 0 .5rem; font-size: .9375rem; }
.states { margin: .75rem 0 0; }
.dot { flex: none; width: .9rem; height: .9rem; border-radius: 50%; background: var(--soft); }
.dot.well { background: var(--well-bar); }
.dot.failed { background: var(--failed-bar); }
.dot.stale { background: var(--stale-bar); }

.bar { margin: 1.5rem 0 1rem; height: .625rem; border-radius: 99px; overflow: hidden;
  background: var(--line); }
.bar svg { display: block; width: 100%; height: 100%; }
.bar .well { fill: var(--well-bar); } .bar .failed { fill: var(--failed-bar); }
.bar .stale { fill: var(--stale-bar); }
.bar .held { fill: var(--held-bar); } .bar .foreign { fill: var(--foreign-bar); }

.tiles {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem;
  margin: 0; padding: 0; list-style: none;
}
.tile {
  display: block; height: 100%; padding: 1rem 1.125rem; background: var(--sheet); color: var(--ink);
  border: 1px solid var(--line); border-radius: .75rem; box-shadow: var(--shadow);
  text-decoration: none;
}
.tile:hover { border-color: var(--accent); }
.what { display: flex; align-items: center; gap: .5rem; font-size: .875rem; font-weight: 600; }
.what::before { content: ""; width: .625rem; height: .625rem; border-radius: 3px; }
.tile.well .what::before { background: var(--well-bar); }
.tile.failed .what::before { background: var(--failed-bar); }
.tile.stale .what::before { background: var(--stale-bar); }
.tile.held .what::before { background: var(--held-bar); }
.tile.foreign .what::before { background: var(--foreign-bar); }
.figure {
  display: block; margin: .25rem 0; font-size: 2rem; line-height: 1.15; font-weight: 650;
  letter-spacing: -.02em;
}
.tile.failed .figure { color: var(--failed); } .tile.stale .figure { color: var(--stale); }
.tile.none .figure { color: var(--soft); font-weight: 500; }

.facts {
  display: grid; grid-template-columns: repeat(4, 1fr); gap: 1.25rem 1.5rem;
  margin: 1.75rem 0 0; padding: 1.25rem 0 0; border-top: 1px solid var(--line);
}
.facts div { min-width: 0; }
dt { color: var(--soft); font-size: .8125rem; }
dd { margin: .125rem 0 0; font-weight: 600; overflow-wrap: anywhere; }

table {
  width: 100%; border-collapse: separate; border-spacing: 0; background: var(--sheet);
  border: 1px solid var(--line); border-radius: .75rem; box-shadow: var(--shadow);
  font-size: .9375rem;
}
th, td { padding: .6875rem 1rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
tbody th, tbody td { border-top: 1px solid var(--line); }
thead th { color: var(--soft); font-size: .8125rem; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
tbody tr:hover > * { background: var(--hover); }
tbody tr:last-child > :first-child { border-bottom-left-radius: .75rem; }
tbody tr:last-child > :last-child { border-bottom-right-radius: .75rem; }
.number { text-align: right; }
time { white-space: nowrap; }
.repositories th:first-child { width: 30%; }
.repositories td:nth-child(2) { width: 36%; }
.sources td:nth-child(2) { width: 28%; }
.said { display: block; margin-top: .3125rem; color: var(--soft); font-size: .875rem; }
.said.big { margin-top: .75rem; max-width: 48rem; font-size: 1rem; color: var(--ink); }
.advice { display: block; color: var(--soft); }
.advice::before { content: "→ "; }
.links a { margin-right: .75rem; }
.links a:last-child { margin-right: 0; }
a.some.failed { color: var(--failed); } a.some.stale { color: var(--stale); }
a.some.held { color: var(--held); }

.pill {
  display: inline-block; margin-right: .375rem; padding: .0625rem .5625rem; border-radius: 99px;
  font-size: .8125rem; line-height: 1.45; font-weight: 600; white-space: nowrap;
}
.pill.well { color: var(--well); background: var(--well-bg); }
.pill.failed { color: var(--failed); background: var(--failed-bg); }
.pill.stale { color: var(--stale); background: var(--stale-bg); }
.pill.held { color: var(--held); background: var(--held-bg); }
.pill.foreign { color: var(--foreign); background: var(--foreign-bg); }

form { display: flex; flex-wrap: wrap; align-items: end; gap: .75rem; margin: 0 0 1rem; }
label { display: block; min-width: 0; }
label span { display: block; margin-bottom: .1875rem; color: var(--soft); font-size: .8125rem; }
.grow { flex: 1 1 14rem; }
input, select, button {
  width: 100%; min-height: 2.5rem; padding: .375rem .75rem; font: inherit; font-size: .9375rem;
  color: var(--ink); background: var(--sheet); border: 1px solid var(--line); border-radius: .5rem;
}
input, select { border-color: color-mix(in srgb, var(--soft) 55%, var(--line)); }
button { width: auto; padding-inline: 1.25rem; color: var(--sheet); background: var(--accent);
  border-color: var(--accent); font-weight: 600; cursor: pointer; }
button:hover { filter: brightness(1.1); }
.reset { padding: .5rem .25rem; font-size: .9375rem; }
.nothing { margin: 0; padding: 2rem 1.5rem; color: var(--soft); background: var(--sheet);
  border: 1px dashed var(--line); border-radius: .75rem; text-align: center; }
.paging { display: flex; justify-content: center; align-items: center; gap: 1.5rem;
  margin-top: 1.25rem; font-size: .9375rem; }
.paging a { padding: .375rem .5rem; }

footer { margin-top: 4rem; padding: 1.5rem 0 2.5rem; border-top: 1px solid var(--line); }

@media (max-width: 46rem) {
  .wide, main { padding: 0 1rem; }
  .banner .wide { gap: 1rem; }
  .banner nav ul { gap: 1rem; }
  section { margin: 2.25rem 0; }
  .top { margin-top: 1.5rem; }
  h1 { font-size: 1.5rem; }
  .lead { font-size: 1rem; }
  .tiles { grid-template-columns: 1fr 1fr; gap: .75rem; }
  .tile { padding: .75rem .875rem; }
  .figure { font-size: 1.625rem; }
  .facts { grid-template-columns: 1fr 1fr; gap: 1rem; }
  form { display: grid; grid-template-columns: 1fr 1fr; }
  .grow { grid-column: 1 / -1; }
  button { width: 100%; }
  .reset { grid-column: 1 / -1; text-align: center; }
  table, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table { background: none; border: 0; box-shadow: none; }
  tbody tr {
    margin-bottom: .75rem; padding: .625rem 1rem .75rem; background: var(--sheet);
    border: 1px solid var(--line); border-radius: .75rem; box-shadow: var(--shadow);
  }
  tbody tr:hover > * { background: none; }
  tbody th, tbody td, .repositories th:first-child, .repositories td:nth-child(2),
  .sources td:nth-child(2) { width: auto; padding: .125rem 0; border: 0; }
  tbody th { padding-bottom: .25rem; font-size: 1rem; }
  tbody td { display: grid; grid-template-columns: 7rem 1fr; gap: 0 .75rem; }
  tbody td::before { content: attr(data-label); color: var(--soft); font-size: .875rem; }
  td.number { text-align: left; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
@media print { form, .paging, nav { display: none; } body { background: #fff; } }
"""
