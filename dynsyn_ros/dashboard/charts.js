// Charts over time and over episodes, with uPlot: axes, legends, hover, and zoom by dragging.
/* global uPlot */

const COLOURS = ['#1f77b4', '#e6730b', '#2ca02c', '#d62728', '#9467bd', '#8c564b', '#e377c2', '#7f7f7f',
                 '#a8a91b', '#17becf', '#3949ab', '#00695c'];
const SPANS = {recent: 120, hour: 3600}, LEAST_SPAN = 30;  // s
const LEAST_SPREAD = 0.01;  // of its own size: an axis does not blow up what hardly changes
const NARROW = matchMedia('(max-width: 800px)');
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5];

const clock = (time, seconds) => new Date(time * 1000).toLocaleTimeString('en-GB', seconds ? {} : {hour: '2-digit', minute: '2-digit'});

function decimals(step) {  // that tell two ticks apart
  for (let digits = 0; digits < 9; digits++) if (Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) < 1e-6) return digits;
  return 9;
}

function spread(u, low, high) {  // a little room above and below, and no less than is worth looking at
  if (low == null || high == null) return [0, 1];
  const least = Math.max(LEAST_SPREAD * Math.max(Math.abs(low), Math.abs(high)), 1e-9);
  const room = Math.max(0.08 * (high - low), (least - (high - low)) / 2);
  return [low - room, high + room];
}

class Table {  // columns of what the server keeps, by their names
  constructor(columns, rows) {
    this.columns = ['time', ...columns];
    this.values = this.columns.map(() => []);
    this.add(rows, Infinity);
  }

  add(rows, span) {
    for (const row of rows) row.forEach((value, i) => this.values[i].push(value));
    const times = this.values[0], old = times.findIndex(time => time >= times.at(-1) - span);
    if (old > 200) for (const column of this.values) column.splice(0, old);  // now and then, not each time
  }

  of(names) { return ['time', ...names].map(name => this.values[this.columns.indexOf(name)] ?? []); }
}

export class Charts {
  constructor(onZoom) {
    this.onZoom = onZoom;
    this.span = 'recent';
    this.zoom = null;  // from and to, unix s
    this.charts = [];
    this.everything({columns: [], recent: [], hour: [], returns: []});
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.build());
  }

  everything({columns, recent, hour, returns}) {  // what the server keeps
    this.columns = columns;
    this.tables = {recent: new Table(columns, recent), hour: new Table(columns, hour)};
    this.returns = [[], []];
    this.addReturns(returns);
    this.build();
  }

  add(news) {
    if (news.columns) return this.everything(news);
    for (const name of Object.keys(SPANS)) this.tables[name].add(news[name], SPANS[name]);
    this.addReturns(news.returns);
  }

  addReturns(returns) {
    const [numbers, values] = this.returns;
    for (const [number, value] of returns) {
      if (numbers.length && number > numbers.at(-1) + 1) { numbers.push(numbers.at(-1) + 1); values.push(null); }
      numbers.push(number);
      values.push(value);
    }
  }

  get newest() {  // of each chart with one line, the newest value
    const last = name => this.tables.recent.of([name])[1].at(-1);
    return {reward: last('mean_reward'), amplitude: last('amplitude'), 'return': this.returns[1].at(-1)};
  }

  show(span) {
    this.span = span;
    this.magnify(null);
  }

  magnify(zoom) {
    this.zoom = zoom;
    this.onZoom(zoom !== null);
  }

  build() {
    for (const {plot, watch} of this.charts) { watch.disconnect(); plot.destroy(); }
    this.charts = [];
    const synapses = this.columns.filter(name => name.startsWith('weight ')).map(name => name.slice(7));
    const line = (label, colour, digits) => ({label, stroke: colour, width: 1.4, points: {show: false},
                                              value: (u, value) => value?.toFixed(digits) ?? '–'});
    this.overTime('reward', ['mean_reward'], [line('reward', COLOURS[0], 3)], 'reward / step');
    this.overTime('amplitude', ['amplitude'], [line('amplitude', COLOURS[4], 5)], 'amplitude (weight units)');
    if (synapses.length) {
      const cell = (u, i, index) => u.data?.[i]?.[index]?.toFixed(3) ?? '–';
      const n = synapses.length;
      this.overTime('weights', [...synapses.map(name => 'weight ' + name), ...synapses.map(name => 'centre ' + name)], [
        ...synapses.map((name, i) => ({...line(name, COLOURS[i % COLOURS.length], 3), values: (u, series, index) => (
          index == null ? {weight: '', centre: ''} : {weight: cell(u, series, index), centre: cell(u, series + n, index)})})),
        ...synapses.map((name, i) => ({...line(name, COLOURS[i % COLOURS.length], 3), dash: [5, 4], class: 'centre',
                                       values: () => ({weight: '', centre: ''})})),
      ], 'weight', {setSeries: [(u, i, {show}) => {  // a centre is shown with its weight
        const weight = i > n ? i - n : i;
        if (show !== undefined && u.series[weight + n].show !== u.series[weight].show) u.setSeries(weight + n, {show: u.series[weight].show});
      }]});
    }
    this.make('returns', () => this.returns, {
      cursor: {drag: {x: true, y: false}},
      scales: {x: {time: false, range: (u, low, high) => low == null ? [0, 1] : [low - 0.5, high + 0.5]}, y: {range: spread}},
      axes: [{label: 'episode', incrs: WHOLE, values: (u, ticks) => ticks.map(tick => tick % 1 ? '' : tick)}, {label: 'return (reward units)'}],
      series: [{label: 'episode'}, {...line('return', COLOURS[2], 1), points: {size: 5, fill: COLOURS[2]}}],
    });
    this.draw(this.now);
  }

  overTime(id, names, series, label, hooks = {}) {
    this.make(id, () => this.tables[this.span].of(names), {
      time: true,
      cursor: {sync: {key: 'time'}, drag: {x: true, y: false, setScale: false}, bind: {dblclick: () => () => this.magnify(null)}},
      scales: {x: {time: true, auto: false}, y: {range: spread}},
      axes: [{values: (u, ticks, axis, space, step) => ticks.map(tick => clock(tick, step < 60)), space: 70}, {label}],
      series: [{label: 'time', value: (u, time) => time == null ? '–' : clock(time, true)}, ...series],
      hooks: {...hooks, setSelect: [u => {
        const {left, width} = u.select;
        if (width < 5) return;
        this.magnify([u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]);
        u.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
      }]},
    });
  }

  make(id, data, {time, axes, ...options}) {
    const place = document.getElementById(id), soft = getComputedStyle(place.parentNode.querySelector('h2')).color;
    const looks = {stroke: soft, font: '11px system-ui', labelFont: '11px system-ui', labelSize: 18, labelGap: 0,
                   grid: {stroke: soft, width: 0.25}, ticks: {stroke: soft, width: 0.5, size: 4}};
    const numbers = {size: (u, ticks) => 14 + 6.5 * Math.max(4, ...(ticks ?? []).map(tick => tick.length)), space: 24, values: (u, ticks, axis, space, step) => ticks.map(tick => tick.toFixed(decimals(step)))};
    const table = place.classList.contains('table');
    const size = () => ({width: Math.max(200, place.clientWidth - (table && !NARROW.matches ? 290 : 0)), height: table ? 300 : 210});
    const plot = new uPlot({...options, ...size(), axes: [{...looks, size: 30, ...axes[0]}, {...looks, ...numbers, ...axes[1]}]}, data(), place);
    plot.root.querySelector('.u-wrap').setAttribute('role', 'img');
    const watch = new ResizeObserver(() => { const now = size(); if (now.width !== plot.width) plot.setSize(now); });
    watch.observe(place);
    this.charts.push({plot, watch, data, time});
  }

  draw(now) {  // now by the server's clock
    this.now = now;
    for (const {plot, data, time} of this.charts) {
      const values = data();
      if (!time) {
        if (plot.data[0].length !== values[0].length || plot.shown !== values[0].length) plot.setData(values);
        plot.shown = values[0].length;
      } else {
        plot.setData(values, false);
        const [min, max] = this.zoom ?? [Math.max(now - SPANS[this.span], Math.min(this.tables[this.span].values[0][0] ?? now, now - LEAST_SPAN)), now];
        if (now !== undefined) plot.setScale('x', {min, max});
      }
      if (!(plot.cursor.left >= 0) && values[0].length) plot.setLegend({idx: values[0].length - 1});
      plot.root.querySelector('.u-wrap').setAttribute('aria-label', plot.series.slice(1, 13).map((series, i) => (
        `${series.label} ${values[i + 1]?.at(-1)?.toPrecision(3) ?? 'unknown'}`)).join(', '));
    }
  }
}
