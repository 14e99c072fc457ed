# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The style sheet of report.html: light and dark, screen, phone and paper. Every text has a contrast of 4.5 to 1 or better."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --ink: #1a2230; --soft: #55606f; --line: #e1e5ea; --faint: #f2f4f7; --link: #2f49b8;
  --good: #136b42; --good-bg: #e6f4ec; --good-fill: #2f9e68;
  --bad: #b02a26; --bad-bg: #fdecea; --bad-fill: #d64540;
  --warn: #865100; --warn-bg: #fcf1dc; --warn-fill: #dd9423;
  --wait: #3b4aa8; --wait-bg: #eceffc; --wait-fill: #8c9ae6;
  --ph-detect: #c3cad4; --ph-preflight: #9aa6b7; --ph-stage: #6f7d93; --ph-backup: #4aa3bf; --ph-upgrade: #4a5cd0;
  --ph-verify: #4ba56b; --ph-rollback: #dd9423; --down: #d1242f;
  --band: #eff2f8; --band2: #f8f4ea; --add: #e4f5ea; --del: #fdeae8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #11151b; --card: #191f28; --ink: #e5e9ef; --soft: #9ca8b8; --line: #2c3541; --faint: #202733; --link: #a9b8ff;
    --good: #62d59c; --good-bg: #14301f; --good-fill: #37a56f;
    --bad: #ff9f97; --bad-bg: #3a1a19; --bad-fill: #e2625b;
    --warn: #f1bf66; --warn-bg: #33270f; --warn-fill: #d39132;
    --wait: #b0bdff; --wait-bg: #20274a; --wait-fill: #6675d6;
    --ph-detect: #4b5666; --ph-preflight: #667388; --ph-stage: #8b97aa; --ph-backup: #3a95b3; --ph-upgrade: #7c8cff;
    --ph-verify: #4fb076; --ph-rollback: #e0a043; --down: #ff5f5f;
    --band: #212a38; --band2: #2b2820; --add: #15321f; --del: #3b1c1b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink); line-height: 1.5; font-size: 15px; font-variant-numeric: tabular-nums;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif;
}
code, pre, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .88em; }
code { overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: 3px; text-decoration-color: color-mix(in srgb, currentColor 35%, transparent); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible {
  outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px;
}
main, .wrap { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
h1, h2, h3 { line-height: 1.3; margin: 0; text-wrap: balance; }
h2 { font-size: 1.15rem; font-weight: 650; margin-bottom: 12px; }
h3 { font-size: .95rem; font-weight: 650; margin-bottom: 6px; }
p { margin: 0; }
.soft { color: var(--soft); }
.nowrap { white-space: nowrap; }
.icon {
  width: 1em; height: 1em; flex: none; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round;
  stroke-linejoin: round;
}
.sprite { display: none; }

.tone-good { --tone: var(--good); --tone-bg: var(--good-bg); --tone-fill: var(--good-fill); }
.tone-bad { --tone: var(--bad); --tone-bg: var(--bad-bg); --tone-fill: var(--bad-fill); }
.tone-warn { --tone: var(--warn); --tone-bg: var(--warn-bg); --tone-fill: var(--warn-fill); }
.tone-wait { --tone: var(--wait); --tone-bg: var(--wait-bg); --tone-fill: var(--wait-fill); }

header { padding: 28px 0 0; }
.eyebrow { color: var(--soft); font-size: .88rem; margin-bottom: 10px; }
.eyebrow b { color: var(--ink); font-weight: 650; }
.banner {
  display: flex; gap: 16px; background: var(--tone-bg); color: var(--tone); border-radius: 14px; padding: 20px 22px;
  border: 1px solid color-mix(in srgb, var(--tone) 22%, transparent);
}
.banner .icon { width: 34px; height: 34px; margin-top: 1px; stroke-width: 1.8; }
.banner .word { font-size: .82rem; font-weight: 650; letter-spacing: .04em; text-transform: uppercase; margin-bottom: 2px; }
.banner h1 { font-size: 1.42rem; font-weight: 620; color: var(--ink); overflow-wrap: anywhere; text-wrap: pretty; }

.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 14px 0; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 12px 16px; min-width: 0; }
.tile dt { color: var(--soft); font-size: .84rem; }
.tile dd { margin: 0; font-size: 1.4rem; font-weight: 620; line-height: 1.35; }
.tile dd small { display: block; font-size: .84rem; font-weight: 400; color: var(--soft); overflow-wrap: anywhere; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px 22px; margin: 14px 0; }

.share { display: flex; gap: 2px; height: 10px; border-radius: 5px; overflow: hidden; margin-bottom: 8px; }
.share span { background: var(--tone-fill); min-width: 4px; }
.legend {
  display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 14px; padding: 0; list-style: none; font-size: .86rem;
  color: var(--soft);
}
.legend li { display: flex; align-items: center; gap: 6px; }
.swatch { width: 12px; height: 12px; border-radius: 3px; flex: none; background: var(--tone-fill); }

.next { padding: 0; margin: 0; list-style: none; }
.next > li { padding: 14px 0; border-top: 1px solid var(--line); }
.next > li:first-child { border-top: 0; padding-top: 0; }
.next > li:last-child { padding-bottom: 0; }
.next .who {
  display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; margin-bottom: 4px; font-weight: 600;
  overflow-wrap: anywhere;
}
.next ol { margin: 0; padding-left: 22px; }
.next p, .next ol li { max-width: 82ch; overflow-wrap: anywhere; }
.next ol li { padding: 1px 0; }

.pill {
  display: inline-flex; align-items: center; gap: 5px; padding: 1px 9px 1px 7px; border-radius: 99px; white-space: nowrap;
  background: var(--tone-bg); color: var(--tone); font-size: .84rem; font-weight: 600;
}

table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .84rem; white-space: nowrap; }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr > :last-child { padding-right: 0; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { color: inherit; font-size: inherit; white-space: normal; overflow-wrap: anywhere; min-width: 9ch; }
.num { text-align: right; white-space: nowrap; }
.why { display: block; color: var(--soft); font-size: .88rem; font-weight: 400; overflow-wrap: anywhere; max-width: 60ch; }
table.nodes tr.above > * { border-bottom: 0; padding-bottom: 0; }
tr.because td { color: var(--soft); font-size: .92rem; padding-top: 1px; overflow-wrap: anywhere; }
table.nodes tbody th { min-width: 17ch; }
table.nodes td.cluster { min-width: 10ch; overflow-wrap: anywhere; }
td.data { width: 26%; }
.scroll { overflow-x: auto; }

svg.timeline { display: block; width: 100%; height: auto; font-size: 12px; }
svg.timeline text { fill: var(--ink); }
svg.narrow { display: none !important; }
.timeline .wave rect { fill: var(--band); }
.timeline .wave.even rect { fill: var(--band2); }
.timeline .wave text, .timeline .tick text { fill: var(--soft); font-size: 11px; }
.timeline .tick line { stroke: var(--line); }
.timeline .rule { stroke: var(--line); }
.timeline circle { fill: var(--tone-fill); }
.timeline .down rect { fill: var(--down); }
.timeline text.down-text { fill: var(--soft); }
.timeline .bad rect { stroke: var(--bad); stroke-width: 1.5; }
.timeline .open rect { stroke: var(--bad); stroke-width: 1.2; stroke-dasharray: 3 2; fill-opacity: .25; }
.timeline .cross { stroke: var(--bad); stroke-width: 2; fill: none; stroke-linecap: round; }
.ph-detect { fill: var(--ph-detect); background: var(--ph-detect); }
.ph-preflight { fill: var(--ph-preflight); background: var(--ph-preflight); }
.ph-stage { fill: var(--ph-stage); background: var(--ph-stage); }
.ph-backup { fill: var(--ph-backup); background: var(--ph-backup); }
.ph-upgrade { fill: var(--ph-upgrade); background: var(--ph-upgrade); }
.ph-verify { fill: var(--ph-verify); background: var(--ph-verify); }
.ph-rollback { fill: var(--ph-rollback); background: var(--ph-rollback); }
.ph-other { fill: var(--soft); background: var(--soft); }
.swatch.down { background: var(--down); width: 5px; height: 16px; border-radius: 2px; }
.swatch.open { background: none; border: 1.5px dashed var(--bad); }
.swatch.failed { background: none; border: 2px solid var(--bad); }

details.node { border-top: 1px solid var(--line); }
details.node:last-of-type { border-bottom: 1px solid var(--line); }
summary {
  cursor: pointer; list-style: none; display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; position: relative;
  padding: 10px 0 10px 23px;
}
summary::-webkit-details-marker { display: none; }
summary::before {
  content: ""; position: absolute; left: 3px; top: 17px; width: 7px; height: 7px; border: solid var(--soft);
  border-width: 0 2px 2px 0; transform: rotate(-45deg);
}
details[open] > summary::before { transform: rotate(45deg); }
summary:hover { background: var(--faint); }
summary b { font-weight: 620; overflow-wrap: anywhere; }
.inside { padding: 4px 0 20px 23px; display: grid; gap: 20px; }
.inside > section, .inside > div { min-width: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 20px 36px; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; margin: 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
ul.plain { margin: 0; padding-left: 18px; overflow-wrap: anywhere; }
ul.settings { margin: 0; padding: 0; list-style: none; }
ul.settings li { padding-left: 1.2em; text-indent: -1.2em; }
.small td, .small th { padding-top: 4px; padding-bottom: 4px; font-size: .92rem; }
.detail { overflow-wrap: anywhere; }
table.phases th:last-child { width: 46%; }
tr.changed > * { color: var(--bad); font-weight: 600; }
svg.fall { display: block; width: 100%; min-width: 120px; height: 12px; margin-top: 5px; }
.fall .bar { fill: var(--ph-upgrade); }
.fall .bar.bad { fill: var(--bad-fill); }
.fall .window { fill: var(--down); fill-opacity: .16; }
.fallcell { width: 45%; }
pre.diff { margin: 8px 0 0; padding: 10px 0; background: var(--faint); border-radius: 8px; overflow-x: auto; line-height: 1.45; }
pre.diff span { display: block; padding: 0 12px; min-width: max-content; }
pre.diff .add { background: var(--add); }
pre.diff .del { background: var(--del); }
pre.diff .at { color: var(--soft); }
.steps { margin-top: 10px; font-size: .92rem; }
.finding { padding: 6px 0; }
.finding .what { overflow-wrap: anywhere; max-width: 90ch; }
footer { color: var(--soft); font-size: .86rem; padding: 10px 0 40px; }

@media screen and (max-width: 900px) {
  table.stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.stack, table.stack tbody, table.stack tr, table.stack td, table.stack tbody th { display: block; }
  table.stack tr { border-top: 1px solid var(--line); padding: 10px 0; }
  table.stack tr.because { border-top: 0; padding-top: 0; margin-top: -8px; }
  table.stack tbody tr:first-child { border-top: 0; padding-top: 0; }
  table.stack td, table.stack tbody th { border: 0; padding: 1px 0; text-align: left; white-space: normal; }
  table.stack td[data-label] { display: grid; grid-template-columns: 6.5em 1fr; }
  table.stack td[data-label]::before { content: attr(data-label); color: var(--soft); }
  table.stack td.data { width: auto; }
  table.stack td[data-label] > .pill { justify-self: start; }
  table.stack td.empty { display: none !important; }
}
@media screen and (max-width: 760px) {
  main, .wrap { padding: 0 14px; }
  header { padding-top: 18px; }
  .banner { padding: 16px; gap: 12px; }
  .banner .icon { width: 26px; height: 26px; }
  .banner h1 { font-size: 1.14rem; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 10px; }
  .tile { padding: 10px 12px; }
  .tile dd { font-size: 1.2rem; }
  .card { padding: 16px 14px; }
  svg.wide { display: none !important; }
  svg.narrow { display: block !important; max-width: 560px; }
  .pair { grid-template-columns: 1fr; }
  .inside { padding-left: 0; }
  dl.facts { grid-template-columns: minmax(6em, max-content) 1fr; }
  table.phases th:last-child { width: auto; }
  svg.fall { min-width: 80px; }
  .fallcell { width: 36%; white-space: normal; }
  .wideonly { display: none; }
}
@media print {
  @page { margin: 14mm; }
  :root {
    color-scheme: light;
    --page: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --line: #cccccc; --faint: #f4f4f4; --link: #000000;
  }
  html { font-size: 10.5pt; }
  body { font-size: 1rem; }
  summary { padding-left: 0; }
  .inside { padding-left: 0; }
  .pair { gap: 12px 28px; }
  .tile dd { font-size: 1.2rem; }
  .banner h1 { font-size: 1.2rem; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main, .wrap { max-width: none; padding: 0; }
  .card { border: 0; padding: 8px 0; border-radius: 0; }
  .tile, .banner, tr, .next > li, .finding { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  summary::before { display: none; }
  .scroll { overflow: visible; }
  pre.diff { white-space: pre-wrap; overflow: visible; }
  pre.diff span { min-width: 0; overflow-wrap: anywhere; }
}
"""
