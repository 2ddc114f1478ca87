import type { AnyStateMachine } from 'xstate';
import { timerName } from './chart.ts';

type Node = AnyStateMachine['root'];

/**
 * A lifecycle as a Mermaid state diagram, drawn from the machine that runs: the picture cannot be older than the code.
 * What the whole machine listens to is drawn as leaving a frame around all its states but the final ones.
 */
export function toMermaid(machine: AnyStateMachine): string {
  const { root } = machine;
  const children = childrenOf(root);
  const finals = children.filter((node) => node.type === 'final');
  const frame = root.transitions.size > 0 ? `any_${root.id}` : undefined;
  const lines = ['stateDiagram-v2'];
  const inner = children.filter((node) => node.type !== 'final').flatMap((node) => drawState(node));
  const initial = `[*] --> ${initialOf(root)}`;
  if (frame) lines.push(`  state "any state" as ${frame} {`, ...indent([initial, ...inner], 2), '  }');
  else lines.push(...indent([initial, ...inner], 1));
  lines.push(...indent(arrows(children), 1));
  if (frame) lines.push(...indent(arrowsFrom(root, frame), 1));
  for (const node of finals) lines.push(`  ${nameOf(node)} --> [*]`);
  return lines.join('\n');
}

function childrenOf(node: Node): Node[] {
  return Object.values<Node>(node.states);
}

function indent(lines: readonly string[], depth: number): string[] {
  return lines.map((line) => '  '.repeat(depth) + line);
}

function nameOf(node: Node): string {
  return node.path.join('_');
}

function initialOf(node: Node): string {
  return nameOf(node.initial.target[0] as Node);
}

function drawState(node: Node): string[] {
  const label = `state "${node.key}" as ${nameOf(node)}`;
  const children = childrenOf(node);
  if (children.length === 0) return [label];
  return [`${label} {`, ...indent([`[*] --> ${initialOf(node)}`, ...children.flatMap(drawState)], 1), '}'];
}

function arrows(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => [...arrowsFrom(node, nameOf(node)), ...arrows(childrenOf(node))]);
}

/** One arrow for each pair of states, with all the events that lead along it. */
function arrowsFrom(node: Node, from: string): string[] {
  const labels = new Map<string, string[]>();
  for (const transitions of node.transitions.values()) {
    for (const { eventType, target } of transitions) {
      const to = target?.[0] ? nameOf(target[0]) : from;
      const label = eventType.startsWith('xstate.after.') ? `after ${timerName(eventType)}` : eventType;
      labels.set(to, [...(labels.get(to) ?? []), label]);
    }
  }
  return [...labels].map(([to, events]) => `${from} --> ${to}: ${events.join(', ')}`);
}
