import { expect, test } from 'vitest';
import { movedShards, nextView, SHARDS, shardOf } from '../../src/actors/kit/shards.ts';
import type { View } from '../../src/runtime/ports/placement.ts';
import { Program, type HeldCall } from '../support/program.ts';

// What becomes of a channel's devices when its home moves to another node, and back.

const SELF = 'n1.1';

function viewOf(before: View | null, holder: string): View {
  return nextView(before, Array<string>(SHARDS).fill(holder), String(before?.version));
}

test('the home ends although the view names its node again, and everyone joins the next one', async () => {
  const program = new Program();
  const [ann, bob] = [program.connect('ann'), program.connect('bob')];
  const self = program.world.ports.placement.self;
  program.frame(ann, { type: 'join', id: '1', room: 'a' });
  const held: HeldCall[] = [];
  program.hook = (call) => call.name === 'append' && held.push(call) > 0;
  program.frame(ann, { type: 'chat', id: 'c', room: 'a', content: 'x' });
  const away = viewOf(null, 'n2.1');
  for (const view of [away, viewOf(away, self)])
    program.system.tellLocalKind('room', { type: 'placed', view });
  program.settle();
  const life = program.system.cell('room:a');
  // The home that ends lets him in.
  program.frame(bob, { type: 'join', id: '2', room: 'a' });
  expect(program.frames(bob).at(-1)).toMatchObject({ type: 'ack', id: '2' });
  for (const call of held) call.answer();
  program.advance(100);
  expect(program.system.cell('room:a')).not.toBe(life);
  program.frame(ann, { type: 'presence', id: '3', room: 'a' });
  expect(program.frames(ann).at(-1)).toMatchObject({ members: [{ user: 'ann' }, { user: 'bob' }] });
});

test('[D12] a relay joins the home again if the view before may have been another one than it has seen', () => {
  const first = viewOf(null, 'n2.1');
  const shard = shardOf('room:a');
  const moved = (before: View | undefined, after: View): boolean =>
    movedShards(before, after, SELF).has(shard);
  const second = viewOf(first, 'n2.1');
  expect(moved(undefined, first)).toBe(true);
  expect(moved(first, second)).toBe(false);
  expect(moved(first, viewOf(first, SELF))).toBe(true);
  // It may have gone elsewhere and come back.
  expect(moved(first, viewOf(second, 'n2.1'))).toBe(true);
  // A failover has lost a view.
  expect(moved(second, viewOf(null, 'n2.1'))).toBe(true);
  // This node's own homes are the same as before.
  const own = viewOf(null, SELF);
  expect(moved(own, viewOf(viewOf(own, SELF), SELF))).toBe(false);
});
