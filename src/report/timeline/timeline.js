// The interactive timeline: both agents' requests as bars and their chunks as marks, on one time axis.
// Works on the columns that pack.rs writes; times are nanoseconds since the run began. Nothing moves by
// itself, so there is no motion to reduce.
(() => {
  "use strict";

  const STEPS = ["transport", "load", "queue", "prompt", "decode"];
  const PHASES = { concurrent: "Side by side", solo: "Alone", warmup: "Warm-up", failed: "Failed" };
  const AGENT_COLOURS = 8;
  const NAME = 20, STRIP = 5, ROW_GAP = 4, LANE_GAP = 14, AXIS = 30;    // CSS pixels
  const REACH = 9;                  // pixels from the pointer within which a mark is found
  const CLOSEST = 2000;             // ns: the shortest stretch shown
  const MOST_ROWS = 40;             // of requests at once in one lane; more share the last
  const COLUMNS = ["gap", "text", "bytes"];

  // ---- the data

  // The place of the first of the sorted `times` in [low, high) that is not before `t`.
  function placeOf(times, t, low = 0, high = times.length) {
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < t) low = middle + 1; else high = middle;
    }
    return low;
  }

  // A run as rows of sorted typed arrays. Requests of one agent that overlap get rows of their own.
  function unpack(data, run) {
    const lanes = new Map();
    let start = 0, chunk = 0, end = 0;
    run.request.forEach((id, i) => {
      start += run.from[i];
      const until = start + run.took[i];
      const decodeFrom = until - run.decode[i], promptFrom = decodeFrom - run.prompt[i];
      const queueFrom = promptFrom - run.queue[i], loadFrom = queueFrom - run.load[i];
      const request = {
        id, start, until, came: run.came[i], here: run.here[i], chunk,
        outcome: data.outcomes[run.outcome[i]],
        edges: [start, loadFrom, queueFrom, promptFrom, decodeFrom, until],
        first: run.here[i] ? start + run.gap[chunk] : promptFrom < until ? decodeFrom : until,
      };
      chunk += run.here[i];
      end = Math.max(end, until);
      const agent = run.agent[i];
      if (!lanes.has(agent)) lanes.set(agent, { agent, name: data.agents[agent], rows: [] });
      const { rows } = lanes.get(agent);
      let row = rows.find((row) => row.until <= start);
      if (!row && rows.length < MOST_ROWS) rows.push(row = { agent, requests: [] });
      row ??= rows[rows.length - 1];
      row.requests.push(request);
      row.until = Math.max(row.until ?? 0, until);
      request.row = row;
    });
    const inOrder = [...lanes.values()].sort((one, other) => one.agent - other.agent);
    const rows = inOrder.flatMap((lane) => lane.rows);
    for (const row of rows) fill(row, run);
    for (const row of rows) if (row.time.length) end = Math.max(end, row.time[row.time.length - 1]);
    return { lanes: inOrder, rows, end: end || 1 };
  }

  function fill(row, run) {
    const marks = [];
    for (const request of row.requests) {
      let t = request.start;
      for (let i = request.chunk; i < request.chunk + request.here; i++) marks.push([t += run.gap[i], i, request]);
    }
    marks.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    row.time = Float64Array.from(marks, (mark) => mark[0]);
    row.request = marks.map((mark) => mark[2]);
    for (const column of COLUMNS) row[column] = Float64Array.from(marks, (mark) => run[column][mark[1]]);
    row.isFirst = Uint8Array.from(marks, (mark) => mark[1] === mark[2].chunk ? 1 : 0);
  }

  // ---- words

  const number = (value, digits = 0) => value.toLocaleString("en", {
    minimumFractionDigits: digits, maximumFractionDigits: digits });
  const duration = (ns) => Math.abs(ns) < 1e9 ? `${number(ns / 1e6, 3)} ms` : `${number(ns / 1e9, 6)} s`;
  const shown = (text) => text.replace(/\r?\n|\r/g, "⏎").replace(/\t/g, "⇥");

  function aboutChunk(data, row, i) {
    const request = row.request[i], text = data.texts[row.text[i]];
    const head = text === undefined ? "a chunk whose words were not kept" : `“${shown(text)}”`;
    return {
      head, words: text !== undefined,
      rows: [
        ["at", duration(row.time[i])],
        ["gap", row.isFirst[i] ? `${duration(row.gap[i])} since the request` : duration(row.gap[i])],
        ["bytes", row.bytes[i] < 0 ? "not kept" : number(row.bytes[i])],
        ["from", `${data.agents[row.agent]}, request ${request.id}`],
      ],
      spoken: `${head}, ${duration(row.time[i])} since the run began, ` +
        `${duration(row.gap[i])} after ${row.isFirst[i] ? "its request" : "the chunk before"}, ` +
        `${row.bytes[i] < 0 ? "" : `${number(row.bytes[i])} bytes, `}${data.agents[row.agent]}, request ${request.id}`,
    };
  }

  function aboutRequest(data, row, request) {
    const steps = STEPS.map((step, i) => [step, request.edges[i + 1] - request.edges[i]]).filter(([, ns]) => ns > 0);
    const part = request.here < request.came ? `, ${number(request.here)} of them here` : "";
    return {
      head: `${data.agents[row.agent]}, request ${request.id}`,
      rows: [
        ["at", duration(request.start)], ["took", duration(request.until - request.start)],
        ...steps.map(([step, ns]) => [step, duration(ns)]),
        ["chunks", request.came < 0 ? "not kept" : number(request.came) + part],
        ...(request.outcome === "complete" ? [] : [["outcome", request.outcome.replace(/_/g, " ")]]),
      ],
    };
  }

  // ---- elements

  function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value; else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  function chooser(data) {
    const select = make("select");
    const groups = new Map();
    data.runs.forEach((run, place) => {
      const phase = PHASES[run.phase] ?? run.phase;
      if (!groups.has(phase)) groups.set(phase, make("optgroup", { label: phase }));
      const agents = [...new Set(run.agent)].map((agent) => data.agents[agent]);
      const name = run.phase === "concurrent" ? run.name : `${run.name} · ${agents.join(", ")}`;
      groups.get(phase).append(make("option", { value: place, textContent: name }));
    });
    const order = Object.values(PHASES);
    const rank = (phase) => (order.indexOf(phase) + 1) || order.length + 1;
    select.append(...[...groups].sort(([one], [other]) => rank(one) - rank(other)).map(([, group]) => group));
    select.selectedIndex = 0;
    return select;
  }

  function legend(data) {
    const entry = (kind, text) => make("li", {}, make("span", { className: `timeline-swatch timeline-${kind}` }), text);
    const has = (step) => step === "transport" || data.runs.some((run) => run[step].some((ns) => ns > 0));
    return make("ul", { className: "timeline-legend" },
      entry("waiting", "waiting for the first chunk"), entry("streaming", "streaming"), entry("mark", "a chunk"),
      make("li", { className: "timeline-strip" }, "below, where the time went:"),
      ...STEPS.filter(has).map((step) => entry(step, step)));
  }

  // ---- one timeline

  function start(block, place) {
    const data = JSON.parse(block.querySelector(".timeline-data").textContent);
    const canvas = make("canvas", {
      tabIndex: 0, role: "application", "aria-label": "Timeline of a run",
      "aria-roledescription": "zoomable timeline",
    });
    const tip = make("div", { className: "timeline-tip", hidden: true });
    const stage = make("div", { className: "timeline-stage" }, canvas, tip);
    const range = make("p", { className: "timeline-range" });
    const said = make("p", { className: "timeline-said", role: "status" });
    const select = chooser(data);
    const help = make("p", { className: "timeline-help", id: `timeline-help-${place}` },
      "Drag to move; pinch, double-click, or hold Ctrl and turn the wheel to zoom. With the picture in focus the " +
      "wheel alone zooms, and keys do: + and − zoom, ← and → move, Home fits, comma and full stop " +
      "step from chunk to chunk, ↑ and ↓ change the lane, G finds the longest gap.");
    canvas.setAttribute("aria-describedby", help.id);

    let run, view, lanes, height, wheelReady = false;
    let hover = null, cursor = null, queued = false, colours, font;

    const button = (text, label, act) => {
      const made = make("button", { type: "button", textContent: text, title: label, "aria-label": label });
      made.addEventListener("click", act);
      return made;
    };
    const tools = make("div", { className: "timeline-tools" },
      make("label", {}, "Run ", select),
      make("span", { className: "timeline-buttons" },
        button("−", "Zoom out", () => zoom(0.5)), button("+", "Zoom in", () => zoom(2)),
        button("←", "Earlier", () => pan(-0.25)), button("→", "Later", () => pan(0.25)),
        button("Fit", "Fit the whole run", fit), button("Longest gap", "Find the longest gap", longestGap)));
    const live = make("div", { className: "timeline-live" }, tools, stage, range, legend(data), said, help);
    block.prepend(live);
    block.classList.add("timeline-alive");

    // ---- what is seen

    function choose(place) {
      run = unpack(data, data.runs[place]);
      hover = cursor = null;
      tip.hidden = true;
      said.textContent = "";
      layOut();
      fit();
    }

    function layOut() {
      const rowHeight = Math.max(8, Math.min(44, Math.floor(300 / run.rows.length)));
      let top = 0;
      lanes = run.lanes.map((lane) => {
        const place = { lane, name: top + 14, rows: [] };
        top += NAME;
        for (const row of lane.rows) {
          place.rows.push({ row, top, bottom: top + rowHeight });
          top += rowHeight + STRIP + ROW_GAP;
        }
        top += LANE_GAP - ROW_GAP;
        return place;
      });
      height = top + AXIS;
      canvas.style.height = `${height}px`;
    }

    const places = () => lanes.flatMap((lane) => lane.rows);
    const width = () => canvas.clientWidth || 1;
    const x = (t) => (t - view.from) / (view.until - view.from) * width();
    const timeAt = (px) => view.from + px / width() * (view.until - view.from);

    function show(from, until) {
      const whole = run.end * 1.01;
      const span = Math.min(whole, Math.max(CLOSEST, until - from));
      from = Math.max(0, Math.min(from, whole - span));
      view = { from, until: from + span };
      canvas.dataset.fromNs = Math.round(view.from);
      canvas.dataset.untilNs = Math.round(view.until);
      const share = span / whole;
      const [unit, per] = span >= 1e9 ? ["s", 1e9] : ["ms", 1e6];
      const ends = [view.from, Math.min(view.until, run.end)].map((t) => number(t / per, 3));
      range.textContent = `Shown: ${ends.join(" to ")} ${unit}` +
        (share > 0.999 ? ", the whole run." : `, ${number(100 * share, share < 0.01 ? 3 : 1)} % of the run.`);
      draw();
    }

    function fit() { show(0, Infinity); }
    function zoom(factor, t = cursor && inView(cursor) ? cursor.row.time[cursor.i] : (view.from + view.until) / 2) {
      show(t - (t - view.from) / factor, t + (view.until - t) / factor);
    }
    function pan(share) {
      const by = share * (view.until - view.from);
      show(view.from + by, view.until + by);
    }
    function inView({ row, i }) { return row.time[i] >= view.from && row.time[i] <= view.until; }

    // ---- drawing

    function draw() {
      if (queued) return;
      queued = true;
      requestAnimationFrame(() => { queued = false; paint(); });
    }

    function readColours() {
      const style = getComputedStyle(canvas);
      const colour = (name) => { canvas.style.color = `var(--${name})`; return style.color; };
      colours = { agents: [], steps: {} };
      for (const name of ["ink", "quiet", "grid", "axis", "paper"]) colours[name] = colour(`tt-${name}`);
      for (let i = 0; i < AGENT_COLOURS; i++) colours.agents.push(colour(`tt-group-${i + 1}`));
      for (const step of STEPS) colours.steps[step] = colour(`timeline-${step}`);
      font = style.fontFamily;
    }

    function paint() {
      const w = canvas.clientWidth;
      if (!w) return;
      const ratio = window.devicePixelRatio || 1;
      const [deep, tall] = [Math.round(w * ratio), Math.round(height * ratio)];
      if (canvas.width !== deep || canvas.height !== tall) Object.assign(canvas, { width: deep, height: tall });
      const context = canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, w, height);
      axis(context, w);
      const inSight = ({ time }) => placeOf(time, view.until) - placeOf(time, view.from);
      const thick = Math.max(...run.rows.map(inSight)) * 12 < w ? 2 : 1;
      for (const { lane, name, rows } of lanes) {
        const colour = colours.agents[lane.agent % AGENT_COLOURS];
        context.font = `600 13px ${font}`;
        context.textAlign = "left";
        // The grid must not run through the name.
        context.fillStyle = colours.paper;
        context.fillRect(0, name - 12, context.measureText(lane.name).width + 6, 16);
        context.fillStyle = colours.ink;
        context.fillText(lane.name, 0, name);
        for (const place of rows) bars(context, place, colour, w), marks(context, place, colour, w, ratio, thick);
      }
      if (cursor) point(context, cursor, 2);
      if (hover?.i !== undefined) point(context, hover, 1);
    }

    function axis(context, w) {
      const span = view.until - view.from, base = height - AXIS + 4;
      const [unit, per] = span >= 2e9 ? ["s", 1e9] : span >= 2e6 ? ["ms", 1e6] : ["µs", 1e3];
      const rough = span / per / Math.max(2, w / 110), power = 10 ** Math.floor(Math.log10(rough));
      const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
      const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      context.font = `12px ${font}`;
      context.strokeStyle = colours.grid;
      context.lineWidth = 1;
      for (let tick = Math.ceil(view.from / per / step); tick * step * per <= view.until; tick++) {
        const at = Math.round(x(tick * step * per)) + 0.5;
        context.beginPath();
        context.moveTo(at, 0);
        context.lineTo(at, base);
        context.stroke();
        const text = number(tick * step, digits);
        const half = context.measureText(text).width / 2;
        context.fillStyle = colours.quiet;
        context.textAlign = "left";
        const left = Math.max(0, at - half);
        if (left + 2 * half < w - 24) context.fillText(text, left, base + 17);
      }
      context.textAlign = "right";
      context.fillText(unit, w, base + 17);
      context.strokeStyle = colours.axis;
      context.beginPath();
      context.moveTo(0, base + 0.5);
      context.lineTo(w, base + 0.5);
      context.stroke();
    }

    function bars(context, { row, top, bottom }, colour, w) {
      const bar = (from, until, y, h, least) => {
        const left = Math.max(-2, x(from)), right = Math.min(w + 2, x(until));
        if (right >= left) context.fillRect(left, y, Math.max(least, right - left), h);
      };
      for (const request of row.requests) {
        if (request.until < view.from || request.start > view.until) continue;
        context.fillStyle = colour;
        context.globalAlpha = 0.14;
        bar(request.start, request.first, top, bottom - top, 1);
        context.globalAlpha = 0.34;
        bar(request.first, request.until, top, bottom - top, 0);
        context.globalAlpha = 1;
        const left = Math.max(-2, x(request.start)), right = Math.min(w + 2, x(request.until));
        context.strokeStyle = colour;
        context.lineWidth = 1;
        context.strokeRect(left + 0.5, top + 0.5, Math.max(1, right - left - 1), bottom - top - 1);
        for (const [i, step] of STEPS.entries()) {
          context.fillStyle = colours.steps[step];
          if (request.edges[i + 1] > request.edges[i]) bar(request.edges[i], request.edges[i + 1], bottom + 1, STRIP - 1, 0);
        }
      }
    }

    // Each mark where there is room; else each device pixel's column is the stronger the more it holds.
    function marks(context, { row, top, bottom }, colour, w, ratio, thick) {
      const { time } = row;
      const first = placeOf(time, view.from), last = placeOf(time, view.until, first);
      const columns = Math.round(w * ratio), count = last - first;
      context.fillStyle = colour;
      if (count <= columns / 2) {
        context.beginPath();
        for (let i = first; i < last; i++) context.rect(x(time[i]) - thick / 2, top, thick, bottom - top);
        context.fill();
        if (count * 16 < w && bottom - top >= 14) words(context, row, first, last, (top + bottom) / 2 + 4.5, w);
        return;
      }
      const levels = [[], [], [], []], counts = new Uint32Array(columns);
      let most = 1;
      for (let column = 0, i = first; column < columns && i < last; column++) {
        const next = placeOf(time, timeAt((column + 1) / ratio), i, last);
        counts[column] = next - i;
        most = Math.max(most, next - i);
        i = next;
      }
      counts.forEach((held, column) => { if (held) levels[Math.min(3, Math.floor(4 * held / most))].push(column); });
      levels.forEach((held, level) => {
        context.globalAlpha = 0.55 + 0.15 * level;
        context.beginPath();
        for (const column of held) context.rect(column / ratio, top, 1 / ratio, bottom - top);
        context.fill();
      });
      context.globalAlpha = 1;
    }

    function words(context, row, first, last, baseline, w) {
      context.font = `12px ${font}`;
      context.textAlign = "left";
      context.fillStyle = colours.ink;
      let fits = false;
      for (let i = first; i < last; i++) {
        const text = data.texts[row.text[i]], request = row.request[i];
        if (text === undefined) continue;
        // A request's last word may stand behind its bar, if the words before it had room.
        let next = row.time[i + 1];
        if (row.request[i + 1] !== request) {
          next = fits ? row.requests[row.requests.indexOf(request) + 1]?.start : request.until;
        }
        const left = x(row.time[i]) + 4, word = shown(text).trim();
        const room = (next === undefined ? w : x(next)) - left - 2;
        fits = room > 6 && context.measureText(word).width <= room;
        if (fits) context.fillText(word, left, baseline);
      }
    }

    function point(context, { row, i }, thick) {
      const place = places().find((place) => place.row === row);
      context.fillStyle = colours.ink;
      context.fillRect(x(row.time[i]) - thick / 2 - 0.5, place.top - 3, thick + 1, place.bottom - place.top + 6);
    }

    // ---- what is under a point

    function found(px, py) {
      const place = places().find(({ top, bottom }) => py >= top - 3 && py <= bottom + STRIP + 3);
      if (!place) return null;
      const { row } = place, t = timeAt(px);
      const after = placeOf(row.time, t);
      const near = [after - 1, after].filter((i) => i >= 0 && i < row.time.length && Math.abs(x(row.time[i]) - px) <= REACH);
      if (near.length) {
        const i = near.reduce((one, other) => Math.abs(row.time[other] - t) < Math.abs(row.time[one] - t) ? other : one);
        return { row, i, place };
      }
      const request = row.requests.find((request) => t >= request.start && t <= request.until);
      return request ? { row, request, place, t } : null;
    }

    function tell(about, px, place) {
      const list = make("dl", {}, ...about.rows.flatMap(([name, value]) =>
        [make("dt", { textContent: name }), make("dd", { textContent: value })]));
      tip.replaceChildren(make(about.words ? "code" : "strong", { textContent: about.head }), list);
      tip.hidden = false;
      const room = stage.clientWidth - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(room, px + 14 > room ? px - tip.offsetWidth - 14 : px + 14))}px`;
      tip.style.top = `${place.bottom + STRIP + 6}px`;
    }

    function look(px, py) {
      hover = found(px, py);
      if (!hover) tip.hidden = true;
      else if (hover.request) tell(aboutRequest(data, hover.row, hover.request), px, hover.place);
      else tell(aboutChunk(data, hover.row, hover.i), x(hover.row.time[hover.i]), hover.place);
      draw();
    }

    function forget() {
      hover = null;
      tip.hidden = true;
      draw();
    }

    // ---- from chunk to chunk

    function stand(row, i) {
      if (!(i >= 0 && i < row.time.length)) return;
      cursor = { row, i };
      hover = null;
      if (!inView(cursor)) {
        const half = (view.until - view.from) / 2;
        show(row.time[i] - half, row.time[i] + half);
      }
      const place = places().find((place) => place.row === row);
      const about = aboutChunk(data, row, i);
      tell(about, x(row.time[i]), place);
      said.textContent = about.spoken;
      draw();
    }

    function step(by) {
      if (cursor) return stand(cursor.row, cursor.i + by);
      const row = run.rows.find((row) => row.time.length);
      if (row) stand(row, Math.min(row.time.length - 1, placeOf(row.time, view.from)));
    }

    function change(by) {
      if (!cursor) return step(1);
      const rows = run.rows.filter((row) => row.time.length);
      const row = rows[rows.indexOf(cursor.row) + by];
      if (row) stand(row, Math.min(row.time.length - 1, placeOf(row.time, cursor.row.time[cursor.i])));
    }

    function longestGap() {
      let best = null;
      for (const row of run.rows) {
        row.gap.forEach((gap, i) => { if (!row.isFirst[i] && !(best && gap <= best.gap)) best = { row, i, gap }; });
      }
      if (!best) return;
      const t = best.row.time[best.i];
      show(t - 3 * best.gap, t + 2 * best.gap);
      stand(best.row, best.i);
    }

    // ---- pointer, wheel, keys

    const pointers = new Map();
    let moved = 0;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      if (!pointers.size) moved = 0;
      pointers.set(event.pointerId, at(event));
      wheelReady = true;
    });
    canvas.addEventListener("pointermove", (event) => {
      const [px, py] = at(event), before = pointers.get(event.pointerId);
      if (!before) return look(px, py);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      moved += Math.abs(px - before[0]);
      if (other) {
        const middle = timeAt((before[0] + other[0]) / 2);
        const spread = (one) => Math.max(10, Math.abs(one - other[0]));
        zoom(spread(px) / spread(before[0]), middle);
      }
      if (moved > 3) pan((before[0] - px) / width() / pointers.size);
      pointers.set(event.pointerId, [px, py]);
      canvas.classList.toggle("timeline-dragged", moved > 3);
      if (moved > 3) tip.hidden = true;
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => {
        pointers.delete(event.pointerId);
        canvas.classList.remove("timeline-dragged");
        if (name === "pointerup" && moved <= 3) look(...at(event));
      });
    }
    canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") forget(); });
    canvas.addEventListener("dblclick", (event) => zoom(event.shiftKey ? 0.4 : 2.5, timeAt(at(event)[0])));
    canvas.addEventListener("blur", () => { wheelReady = false; });
    canvas.addEventListener("wheel", (event) => {
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        pan(sideways / width());
      } else if (event.ctrlKey || event.metaKey || wheelReady) {
        event.preventDefault();
        const lines = event.deltaMode === 1 ? 30 : 1;
        zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) * 0.003), timeAt(at(event)[0]));
        look(...at(event));
      }
    }, { passive: false });
    const keys = {
      "+": () => zoom(2), "=": () => zoom(2), "-": () => zoom(0.5), "_": () => zoom(0.5),
      ArrowLeft: () => pan(-0.1), ArrowRight: () => pan(0.1), Home: fit, End: () => show(run.end, run.end * 1.01),
      ",": () => step(-1), ".": () => step(1), ArrowUp: () => change(-1), ArrowDown: () => change(1),
      g: longestGap, G: longestGap, Escape: () => { cursor = null; said.textContent = ""; forget(); },
    };
    canvas.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      if (![",", ".", "ArrowUp", "ArrowDown"].includes(event.key)) tip.hidden = true;
      act();
    });
    select.addEventListener("change", () => choose(Number(select.value)));

    // ---- what changes around it

    const restyle = () => { readColours(); draw(); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
    new MutationObserver(restyle).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
    new ResizeObserver(draw).observe(stage);
    readColours();
    choose(Number(select.value));
  }

  document.querySelectorAll(".timeline").forEach(start);
})();
