import { CONNECTION_LIMITS } from '../../src/actors/connection/context.ts';
import { WRITER_LIMITS } from '../../src/actors/home/writer-limits.ts';
import { LOG_LIMITS } from '../../src/actors/log/log.ts';
import { homeAddress } from '../../src/actors/messages/home.ts';
import { assembleNode, type AssemblyOptions } from '../../src/cluster/assemble-node.ts';
import type { AnyBehaviour } from '../../src/runtime/cell.ts';
import type { ConnectionInbox } from '../../src/runtime/inbox.ts';
import type { Address, Effect } from '../../src/runtime/ports/actor.ts';
import type { Claims } from '../../src/runtime/ports/tokens.ts';
import type { StoreCallName, StoreCalls, StoreReply } from '../../src/runtime/ports/log-store.ts';
import type { ActorSystem } from '../../src/runtime/system.ts';
import { World } from './world.ts';

type AnyReply = StoreReply;

/** One call of the store, held back: carried out and answered when the test says so. */
export class HeldCall {
  readonly name: StoreCallName;
  readonly request: any;
  readonly #carryOut: () => AnyReply;
  readonly #done: (reply: AnyReply) => void;
  #reply: AnyReply | undefined;

  constructor(parts: {
    readonly name: StoreCallName;
    readonly request: unknown;
    readonly carryOut: () => AnyReply;
    readonly done: (reply: AnyReply) => void;
  }) {
    this.name = parts.name;
    this.request = parts.request;
    this.#carryOut = parts.carryOut;
    this.#done = parts.done;
  }

  /** Carries it out, without answering. */
  commit(): this {
    this.#reply ??= this.#carryOut();
    return this;
  }

  /** Answers something else than the store did. */
  replace<Value>(change: (value: Value) => Value): void {
    const reply = this.commit().#reply;
    if (reply?.ok) this.#reply = { ok: true, value: change(reply.value as Value) } as AnyReply;
  }

  answer(): void {
    this.commit();
    this.#done(this.#reply as AnyReply);
  }

  fail(failure: 'failed' | 'unknown' = 'failed'): void {
    this.#done({ ok: false, failure, message: 'as the test wants it' });
  }
}

/** The lists of an effect do not change after the step: a later step that tries throws. */
function freezeLists(effects: readonly Effect[]): void {
  for (const effect of effects)
    for (const value of Object.values(effect)) if (Array.isArray(value)) Object.freeze(value);
}

/** What becomes of a call: `true` when the hook has taken it. */
export type StoreHook = (call: HeldCall) => boolean;

/** Every actor of a node, on a store whose calls can be held, and time that is moved by hand. */
export class Program {
  readonly world = new World();
  readonly system: ActorSystem;
  readonly inbox: ConnectionInbox;
  hook: StoreHook | undefined;
  /** The next step that takes a message of this type throws when it is done: what it would have told is lost. */
  crashOver: string | undefined;
  /** Whether a step throws, before it has begun or when it is done. */
  throwsAt:
    | ((step: { readonly actor: string; readonly message: any; readonly isDone: boolean }) => boolean)
    | undefined;

  constructor(given: Partial<AssemblyOptions['program']> = {}) {
    const { world } = this;
    const store = {
      call: <Name extends StoreCallName>(
        name: Name,
        request: StoreCalls[Name]['request'],
        deadlineMs: number,
        done: (reply: StoreReply<Name>) => void,
      ): void => {
        const carryOut = (): AnyReply => {
          let reply: AnyReply | undefined;
          world.store.call(name, request, deadlineMs, (made) => (reply = made));
          return reply as AnyReply;
        };
        const call = new HeldCall({ name, request, carryOut, done });
        if (!this.hook?.(call)) call.answer();
      },
    };
    const options: AssemblyOptions['program'] = {
      node: 'n1',
      log: () => world.store.log,
      autoCreate: true,
      graceMs: 15_000,
      tokenTtlMaxMs: 1e9,
      allowance: { messagesPerMinute: 0, connectionsMax: 0 },
      connection: { ...CONNECTION_LIMITS, messagesPerMinute: 0 },
      writer: WRITER_LIMITS,
      logLimits: LOG_LIMITS,
      ...given,
    };
    const change = (behaviour: AnyBehaviour): AnyBehaviour => {
      const step = behaviour.step.bind(behaviour);
      const crashing: typeof step = (state, message, turn) => {
        if ((message as { type: string }).type === 'boom') {
          // The second time the next generation gets it, and does not throw.
          if ((message as any).done) return [];
          (message as any).done = true;
          throw new Error('boom');
        }
        const throwIfAsked = (isDone: boolean): void => {
          if (this.throwsAt?.({ actor: turn.self, message, isDone })) throw new Error('boom');
        };
        throwIfAsked(false);
        const made = step(state, message, turn);
        throwIfAsked(true);
        freezeLists(made);
        if (this.crashOver !== (message as { type: string }).type) return made;
        this.crashOver = undefined;
        throw new Error('boom');
      };
      return { ...behaviour, step: crashing };
    };
    const node = assembleNode({ ...world.ports, store }, { program: options, change });
    this.system = node.system;
    this.inbox = node.inbox;
  }

  settle(): void {
    this.world.clock.settle();
  }

  advance(ms: number): void {
    this.world.clock.advance(ms);
  }

  /** Publishes to a room; what became of it is in `outcomes`, by id. */
  readonly outcomes: { readonly id: string; readonly answer: any; readonly at: number }[] = [];
  chat(room: string, id: string): void {
    const entry = { id, sender: 'u', content: `content of ${id}`, data: null, sentAt: null };
    this.system.ask(
      homeAddress(`room:${room}`),
      { type: 'publish', entry, by: null },
      { deadlineMs: 10_000, lane: 'user' },
      (answer) => this.outcomes.push({ id, answer, at: this.world.clock.now() }),
    );
  }

  /** What was said of a chat: its seq, an error code, or why there was no answer. */
  said(id: string): (number | string)[] {
    return this.outcomes
      .filter((outcome) => outcome.id === id)
      .map(({ answer }) => {
        if (!answer.ok) return `${answer.reason}${answer.taken ? ', taken' : ''}`;
        return answer.body.seq ?? answer.body.error;
      });
  }

  ask(to: string, message: unknown): Promise<any> {
    return new Promise((resolve) => {
      this.system.ask(to as Address<unknown>, message, { deadlineMs: 10_000, lane: 'user' }, resolve);
    });
  }

  tell(to: string, message: unknown): void {
    this.system.tell(to as Address<unknown>, message, 'user');
  }

  claims(user: string, isAdmin = false): Claims {
    const expiresAt = this.world.clock.wall() + 1e8;
    return { user, session: undefined, isAdmin, issuedAt: undefined, expiresAt };
  }

  connect(user: string, isAdmin = false): number {
    const number = this.inbox.opened(this.claims(user, isAdmin));
    this.settle();
    return number;
  }

  frame(connection: number, frame: object): void {
    this.inbox.frame(connection, JSON.stringify(frame));
    this.settle();
  }

  /** Frames that a connection was sent. */
  frames(connection: number): any[] {
    return (this.world.sockets.written.get(connection) ?? []).map((text) => JSON.parse(text) as unknown);
  }

  /** Who is in a room, as a connection that is in it is told when it asks. */
  present(connection: number, room: string): string[] {
    this.frame(connection, { type: 'presence', id: 'present', room });
    return this.frames(connection)
      .at(-1)
      .members.map(({ user }: { user: string }) => user);
  }

  /** The log of a room, as `seq:id`. */
  log(room: string): string[] {
    let entries: readonly { readonly seq: number; readonly id: string }[] = [];
    const request = {
      channel: `room:${room}`,
      start: { after: 0 },
      limit: 1_000,
      bytesMax: 1e9,
      reader: null,
    } as const;
    this.world.store.call('page', request, 0, (reply) => {
      if (reply.ok) entries = reply.value.entries;
    });
    return entries.map(({ seq, id }) => `${seq}:${id}`);
  }
}
