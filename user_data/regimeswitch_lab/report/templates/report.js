"use strict";

(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PRINT_WIDTH = 700;
  const MARKS = {
    entry: { symbol: "triangle-up", size: 11, color: "bull" },
    addition: { symbol: "triangle-up-open", size: 9, color: "bull" },
    reduction: { symbol: "triangle-down-open", size: 9, color: "bear" },
    exit: { symbol: "triangle-down", size: 11, color: "bear" },
  };
  const SYMBOLS = { bull: "circle", bear: "square", sideways: "diamond" };
  // plotly reads a little HTML in texts, and these come from files.
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const moments = (minutes) => minutes.map((one) => data.begin + one * 60000);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  /** Filled rectangles behind a chart: [begin, end, number of the regime] each. */
  function bands(spans, bottom) {
    return spans
      .filter(([, , number]) => data.regimes[number] !== "unknown")
      .map(([begin, end, number]) => ({
        type: "rect", layer: "below", xref: "x", yref: "paper", y0: bottom, y1: 1,
        x0: data.begin + begin * 60000, x1: data.begin + end * 60000,
        line: { width: 0 }, fillcolor: color(data.regimes[number]), opacity: Number(color("band")),
      }));
  }

  function line(axis, series, name, look) {
    return {
      type: "scatter", mode: "lines", x: moments(series.t), y: series.y, yaxis: axis, name: plain(name),
      ...look, line: { width: 1.4, ...(look.line || {}) },
    };
  }

  function axis(title, domain, more) {
    return {
      title: { text: title, font: { size: 12 } }, domain, fixedrange: true, automargin: true,
      gridcolor: color("line"), zerolinecolor: color("line"), ...more,
    };
  }

  function layout(axes, shapes) {
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: color("text"), family: "system-ui, sans-serif", size: 12 },
      margin: { l: 64, r: 12, t: 8, b: 36 }, hovermode: "x", dragmode: "zoom", shapes,
      legend: { traceorder: "normal", orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      hoverlabel: { bgcolor: color("raised"), bordercolor: color("line"), font: { color: color("text") } },
      xaxis: {
        type: "date", range: [data.begin, data.begin + data.end * 60000], gridcolor: color("line"),
        anchor: "free", position: 0,
      },
      ...axes,
    };
  }

  function account() {
    const looks = [
      { line: { color: color("bot"), width: 1.8 } },
      { line: { color: color("hold"), dash: "dot" } },
      // Shadow accounts, if there are any.
      { line: { color: color("rules"), dash: "dash" } },
      { line: { color: color("volatility"), dash: "dashdot" } },
    ];
    const shared = data.shares.t !== undefined;
    const traces = data.accounts.flatMap((one, number) => [
      line("y", one.equity, one.name, { ...looks[number % looks.length], hovertemplate: `%{y:,.2f} ${plain(data.currency)}` }),
      line("y2", one.fall, one.name, { ...looks[number % looks.length], showlegend: false, hovertemplate: "%{y:.1%}" }),
    ]);
    if (shared) {
      for (const name of data.regimes.filter((one) => one !== "unknown")) {
        traces.push(line("y3", { t: data.shares.t, y: data.shares.y[name] }, name, {
          stackgroup: "regimes", hovertemplate: "%{y:.0%}", line: { width: 0, color: color(name) },
          fillcolor: `${color(name)}99`,
        }));
      }
    }
    const low = shared ? 0.2 : 0;
    const axes = {
      yaxis: axis(data.currency, [low + 0.34, 1], { type: "log" }),
      yaxis2: axis("drawdown", [low + 0.02, low + 0.28], { tickformat: ".0%" }),
    };
    if (shared) {
      axes.yaxis3 = axis("share of pairs", [0, 0.15], { tickformat: ".0%", range: [0, 1] });
    }
    return { traces, layout: layout(axes, bands(data.majority, low)) };
  }

  function pair(one) {
    const regime = one.price.regime.map((number) => data.regimes[number]);
    const traces = [
      line("y", one.price, "close", {
        line: { color: color("text"), width: 1.1 }, text: regime, hovertemplate: "%{y:,.6~g}, %{text}",
      }),
      line("y3", one.volatility, "volatility a year", {
        line: { color: color("volatility"), shape: "hv" }, hovertemplate: "%{y:.0%}", showlegend: false,
      }),
    ];
    if (one.target_weight) {
      traces.push(line("y2", one.target_weight, "target weight", {
        line: { color: color("weight"), shape: "hv" }, hovertemplate: "%{y:.0%}", showlegend: false,
      }));
    }
    for (const [kind, marks] of Object.entries(one.marks)) {
      const look = MARKS[kind];
      traces.push({
        type: "scatter", mode: "markers", cliponaxis: false, name: kind, x: moments(marks.t), y: marks.y, yaxis: "y",
        text: marks.text.map(plain), hovertemplate: "%{text}<extra></extra>",
        marker: {
          symbol: look.symbol, size: look.size, color: color(look.color),
          line: { color: color("text"), width: 1 },
        },
      });
    }
    const axes = {
      yaxis: axis("price", [one.target_weight ? 0.42 : 0.22, 1], { type: "log" }),
      yaxis3: axis("volatility", [0.02, 0.17], { tickformat: ".0%", rangemode: "tozero" }),
    };
    if (one.target_weight) {
      axes.yaxis2 = axis("target weight", [0.22, 0.37], { tickformat: ".0%", range: [0, 1.05] });
    }
    return { traces, layout: layout(axes, bands(one.bands, 0)) };
  }

  function validation() {
    const traces = [];
    const t = data.trainings.map((one) => one.t);
    const coins = data.trainings.map((one) => plain(one.coins));
    // Pairs that train apart have a point each at the same time: no line leads from one to the next.
    const alone = new Set(t).size === t.length;
    for (const regime of data.regimes.filter((one) => one !== "unknown")) {
      const of = (key) => data.trainings.map((one) => one.sub_models[regime]?.[key] ?? null);
      const series = (axisName, key, name, look, more) => line(axisName, { t, y: of(key) }, name, {
        mode: alone ? "lines+markers" : "markers", line: { color: color(regime), ...look },
        marker: { size: 6, symbol: SYMBOLS[regime] }, text: coins, legendgroup: regime,
        hovertemplate: "%{y:.3f} (%{text})", ...more,
      });
      traces.push(series("y", "weight", regime, {}, {}));
      traces.push(series("y2", "gain", `${regime}, gain`, {}, { showlegend: false }));
      traces.push(series("y2", "placebo", `${regime}, placebo`, { dash: "dot" }, { showlegend: false }));
      traces.push(series("y3", "slope", `${regime}, slope`, {}, { showlegend: false }));
    }
    const axes = {
      yaxis: axis("weight", [0.7, 1], { range: [-0.05, 1.05] }),
      yaxis2: axis("gain in log loss", [0.36, 0.64], {}),
      yaxis3: axis("calibration slope", [0.02, 0.3], {}),
    };
    const found = layout(axes, []);
    found.xaxis.autorange = true;
    return { traces, layout: found };
  }

  /** Points of a regime and the line on which forecasts are right; the larger a point, the more rows. */
  function against(points, regime, axes, more) {
    const most = Math.max(...points.map((one) => one[2]));
    return {
      type: "scatter", mode: "lines+markers", name: regime, legendgroup: regime, ...axes,
      x: points.map((one) => one[0]), y: points.map((one) => one[1]),
      text: points.map((one) => one[2].toLocaleString("en")),
      line: { color: shade(regime), width: 1.4 },
      marker: {
        color: shade(regime), symbol: SYMBOLS[regime] || "x",
        size: points.map((one) => 4 + 8 * Math.sqrt(one[2] / most)),
      },
      hovertemplate: "%{x:.1%} given, %{y:.1%} came (%{text} candles)", ...more,
    };
  }

  function diagonal(low, high, axes) {
    return {
      type: "scatter", mode: "lines", x: [low, high], y: [low, high], ...axes, showlegend: false,
      line: { color: color("quiet"), width: 1, dash: "dot" }, hoverinfo: "skip",
    };
  }

  const shade = (regime) => color(data.regimes.includes(regime) ? regime : "bot");

  function square(axes) {
    const found = layout(axes, []);
    found.xaxis = axes.xaxis;
    found.hovermode = "closest";
    return found;
  }

  function reliability() {
    const classes = Object.keys(data.reliability[data.reliability.length - 1].points);
    const traces = [];
    const axes = {};
    classes.forEach((name, number) => {
      const key = number ? number + 1 : "";
      const own = { xaxis: `x${key}`, yaxis: `y${key}` };
      const gap = 0.05;
      const width = (1 - gap * (classes.length - 1)) / classes.length;
      const domain = [number * (width + gap), number * (width + gap) + width];
      axes[`xaxis${key}`] = {
        ...axis(`probability of ${plain(name)}`, domain, { range: [0, 1], tickformat: ".0%", dtick: 0.2 }), anchor: own.yaxis,
      };
      axes[`yaxis${key}`] = {
        ...axis(number ? "" : "came", [0, 1], {
          range: [0, 1], tickformat: ".0%", dtick: 0.2, showticklabels: number === 0,
        }),
        anchor: own.xaxis,
      };
      traces.push(diagonal(0, 1, own));
      for (const one of data.reliability.filter((row) => row.points[name])) {
        traces.push(against(one.points[name], one.regime, own, { showlegend: number === 0 }));
      }
    });
    return { traces, layout: square(axes) };
  }

  function accuracy() {
    const own = { xaxis: "x", yaxis: "y" };
    const all = data.accuracy.flatMap((one) => one.points.flatMap((point) => point.slice(0, 2)));
    const traces = [diagonal(Math.min(...all), Math.max(...all), own)];
    for (const one of data.accuracy) traces.push(against(one.points, one.regime, own, {}));
    const look = { type: "log", tickformat: ".0%", nticks: 8 };
    const axes = { xaxis: axis("forecast volatility", [0, 1], look), yaxis: axis("came", [0, 1], look) };
    return { traces, layout: square(axes) };
  }

  const epoch = (value) => (typeof value === "number" ? value : Date.parse(`${value.replace(" ", "T")}Z`));

  /** Fit the price axis to what is seen: plotly leaves it as it was. */
  function fit(chart) {
    const [begin, end] = chart.layout.xaxis.range.map(epoch);
    let low = Infinity;
    let high = -Infinity;
    for (const trace of chart.data.filter((one) => (one.yaxis || "y") === "y")) {
      trace.x.forEach((moment, row) => {
        if (moment >= begin && moment <= end && trace.y[row] !== null) {
          low = Math.min(low, trace.y[row]);
          high = Math.max(high, trace.y[row]);
        }
      });
    }
    if (!(low > 0) || chart.layout.yaxis.type !== "log") return {};
    const room = 0.05 * Math.log10(high / low) || 0.01;
    return { "yaxis.range": [Math.log10(low) - room, Math.log10(high) + room] };
  }

  async function zoomTo(chart, begin, end) {
    await Plotly.relayout(chart, { "xaxis.range": [begin, end] });
  }

  function whole(chart) {
    return zoomTo(chart, data.begin, data.begin + data.end * 60000);
  }

  function tools(chart) {
    const box = document.querySelector(`.tools[data-for="${chart.id}"]`);
    const move = (scale, shift) => () => {
      const [begin, end] = chart.layout.xaxis.range.map(epoch);
      const half = ((end - begin) / 2) * scale;
      const middle = (begin + end) / 2 + (end - begin) * shift;
      return zoomTo(chart, middle - half, middle + half);
    };
    const buttons = [
      ["Closer", move(0.5, 0)], ["Farther", move(2, 0)], ["Earlier", move(1, -0.5)],
      ["Later", move(1, 0.5)], ["All", () => whole(chart)],
    ];
    for (const [name, action] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", action);
      box.append(button);
    }
  }

  const charts = new Map([["account-chart", account]]);
  data.pairs.forEach((one, number) => charts.set(`pair-${number}`, () => pair(one)));
  if (data.trainings.length) charts.set("validation-chart", validation);
  // Without time across: no zoom, and the axes are as they are drawn.
  const timeless = new Set(["reliability-chart", "accuracy-chart"]);
  if (data.reliability.length) charts.set("reliability-chart", reliability);
  if (data.accuracy.length) charts.set("accuracy-chart", accuracy);
  const drawn = new Set();

  async function draw(chart) {
    const { traces, layout: found } = charts.get(chart.id)();
    const before = drawn.has(chart.id) && !timeless.has(chart.id) ? chart.layout.xaxis.range : null;
    if (before) found.xaxis.range = [...before];
    await Plotly.react(chart, traces, found, {
      responsive: true, displayModeBar: false, doubleClick: false, showTips: false,
    });
    if (drawn.has(chart.id)) return;
    drawn.add(chart.id);
    if (timeless.has(chart.id)) return;
    tools(chart);
    chart.on("plotly_doubleclick", () => whole(chart));
    if (chart.id === "validation-chart") return;
    chart.on("plotly_relayout", (change) => {
      if (Object.keys(change).some((key) => key.startsWith("xaxis.range"))) {
        Plotly.relayout(chart, fit(chart));
      }
    });
  }

  const redraw = () => [...drawn].forEach((id) => draw(document.getElementById(id)));

  try {
    const packed = atob(document.getElementById("plotly").textContent.trim());
    const bytes = Uint8Array.from(packed, (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  } catch (error) {
    const trouble = document.getElementById("trouble");
    trouble.textContent = `The charts cannot be drawn (${error.message}); open the page in a browser of 2023 or later.`;
    trouble.hidden = false;
    return;
  }

  // A chart costs some tenths of a second: each is drawn when it comes into sight.
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "600px" });
  for (const id of charts.keys()) watcher.observe(document.getElementById(id));

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    for (const id of charts.keys()) {
      const chart = document.getElementById(id);
      draw(chart);
      Plotly.relayout(chart, { width: PRINT_WIDTH, autosize: false });
    }
  });
  addEventListener("afterprint", () => {
    redraw();
    for (const id of drawn) Plotly.relayout(document.getElementById(id), { width: null, autosize: true });
  });
})();
