# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template of report.html. jinja2 fills it in with autoescape on; the style sheet and the drawings come as finished markup."""

from __future__ import annotations

# Paper cannot unfold anything, so all is unfolded before it is printed.
SCRIPT = 'addEventListener("beforeprint",()=>document.querySelectorAll("details").forEach(d=>{d.open=true}));'

PAGE = """\
{%- macro icon(name) %}<svg class="icon" aria-hidden="true"><use href="#i-{{ name }}"/></svg>{% endmacro -%}
{%- macro pill(status) %}<span class="pill tone-{{ status|tone }}">{{ icon(status|icon) }}{{ status|status }}</span>{% endmacro -%}
{%- macro tag(word, tone) %}<span class="pill tone-{{ tone }}">{{ word }}</span>{% endmacro -%}
{%- macro fact(term, value) %}{% if value %}<dt>{{ term }}</dt><dd>{{ value }}</dd>{% endif %}{% endmacro -%}
{%- macro path(term, value) %}{% if value %}<dt>{{ term }}</dt><dd><code>{{ value }}</code></dd>{% endif %}{% endmacro -%}
{%- macro release(node) %}<span class="nowrap">{{ node|release }}</span>{% endmacro -%}
{%- macro findings(found) %}
{% for finding in found %}
<div class="finding">
  <p>{{ tag(finding.severity or "finding", finding.severity|severity_tone) }} <code>{{ finding.id }}</code>
  {%- if finding.accepted %} {{ tag("accepted", "wait") }}{% endif %}
  {%- if finding.get("node") %} <span class="soft">{{ finding.node }}</span>{% endif %}</p>
  {% if finding.message %}<p class="what">{{ finding.message }}</p>{% endif %}
  {% if finding.remedy %}<p class="what soft">What to do: {{ finding.remedy }}</p>{% endif %}
</div>
{% endfor %}
{% endmacro -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{{ banner.word }}: {{ report.verdict }}</title>
<style>{{ style }}</style>
</head>
<body>
<svg class="sprite" aria-hidden="true">
<symbol id="i-ok" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="M7.5 12.5l3 3 6-6.5"/></symbol>
<symbol id="i-bad" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="M8.5 8.5l7 7m0-7l-7 7"/></symbol>
<symbol id="i-back" viewBox="0 0 24 24"><path d="M9 5L4 10l5 5"/><path d="M4 10h10a6 6 0 0 1 0 10h-4"/></symbol>
<symbol id="i-held" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="M9.5 8.5v7m5-7v7"/></symbol>
<symbol id="i-ask" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/>
<path d="M9.3 9.3a2.8 2.8 0 1 1 4 2.6c-.9.5-1.3 1-1.3 2M12 17v.1"/></symbol>
<symbol id="i-wait" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="M12 6.5V12l3.5 2"/></symbol>
<symbol id="i-stop" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="M5 5l14 14"/></symbol>
</svg>

<header><div class="wrap">
  <p class="eyebrow"><b>{{ title }}</b>{% for part in eyebrow %} · {{ part }}{% endfor %}</p>
  <div class="banner tone-{{ banner.tone }}">
    {{ icon(banner.icon) }}
    <div><p class="word">{{ banner.word }}</p><h1>{{ report.verdict }}</h1></div>
  </div>
</div></header>

<main>
<dl class="tiles">
{% for tile in tiles %}
  <div class="tile"><dt>{{ tile.term }}</dt><dd>{{ tile.value }}<small>{{ tile.note }}</small></dd></div>
{% endfor %}
</dl>

{% if report.next %}
<section class="card" aria-labelledby="h-next">
  <h2 id="h-next">What to do next</h2>
  <ul class="next">
  {% for entry in report.next %}
    <li>
      {% if entry.nodes %}<p class="who">{{ pill(entry.status) }} {{ entry.nodes|names(10) }}</p>{% endif %}
      {% if entry.steps|length == 1 %}<p>{{ entry.steps[0] }}</p>
      {% else %}<ol>{% for step in entry.steps %}<li>{{ step }}</li>{% endfor %}</ol>{% endif %}
    </li>
  {% endfor %}
  </ul>
</section>
{% endif %}

{% if report.nodes %}
<section class="card" aria-labelledby="h-nodes">
  <h2 id="h-nodes">Nodes</h2>
  <div class="share" aria-hidden="true">
  {%- for name, number in report.totals.status.items() %}
<span class="tone-{{ name|tone }}" style="flex-grow:{{ number }}"></span>
  {%- endfor -%}
  </div>
  <ul class="legend">
  {% for name, number in report.totals.status.items() %}
    <li><span class="swatch tone-{{ name|tone }}"></span>{{ number }} {{ name|status }}</li>
  {% endfor %}
  </ul>
  <table class="stack nodes">
    <thead><tr>
      <th scope="col">Node</th><th scope="col">Cluster</th><th scope="col">Wave</th><th scope="col">Release</th>
      <th scope="col">Status</th><th scope="col" class="num">Downtime</th><th scope="col">Data, before and after</th>
    </tr></thead>
    <tbody>
    {% for node in report.nodes %}
    <tr{% if node|trouble %} class="above"{% endif %}>
      <th scope="row"><a href="#node-{{ loop.index }}">{{ node.name|breakable }}</a></th>
      <td data-label="Cluster" class="cluster{% if not node.cluster %} empty{% endif %}">{{ node.cluster or "–" }}</td>
      <td data-label="Wave"{% if not node.wave %} class="empty"{% endif %}>{{ node.wave or "–" }}</td>
      <td data-label="Release">{{ release(node) }}</td>
      <td data-label="Status">{{ pill(node.status) }}</td>
      <td data-label="Downtime" class="num{% if node.downtime is none %} empty{% endif %}">{{ node.downtime|seconds }}</td>
      <td data-label="Data" class="data{% if node.data == "not_compared" %} empty{% endif %}"><span>
        {%- if node.data != "not_compared" %}{{ node|data }}<span class="why">{{ node|brief }}</span>
        {%- else %}<span class="soft">not compared</span>{% endif -%}
      </span></td>
    </tr>
    {% if node|trouble %}<tr class="because"><td colspan="7">{{ node.reason }}</td></tr>{% endif %}
    {% endfor %}
    </tbody>
  </table>
</section>
{% endif %}

{% if drawings[0] %}
<section class="card" aria-labelledby="h-time">
  <h2 id="h-time">Timeline</h2>
  <ul class="legend">
  {% for phase in phases %}<li><span class="swatch ph-{{ phase }}"></span>{{ phase }}</li>{% endfor %}
  {% for style, said in marks %}<li><span class="swatch {{ style }}"></span>{{ said }}</li>{% endfor %}
  </ul>
  {% for drawing in drawings %}{{ drawing }}
  {% endfor %}
  <p class="soft">Time since {{ beginning }}.{% if report.plan and report.plan.waves %} Shaded: the waves.{% endif %}</p>
</section>
{% endif %}

{% if report.nodes %}
<section class="card" aria-labelledby="h-details">
  <h2 id="h-details">Node by node</h2>
  {% for node in report.nodes %}
  <details class="node" id="node-{{ loop.index }}"{% if loop.index in unfolded %} open{% endif %}>
    <summary><b>{{ node.name }}</b> {{ pill(node.status) }} <span class="soft">{{ node|summary }}</span></summary>
    <div class="inside">
      {% if node.reason %}<p>{{ node.reason }}{{ "" if node.reason.endswith((".", "!", "?")) else "." }}</p>{% endif %}
      <div class="pair">
        <section><h3>Data</h3>
        {% if node|compared %}
          <table class="small"><thead><tr><th scope="col">level {{ node.fingerprint.level or "not known" }}</th>
          <th scope="col" class="num">before</th><th scope="col" class="num">after</th></tr></thead><tbody>
          {% for what, before, after, equal in node|compared %}
          <tr{% if not equal and node.data == "differs" %} class="changed"{% endif %}><th scope="row">{{ what|spaced }}</th>
          <td class="num">{{ before }}</td><td class="num">{{ after }}</td></tr>
          {% endfor %}
          </tbody></table>
        {% else %}<p class="soft">Not compared.</p>{% endif %}
        {% if node.fingerprint and node.fingerprint.differences %}
          <ul class="plain">{% for difference in node.fingerprint.differences %}<li>{{ difference }}</li>{% endfor %}</ul>
        {% endif %}
        </section>
        <section><h3>Backup and the way back</h3>
        {% if node.backup or node.rollback_package or node.one_way %}
          <dl class="facts">
          {% if node.backup %}
            {{ fact("Backup", node.backup.kind) }}{{ path("In", node.backup.path) }}
            {{ fact("Size", node.backup|backup_size) }}
            <dt>Verified</dt><dd>{% if node.backup.verified %}{{ node.backup.verified|join("; ") }}
            {%- else %}{{ tag("not verified", "warn") }}{% endif %}</dd>
          {% endif %}
          {% if node.rollback_package %}
            {{ path("Old package", node.rollback_package.path) }}{{ fact("Release", node.rollback_package.version) }}
            {{ fact("Origin", node.rollback_package.source|source) }}
          {% endif %}
          {% if node.one_way %}<dt>Way back</dt><dd>{{ tag("one-way", "warn") }}
          this upgrade cannot be undone by the collection</dd>{% endif %}
          </dl>
        {% else %}<p class="soft">This run took none.</p>{% endif %}
        </section>
      </div>
      {% if node.timeline %}
      <section><h3>Phases</h3>
        <table class="small phases"><thead><tr><th scope="col">Phase</th><th scope="col">Status</th>
        <th scope="col" class="wideonly">Began (UTC)</th>
        <th scope="col" class="num">Took</th><th scope="col">Detail</th></tr></thead><tbody>
        {% for entry in node.timeline %}
        <tr><th scope="row">{{ entry.phase }}</th><td>{{ tag(entry.status, entry.status|phase_tone) }}</td>
        <td class="wideonly">{{ entry.started|clock }}</td><td class="num">{{ entry|took }}</td>
        <td class="detail">{{ entry.detail or "" }}</td></tr>
        {% endfor %}
        </tbody></table>
      </section>
      {% endif %}
      {% if node.swap and node.swap.steps %}
      <section><h3>The swap{% if node.swap.downtime is not none %}: {{ node.swap.downtime|seconds }} without service{% endif %}</h3>
        {% if node.swap.error %}<p>{{ node.swap.error }}</p>{% endif %}
        {% if node.swap.notes %}<ul class="plain">{% for note in node.swap.notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}
        <table class="small"><thead><tr><th scope="col">Step</th><th scope="col" class="num wideonly">At</th>
        <th scope="col" class="num">Took</th>
        <th scope="col" class="fallcell">
        {%- if node|has_window %}<span class="soft">shaded: not serving</span>{% endif %}</th></tr></thead><tbody>
        {% for step in node|swap_steps %}
        <tr><th scope="row">{{ step.name }}{% if step.tone != "good" %} {{ tag(step.status, step.tone) }}{% endif %}</th>
        <td class="num wideonly">{{ step.at }}</td><td class="num">{{ step.seconds|seconds }}</td>
        <td class="fallcell">{{ step.drawing }}</td></tr>
        {% endfor %}
        </tbody></table>
      </section>
      {% endif %}
      {% if node.config and node.config.values()|select|list %}
      <section><h3>Configuration</h3>
        <dl class="facts">
        {% for term, label in config_terms if node.config[term] %}
          <dt>{{ label }}</dt><dd><ul class="settings">
          {%- for entry in node.config[term] %}<li>{{ entry }}</li>{% endfor %}</ul></dd>
        {% endfor %}
        </dl>
        {% if node.config.diff %}
        <pre class="diff" tabindex="0" role="region" aria-label="Difference of the configuration of {{ node.name }}">
        {%- for kind, line in node.config.diff|diff_lines %}<span{% if kind %} class="{{ kind }}"{% endif %}>{{ line }}</span>{% endfor -%}
        </pre>
        {% endif %}
      </section>
      {% endif %}
      {% if node.findings %}<section><h3>Findings</h3>{{ findings(node.findings) }}</section>{% endif %}
    </div>
  </details>
  {% endfor %}
</section>
{% endif %}

{% if plan %}
<section class="card" aria-labelledby="h-plan">
  <h2 id="h-plan">The plan</h2>
  <dl class="facts">
    {{ fact("Verdict", plan.verdict) }}{{ fact("Path", plan.path) }}{{ fact("Target", plan|targets) }}
    {{ fact("Because", plan.verdict_reason) }}
    {% for package in plan|packages %}
    <dt>Package</dt><dd>{{ package.said }} <span class="soft">for {{ package.nodes|names }}</span>
      {%- if package.sha256 %}<br><code>{{ package.sha256 }}</code>{% endif %}</dd>
    {% endfor %}
    {% if accepted %}<dt>Accepted</dt><dd>{% for entry in accepted %}<code>{{ entry.id }}</code> for {{ entry.names }}
      {%- if not loop.last %}<br>{% endif %}{% endfor %}</dd>{% endif %}
  </dl>
  {% if plan.notes %}<h3>To be known</h3><ul class="plain">{% for note in plan.notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}
  {{ findings(plan_findings) }}
  {% if plan.nodes %}
  <details{% if plan.nodes|length <= 12 %} open{% endif %}>
    <summary>{{ plan.nodes|length|amount("node") }} in {{ plan.waves|length|amount("wave") }}</summary>
    <table class="small stack"><thead><tr><th scope="col">Wave</th><th scope="col">Node</th><th scope="col">Path</th>
    <th scope="col">Release</th><th scope="col">To be done</th><th scope="col" class="num">Disk needed</th></tr></thead><tbody>
    {% for node in queue %}
    <tr><td data-label="Wave"{% if not node.wave %} class="empty"{% endif %}>{{ node.wave or "–" }}</td><th scope="row">{{ node.name }}</th>
    <td data-label="Path"{% if not node.path %} class="empty"{% endif %}>{{ node.path or "–" }}</td>
    <td data-label="Release">{{ release(node) }}</td>
    <td data-label="To be done"><span>{{ node|todo(plan) }}{% if node.one_way %} {{ tag("one-way", "warn") }}{% endif %}
      {%- if node.reason %}<span class="why">{{ node.reason }}</span>{% endif %}</span></td>
    <td class="num{% if not node.disk_needed %} empty{% endif %}" data-label="Disk needed">{{ (node.disk_needed or none)|size }}</td></tr>
    {% endfor %}
    </tbody></table>
  </details>
  {% endif %}
  {% for group in step_groups %}
  <p class="soft steps">Steps of {{ group.names }}: {% for step in group.steps -%}
    {{ step.name }}{% if not step.reversible %} (cannot be undone){% endif %}{{ ", " if not loop.last else "." }}
  {%- endfor %}</p>
  {% endfor %}
</section>
{% endif %}

<section class="card" aria-labelledby="h-run">
  <h2 id="h-run">The run</h2>
  <dl class="facts">
    {{ fact("Run", report.run.id) }}
    {{ fact("Began", report.run.started|moment) }}{{ fact("Ended", report.run.ended|moment) }}{{ fact("Took", report.run.seconds|seconds) }}
    {{ fact("Path", report.run.path) }}
    {{ fact("Controller", report.run.controller) }}{{ fact("User", report.run.user) }}
    {{ fact("Collection", ("dbfleet.upgrade " ~ report.run.collection_version) if report.run.collection_version else "") }}
    {% if report.run.check %}<dt>Mode</dt><dd>check mode: nothing was changed</dd>
    {%- elif report.run.plan_only %}<dt>Mode</dt><dd>plan only: nothing was changed</dd>{% endif %}
  </dl>
</section>
<footer>All times are UTC. The same facts for programs are in report.json and junit.xml beside this page.</footer>
</main>
<script>{{ script }}</script>
</body>
</html>
"""
