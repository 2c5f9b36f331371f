// Plots as SVG elements: curves of several trainings, and points of quality against size.
const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 44, RIGHT = 14, TOP = 26, BOTTOM = 40;

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Round values between low and high, about `wanted` of them.
export function ticks(low, high, wanted = 4) {
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(each => each * power).find(each => each >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => +((first + index) * step).toPrecision(12));
}

const count = value => (value >= 1e6 ? `${+(value / 1e6).toFixed(2)} M` : value >= 1e3 ? `${+(value / 1e3).toFixed(1)}k` : `${value}`);

// Axes with a grid; x and y map values to the drawing's units.
function frame(width, height, xs, ys, { xLabel, yLabel, xWords, label }) {
  const [xLow, xHigh] = xs;
  const [yLow, yHigh] = ys;
  const x = value => LEFT + ((value - xLow) / (xHigh - xLow || 1)) * (width - LEFT - RIGHT);
  const y = value => height - BOTTOM - ((value - yLow) / (yHigh - yLow || 1)) * (height - TOP - BOTTOM);
  const drawing = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': label });
  const values = ticks(yLow, yHigh);
  const digits = Math.max(1, Math.min(3, Math.ceil(-Math.log10((values[1] ?? 1) - (values[0] ?? 0)) - 1e-9)));
  for (const value of values) {
    drawing.append(svg('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    drawing.append(svg('text', { x: LEFT - 7, y: y(value) + 4, 'text-anchor': 'end' }, value.toFixed(digits)));
  }
  for (const value of xWords(xLow, xHigh)) {
    const words = svg('text', { x: x(value), y: height - BOTTOM + 17, 'text-anchor': 'middle' }, count(value));
    drawing.append(words);
  }
  drawing.append(svg('text', { x: width - RIGHT, y: height - 5, 'text-anchor': 'end' }, xLabel));
  drawing.append(svg('text', { x: 0, y: 11 }, yLabel));
  return { drawing, x, y };
}

function spread(values, least = 0.02) {
  const low = Math.min(...values), high = Math.max(...values);
  const margin = Math.max((high - low) * 0.08, least / 2);
  return [low - margin, high + margin];
}

function pressable(element, label, show) {
  element.setAttribute('tabindex', '0');
  element.setAttribute('role', 'button');
  element.setAttribute('aria-label', label);
  element.append(svg('title', {}, label));
  element.addEventListener('click', show);
  element.addEventListener('keydown', event => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    show();
  });
}

// curves: [{label, values, best, now, open}], a value per epoch; width [CSS pixels].
export function curvesChart(curves, yLabel, label, width) {
  const longest = Math.max(2, ...curves.map(curve => curve.values.length));
  const xWords = (low, high) => ticks(low, high, 5).filter(value => Number.isInteger(value) && value >= 1);
  const all = curves.flatMap(curve => curve.values);
  const { drawing, x, y } = frame(width, Math.max(180, Math.round(width * 0.7)), [1, longest], spread(all),
    { xLabel: 'epoch', yLabel, xWords, label });
  for (const curve of [...curves].sort((a, b) => a.best - b.best)) {
    const group = svg('g');
    const points = curve.values.map((value, index) => `${x(index + 1).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    const kind = `curve${curve.best ? ' best' : ''}${curve.now ? ' now' : ''}`;
    group.append(svg('polyline', { class: 'wideline', points }), svg('polyline', { class: kind, points }));
    const last = curve.values.length;
    const end = { class: curve.best || curve.now ? 'dot' : 'dot aside', cx: x(last), cy: y(curve.values[last - 1]), r: 4 };
    group.append(svg('circle', end));
    pressable(group, curve.label, curve.open);
    drawing.append(group);
  }
  return drawing;
}

// points: [{id, label, x, y, hue, front, picked, choose}]; the front is joined by a line.
export function frontChart(points, xLabel, yLabel, label, width) {
  const xs = points.map(point => point.x);
  const margin = Math.max(...xs) * 0.06;
  const xRange = [Math.max(0, Math.min(...xs) - margin), Math.max(...xs) + margin];
  const yRange = spread(points.map(point => point.y));
  const xWords = (low, high) => ticks(low, high, width / 90);
  const { drawing, x, y } = frame(width, Math.max(240, Math.round(width * 0.5)), xRange, yRange,
    { xLabel, yLabel, xWords, label });
  const front = points.filter(point => point.front).sort((a, b) => a.x - b.x);
  const line = front.map(point => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join(' ');
  drawing.append(svg('polyline', { class: 'frontline', points: line }));
  for (const point of [...points].sort((a, b) => a.front - b.front)) {
    const group = svg('g', { class: point.hue, 'data-id': point.id });
    const kind = `dot${point.front ? '' : ' aside'}${point.picked ? ' picked' : ''}`;
    group.append(svg('circle', { cx: x(point.x), cy: y(point.y), r: 15, fill: 'transparent' }));
    group.append(svg('circle', { class: kind, cx: x(point.x), cy: y(point.y), r: point.front ? 7 : 5 }));
    pressable(group, point.label, point.choose);
    group.addEventListener('pointerenter', point.choose);
    group.addEventListener('focus', point.choose);
    drawing.append(group);
  }
  return drawing;
}
