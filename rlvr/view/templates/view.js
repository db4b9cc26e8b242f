// What the pages of `rlvr view` do beyond being read: draw curves, follow a run that is going on, copy, keys.
"use strict";

const POLL_MS = 2000, IDLE_MS = 10000, FRESH_MS = 15000;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (look) => (look === "all" ? css("--ink") : css("--" + look));
const DASHES = ["solid", "dash", "dot", "dashdot"];

function traces(chart) {
  return chart.series.map((series, place) => ({
    x: series.x, y: series.y, name: series.name, type: "scatter",
    mode: chart.dots || series.x.length === 1 ? "lines+markers" : "lines",
    line: { color: colour(series.look), width: series.look === "all" ? 3 : 2, dash: DASHES[place % DASHES.length] },
    hovertemplate: chart.share ? "%{y:.1%}" : "%{y:.4g}",
  }));
}

function layout(chart) {
  const axis = { gridcolor: css("--grid"), zeroline: false, linecolor: css("--rule"), tickfont: { color: css("--soft") } };
  const steps = chart.series.flatMap((series) => [series.x[0], series.x.at(-1)]);
  const few = Math.max(...steps) - Math.min(...steps) < 8;
  return {
    margin: { l: 46, r: 8, t: 6, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--ink") },
    hovermode: "x unified", hoverlabel: { bgcolor: css("--card"), bordercolor: css("--rule"), font: { color: css("--ink") } },
    showlegend: chart.series.length > 1, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: { ...axis, tickangle: 0, ...(few ? { dtick: 1 } : {}), title: { text: "step", font: { color: css("--soft"), size: 12 }, standoff: 4 } },
    yaxis: {
      ...axis, automargin: "left", tickformat: chart.share ? ".3~%" : "", exponentformat: "power",
      ...(chart.whole ? { range: [0, 1.02] } : { rangemode: "tozero" }),
    },
    uirevision: "kept",
  };
}

let drawn = {};

function draw(charts) {
  drawn = charts;
  for (const [id, chart] of Object.entries(charts)) {
    const place = document.getElementById(id);
    if (!place) { location.reload(); return; }
    Plotly.react(place, traces(chart), layout(chart), { responsive: true, displaylogo: false, displayModeBar: false });
  }
}

// Story, figures and verdicts are made anew by the server; what somebody is in just now is left alone.
async function freshen() {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  for (const part of document.querySelectorAll("[data-fresh]")) {
    const fresh = page.querySelector(`[data-fresh=${part.dataset.fresh}]`);
    if (fresh && !part.contains(document.activeElement)) part.replaceWith(fresh);
  }
}

// For as long as the page is open: a run that has stopped may be resumed, and one that is new may have nothing to draw yet.
async function follow(status) {
  const say = (text) => { if (status.textContent !== text) status.textContent = text; };
  let tag = "", live = status.dataset.live === "1", told = status.textContent, fresh = Date.now();
  for (;;) {
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(status.dataset.curves, { headers, cache: "no-store" });
      if (answer.ok) {
        tag = answer.headers.get("ETag") || "";
        const body = await answer.json();
        if (live && !body.live) { location.reload(); return; }
        live = body.live;
        told = live ? "Running. " + body.status : "";
        draw(body.charts);
        if (live && Date.now() - fresh > FRESH_MS) { await freshen(); fresh = Date.now(); }
      }
      if (answer.ok || answer.status === 304) say(told);
    } catch (error) {
      say("No answer from rlvr view: is it still running?");
    }
    await new Promise((resolve) => setTimeout(resolve, live ? POLL_MS : IDLE_MS));
  }
}

async function watch(count) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    try {
      const { newest } = await (await fetch(count.dataset.watch)).json();
      if (newest !== count.dataset.newest) {
        const link = Object.assign(document.createElement("a"), { href: location.href, textContent: "There are newer ones: show them" });
        count.replaceChildren(link);
        return;
      }
    } catch (error) { /* asked again */ }
  }
}

function keys() {
  const rows = [...document.querySelectorAll("[data-row]")];
  let here = -1;
  const go = (by) => {
    if (!rows.length) {
      document.querySelector(by > 0 ? "a[rel=next]" : "a[rel=prev]")?.click();
      return;
    }
    rows[here]?.classList.remove("here");
    here = Math.max(0, Math.min(rows.length - 1, here + by));
    rows[here].classList.add("here");
    rows[here].querySelector("a")?.focus();
    rows[here].scrollIntoView({ block: "nearest" });
  };
  addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "u") (document.querySelector("[data-up]") || document.querySelector("nav.crumbs a")).click();
    else if (event.key === "/") { const field = document.querySelector("input[type=search]"); if (field) { field.focus(); event.preventDefault(); } }
  });
}

addEventListener("DOMContentLoaded", () => {
  const status = document.querySelector("[data-curves]");
  if (status) follow(status);
  const count = document.querySelector("[data-watch]");
  if (count?.dataset.watch) watch(count);
  // Only what says something goes into the address.
  for (const form of document.querySelectorAll("form.filters"))
    form.addEventListener("formdata", ({ formData }) => { for (const [name, value] of [...formData]) if (!value) formData.delete(name); });
  for (const button of document.querySelectorAll("[data-copy]"))
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copy);
      const said = document.querySelector("[data-copied]");
      try { await navigator.clipboard.writeText(text.textContent); said.textContent = "copied"; }
      catch (error) { getSelection().selectAllChildren(text); said.textContent = "selected: press Ctrl+C"; }
    });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(drawn));
  keys();
});
