"use strict";

const chosen = new URLSearchParams(location.search);
const hours = Number(chosen.get("hours")) || 6;
const step = Math.max(5, Math.round(hours * 3600 / 240));
const palette = ["#3274d9", "#37872d", "#e0b400", "#c4162a", "#8f3bb8", "#fa6400", "#0f8f8f", "#777"];
const names = { green: "#37872d", red: "#c4162a", blue: "#3274d9", orange: "#fa6400" };
const color = (name) => names[name] || name;

function filled(expr) {
  const values = {
    $__rate_interval: Math.max(60, 4 * step) + "s",
    $__range: hours + "h",
    $job: chosen.get("job") || ".*",
    $instance: chosen.get("instance") || ".*",
    $source: chosen.get("source") || ".*",
  };
  for (const name of Object.keys(values)) expr = expr.split(name).join(values[name]);
  return expr;
}

async function ask(kind, expr) {
  const fields = new URLSearchParams({ query: filled(expr) });
  if (kind === "timeseries") {
    const now = Date.now() / 1000;
    fields.set("start", now - hours * 3600);
    fields.set("end", now);
    fields.set("step", step);
  }
  const path = kind === "timeseries" ? "query_range" : "query";
  const answer = await (await fetch("../api/v1/" + path + "?" + fields)).json();
  if (answer.status !== "success") throw new Error(answer.error);
  return answer.data.result;
}

function told(value, unit) {
  if (!Number.isFinite(value)) return String(value);
  if (unit === "percentunit") return +(value * 100).toPrecision(3) + " %";
  const sizes = unit === "bytes" ? [[1 << 30, " GiB"], [1 << 20, " MiB"], [1024, " KiB"], [1, " B"]]
    : unit === "s" ? [[86400, " d"], [3600, " h"], [60, " min"], [1, " s"], [0.001, " ms"]]
    : [[1e6, " M"], [1e3, " k"], [1, ""]];
  const [size, word] = sizes.find(([least]) => Math.abs(value) >= least) || [1, sizes.find(([one]) => one === 1)[1]];
  return +(value / size).toPrecision(3) + word;
}

function called(series, legend) {
  if (legend) return legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => series.metric[name] || "");
  const labels = Object.entries(series.metric).filter(([name]) => !["__name__", "job"].includes(name));
  return labels.map(([name, value]) => name + " " + value).join(", ");
}

function stepOf(panel, value) {
  const reached = panel.steps.filter(([from]) => from === null || value >= from);
  return color(reached.length ? reached[reached.length - 1][1] : "inherit");
}

function element(parent, name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  parent.append(made);
  return made;
}

function drawStat(place, panel, all) {
  for (const { series, legend } of all) {
    const value = Number(series.value[1]);
    const word = panel.texts.filter(([from]) => value >= from).pop();
    const big = element(place, "div", word ? word[1] : told(value, panel.unit), "big");
    big.style.color = stepOf(panel, value);
    if (legend && all.length > 1) element(big, "small", " " + called(series, legend));
  }
}

function drawTable(place, panel, all) {
  const table = element(place, "table");
  for (const { series, legend } of all) {
    const row = element(table, "tr");
    element(row, "td", called(series, legend));
    const value = Number(series.value[1]);
    element(row, "td", told(value, panel.unit)).style.color = stepOf(panel, value);
  }
}

function drawLines(place, panel, all) {
  const points = all.flatMap(({ series }) => series.values.map(([at, value]) => [at, Number(value)]))
    .filter(([, value]) => Number.isFinite(value));
  const top = Math.max(...points.map(([, value]) => value), 0) || 1;
  const end = Date.now() / 1000, begin = end - hours * 3600;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 1000 100");
  svg.setAttribute("preserveAspectRatio", "none");
  const legend = element(place, "div", "0 to " + told(top, panel.unit), "legend");
  place.insertBefore(svg, legend);
  all.forEach(({ series, legend: words }, number) => {
    const name = called(series, words);
    const paint = color(panel.colors[name] || palette[number % palette.length]);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", series.values
      .map(([at, value]) => [1000 * (at - begin) / (end - begin), 99 - 98 * Math.max(0, Number(value)) / top])
      .filter(([, y]) => Number.isFinite(y)).map((one) => one.map((n) => n.toFixed(1)).join(",")).join(" "));
    line.setAttribute("fill", "none");
    line.setAttribute("stroke", paint);
    line.setAttribute("stroke-width", "2");
    line.setAttribute("vector-effect", "non-scaling-stroke");
    svg.append(line);
    const last = series.values[series.values.length - 1];
    const mark = element(legend, "span", " ● " + name + " " + told(Number(last[1]), panel.unit));
    mark.style.color = paint;
  });
}

async function show(place, panel) {
  try {
    const found = await Promise.all(panel.queries.map((query) => ask(panel.kind, query.expr)));
    const all = found.flatMap((result, at) =>
      result.map((series) => ({ series, legend: panel.queries[at].legend })));
    if (!all.length) element(place, "div", "nothing to show", "none");
    else if (panel.kind === "timeseries") drawLines(place, panel, all);
    else if (panel.kind === "stat") drawStat(place, panel, all);
    else drawTable(place, panel, all);
  } catch (error) {
    element(place, "div", String(error.message || error), "wrong");
  }
  place.dataset.done = "yes";
}

const main = document.querySelector("main");
for (const row of JSON.parse(document.getElementById("rows").textContent)) {
  element(main, "h2", row.title);
  const line = element(main, "div", undefined, "row");
  for (const panel of row.panels) {
    const place = element(line, "section", undefined, "panel");
    place.style.gridColumn = "span " + panel.size[0];
    element(place, "h3", panel.title).title = panel.about;
    show(place, panel);
  }
}
