import type { ClientState } from '../../../client/src/index.ts';
import { LIFECYCLE } from '../../../client/src/connection/lifecycle-table.ts';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 252;
const ROW = 46;
const NODE = { width: 84, height: 26 };

interface Point {
  readonly x: number;
  readonly y: number;
}

/** An edge from one state to another, with all the events that lead along it. */
interface Way {
  readonly from: ClientState;
  readonly to: ClientState;
  readonly events: readonly string[];
}

const FIRST: ClientState = 'idle';
const STATES = Object.keys(LIFECYCLE) as ClientState[];

/** The edges from a state, in the table that the client runs on. */
export function waysFrom(from: ClientState): Way[] {
  const ways = new Map<ClientState, string[]>();
  for (const [event, [to]] of Object.entries(LIFECYCLE[from]))
    if (to !== from) ways.set(to, [...(ways.get(to) ?? []), event]);
  return [...ways].map(([to, events]) => ({ from, to, events }));
}

/**
 * Draws the lifecycle of a client. It computes the layout from the table each time, so that the picture always matches the
 * code. A state's row is its distance from the first state. Final states are in the last row.
 */
export class Chart {
  readonly svg = draw('svg', { class: 'chart', role: 'img' });
  readonly #nodes = new Map<ClientState, SVGElement>();
  readonly #ways: { readonly way: Way; readonly line: SVGElement }[] = [];

  constructor() {
    const rows = layers();
    const places = placesOf(rows);
    this.svg.setAttribute('viewBox', `0 0 ${WIDTH} ${rows.length * ROW}`);
    this.svg.append(arrowHead('arrow'), arrowHead('arrow-lit'));
    for (const way of STATES.flatMap(waysFrom)) {
      const line = draw('path', { class: isFinal(way.to) ? 'way final' : 'way', d: curve(places, way) });
      this.#ways.push({ way, line });
      this.svg.append(line);
    }
    for (const [state, { x, y }] of places) {
      const { width, height } = NODE;
      const box = draw('rect', { x: x - width / 2, y: y - height / 2, width, height, rx: height / 2 });
      const label = draw('text', { x, y: y + 4 });
      label.textContent = state;
      const node = draw('g', { class: 'node' }, box, label);
      this.#nodes.set(state, node);
      this.svg.append(node);
    }
  }

  light(current: ClientState): void {
    const others = waysFrom(current).map(({ to }) => to);
    const onward = others.length > 0 ? `, from where it leads to ${others.join(', ')}` : ', where it ends';
    this.svg.setAttribute('aria-label', `Lifecycle of the connection: now ${current}${onward}`);
    for (const [state, node] of this.#nodes) node.classList.toggle('lit', state === current);
    for (const { way, line } of this.#ways) line.classList.toggle('lit', way.from === current);
  }
}

function isFinal(state: ClientState): boolean {
  return waysFrom(state).length === 0;
}

/** States by their distance from the first one. Final states have a row of their own. */
function layers(): ClientState[][] {
  const rows: ClientState[][] = [[FIRST]];
  const seen = new Set(rows[0]);
  for (let row = rows[0] ?? []; row.length > 0;) {
    const next = row.flatMap((state) => waysFrom(state).map(({ to }) => to));
    row = [...new Set(next)].filter((state) => !seen.has(state) && !isFinal(state));
    for (const state of row) seen.add(state);
    if (row.length > 0) rows.push(row);
  }
  return [...rows, STATES.filter(isFinal)];
}

function placesOf(rows: readonly ClientState[][]): Map<ClientState, Point> {
  return new Map(
    rows.flatMap((row, down) =>
      row.map((state, along): [ClientState, Point] => [
        state,
        { x: (WIDTH * (along + 0.5)) / row.length, y: (down + 0.5) * ROW },
      ]),
    ),
  );
}

/** A curve bent to one side, so that both directions lie apart. Edges to a final state go around the states between. */
function curve(places: ReadonlyMap<ClientState, Point>, { from, to }: Way): string {
  const start = places.get(from)!;
  const end = places.get(to)!;
  const bend = waysFrom(to).some((back) => back.to === from) ? 0.16 : 0.04;
  const isAround = isFinal(to) && end.x !== start.x;
  const over = isAround ? { x: start.x, y: end.y } : aside(start, end, bend);
  const [a, b] = [edgeOf(start, over), edgeOf(end, over)];
  return `M${round(a)} Q${round(isAround ? over : aside(a, b, bend))} ${round(b)}`;
}

/** The middle between two points, moved to the left of the direction by a part of its length. */
function aside(start: Point, end: Point, part: number): Point {
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  return { x: (start.x + end.x) / 2 - dy * part, y: (start.y + end.y) / 2 + dx * part };
}

const GAP = 3;

/** Where a line from the middle of a node crosses its round end. */
function edgeOf(node: Point, towards: Point): Point {
  const [dx, dy] = [towards.x - node.x, towards.y - node.y];
  const radius = NODE.height / 2;
  const straight = NODE.width / 2 - radius;
  const reach = radius + GAP;
  const side = dy === 0 ? Infinity : reach / Math.abs(dy);
  if (side * Math.abs(dx) <= straight) return { x: node.x + dx * side, y: node.y + dy * side };
  // Around the middle of the round end: |d·t - straight| = reach.
  const [square, middle] = [dx * dx + dy * dy, straight * Math.abs(dx)];
  const t = (middle + Math.sqrt(middle * middle - square * (straight * straight - reach * reach))) / square;
  return { x: node.x + dx * t, y: node.y + dy * t };
}

function round({ x, y }: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}

function arrowHead(id: string): SVGElement {
  // Bold and thin lines have the same size, because some edges are short.
  const size = {
    markerUnits: 'userSpaceOnUse',
    markerWidth: 7,
    markerHeight: 7,
    refX: 7,
    refY: 3.5,
    orient: 'auto',
  };
  return draw('marker', { id, ...size }, draw('path', { class: `head ${id}`, d: 'M0 0 L7 3.5 L0 7 Z' }));
}

function draw(
  tag: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: SVGElement[]
): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}
