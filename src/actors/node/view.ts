import type { Answered, Behaviour, ReplyTo, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import type { Lease } from '../../runtime/ports/leases.ts';
import type { StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Incarnation, View } from '../../runtime/ports/placement.ts';
import { Effects } from '../kit/effects.ts';
import type { Reach } from '../kit/reach.ts';
import { holders, movedShards, nextView } from '../kit/shards.ts';
import { CLUSTER_FEATURES, type ConnectionMessage } from '../messages/connection.ts';
import { HOME_KINDS, homeAddress, type HomeMessage } from '../messages/home.ts';
import { LEASE, VIEW, type ViewHint, type ViewMessage } from '../messages/node.ts';
import type { RelayMessage } from '../messages/relay.ts';
import { DIRECTORY } from './directory.ts';
import { Unheard } from './unheard.ts';
import { changeOf, homesOf } from './view-plan.ts';

interface ViewLimits {
  /** For a read or a change of the view. */
  readonly deadlineMs: number;
  /** The nodes must have been the same for this long before shards move from one living node to another (D11). */
  readonly settledMs: number;
  /** Between two groups of shards that a leaving node hands over. */
  readonly groupMs: number;
}

const VIEW_LIMITS: ViewLimits = { deadlineMs: 600, settledMs: 5_000, groupMs: 200 };

export interface ViewOptions {
  readonly incarnation: Incarnation;
  /** False for an edge: it takes sockets, and never has a shard. */
  readonly takesHomes: boolean;
  readonly reach: Reach;
  readonly limits?: ViewLimits;
}

type UnderWay = { readonly for: 'read' } | { readonly for: 'change'; readonly view: View };

/**
 * The node's part in the view (D11): which process has which shard. Only the compare-and-set in the database changes it; a hint of
 * another node only causes a read.
 *
 * - It looks at each confirmed renewal of the lease. The lease's limits are the bounds in time of everything here.
 * - A node in doubt changes nothing. Its homes serve no client until the next confirmed renewal: other homes may have replaced them.
 */
class ViewKeeper {
  readonly #options: ViewOptions;
  readonly #limits: ViewLimits;
  #view: View | undefined;
  /** The processes beside this one that are not dead. */
  #others: readonly Lease[] = [];
  #takesHomes: boolean;
  /** Those that may have shards, and since when. */
  #homes = '';
  #homesSince = 0;
  /** Undefined: an earlier generation may have told homes of a doubt. */
  #isDoubtful: boolean | undefined;
  #isConfirmed = false;
  readonly #buried = new Buried();
  readonly #unheard = new Unheard();
  /** Processes that the view names, and that no look has shown yet. */
  #unseen: readonly Incarnation[] = [];
  #underWay: UnderWay | undefined;
  #lastCall = 0;
  readonly #leavers: ReplyTo[] = [];

  constructor(options: ViewOptions, isFirst: boolean) {
    this.#options = options;
    this.#isDoubtful = isFirst ? false : undefined;
    this.#limits = options.limits ?? VIEW_LIMITS;
    this.#takesHomes = options.takesHomes;
  }

  take(message: ViewMessage | TimerFired | Answered, turn: Turn): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'looked':
        this.#looked(message, turn, out);
        break;
      case 'doubtful':
        this.#doubt(true, out);
        break;
      case 'homeBegan': {
        const { channel } = message;
        if (this.#isDoubtful !== false)
          out.tell(homeAddress(channel), { type: 'nodeDoubted', isDoubtful: true });
        break;
      }
      case 'viewChanged':
        // Before the first look it is not known who lives.
        if (this.#isConfirmed && message.stamp !== this.#view?.stamp) this.#read(out);
        break;
      case 'linkLost':
        this.#askHomes(message.peer, out);
        break;
      case 'leave':
        this.#leave(turn, out);
        break;
      case 'answer':
        break;
      case 'timer':
        this.#change(turn, out);
        break;
      case 'storeReplied':
        if (message.call === this.#lastCall) this.#replied(message.reply, turn, out);
        break;
    }
    return out;
  }

  #looked(
    { leases, isHeard, isReached, view }: ViewMessage & { type: 'looked' },
    turn: Turn,
    out: Effects,
  ): void {
    this.#isConfirmed = true;
    this.#doubt(false, out);
    const before = this.#others;
    this.#others = leases.filter(({ isDead }) => !isDead);
    this.#unseen = [];
    const isDifferent = namesOf(this.#others).join() !== namesOf(before).join();
    const gone = this.#buried.see(leases, namesOf(before));
    if (gone.length > 0 || isDifferent) this.#place(out, gone);
    for (const incarnation of gone) this.#tellHomes({ type: 'withdraw', incarnation }, out);
    // The directory of a new node knows no numbers.
    const isNew = this.#others.some((one) => !before.some((old) => old.incarnation === one.incarnation));
    const countAgain: HomeMessage = { type: 'countAgain' };
    if (isNew) out.add({ type: 'tellLocalKind', kind: 'room', message: countAgain });
    if (isReached !== this.#options.reach.isReached) this.#tellClients(isReached, out);
    this.#unheard.look([...this.#others, { incarnation: this.#options.incarnation, isHeard }], turn.now);
    this.#noteHomes(turn);
    if (view?.stamp !== this.#view?.stamp) return this.#read(out);
    this.#change(turn, out, turn.now - this.#homesSince >= this.#limits.settledMs);
  }

  #noteHomes(turn: Turn): void {
    const homes = homesOf(this.#situation(false)).join('\n');
    if (homes === this.#homes) return;
    this.#homes = homes;
    this.#homesSince = turn.now;
  }

  #situation(isSettled: boolean) {
    const [self, view] = [this.#options.incarnation, this.#view ?? null];
    return {
      self,
      takesHomes: this.#takesHomes,
      others: this.#others,
      isGrey: (incarnation: Incarnation): boolean => this.#unheard.isGrey(incarnation),
      unseen: this.#unseen,
      view,
      isSettled,
    };
  }

  // --- reading and changing

  #read(out: Effects): void {
    if (!this.#underWay) this.#call({ call: 'view' }, { for: 'read' }, out);
  }

  /**
   * Shards of the living move only with a look that shows nothing else: two nodes that differ in who lives would pass shards to
   * each other and back.
   */
  #change(turn: Turn, out: Effects, isSettled = false): void {
    if (this.#underWay || this.#isDoubtful || !this.#isConfirmed) return;
    const byShard = changeOf(this.#situation(isSettled));
    if (!byShard) return this.#reportLeft(out);
    const view = nextView(this.#view ?? null, byShard, turn.newId());
    const before = this.#view ? { version: this.#view.version, stamp: this.#view.stamp } : null;
    this.#call({ call: 'changeView', before, view }, { for: 'change', view }, out);
  }

  #call(request: StoreRequest, underWay: UnderWay, out: Effects): void {
    this.#underWay = underWay;
    const { deadlineMs } = this.#limits;
    out.add({ type: 'store', call: ++this.#lastCall, request, deadlineMs });
  }

  /** Without an answer the next renewal shows which view there is. */
  #replied(reply: StoreReply, turn: Turn, out: Effects): void {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    if (!reply.ok || !underWay) return;
    if (underWay.for === 'read') {
      if (reply.value) this.#adopt(reply.value as View, out);
      // A failover has lost it: the next one is the first there.
      else this.#view = undefined;
      return this.#change(turn, out);
    }
    if (reply.value !== true) return this.#read(out);
    this.#adopt(underWay.view, out);
    const hint: ViewHint = { type: 'viewChanged', stamp: underWay.view.stamp };
    const nodes = namesOf(this.#others);
    out.add({ type: 'publish', to: VIEW, nodes, message: hint });
    if (!this.#takesHomes) out.arm('group', this.#limits.groupMs);
  }

  #adopt(view: View, out: Effects): void {
    const shards = movedShards(this.#view, view, this.#options.incarnation);
    this.#view = view;
    const seen = new Set([...namesOf(this.#others), this.#options.incarnation]);
    this.#unseen = view.nodes.filter((node) => !seen.has(node) && !this.#buried.has(node));
    this.#place(out);
    this.#tellHomes({ type: 'placed', view }, out);
    out.tell(DIRECTORY, { type: 'placed', view });
    const moved: RelayMessage = { type: 'homesMoved', shards };
    out.add({ type: 'tellLocalKind', kind: 'relay', message: moved });
    const details = { version: view.version, moved: shards.size };
    out.add({ type: 'log', level: 'info', event: 'view adopted', details });
  }

  /** Clients hear that other nodes cannot be reached: homes that live there do not answer (D14). */
  #tellClients(isReached: boolean, out: Effects): void {
    this.#options.reach.isReached = isReached;
    const features = isReached ? [] : CLUSTER_FEATURES;
    const message: ConnectionMessage = { type: 'degraded', among: CLUSTER_FEATURES, features };
    out.add({ type: 'tellLocalKind', kind: 'conn', message });
  }

  /** Homes there may not know who is here, and what they have published may not have come. */
  #askHomes(peer: Incarnation, out: Effects): void {
    const shards = new Set(
      holders(this.#view ?? null).flatMap((holder, shard) => (holder === peer ? [shard] : [])),
    );
    const moved: RelayMessage = { type: 'homesMoved', shards };
    if (shards.size > 0) out.add({ type: 'tellLocalKind', kind: 'relay', message: moved });
  }

  #place(out: Effects, gone: readonly Incarnation[] = []): void {
    out.add({ type: 'place', view: this.#view, peers: namesOf(this.#others), gone });
  }

  #tellHomes(message: HomeMessage, out: Effects): void {
    for (const kind of HOME_KINDS) out.add({ type: 'tellLocalKind', kind, message });
  }

  // --- doubt

  #doubt(isDoubtful: boolean, out: Effects): void {
    if (this.#isDoubtful === isDoubtful) return;
    this.#isDoubtful = isDoubtful;
    this.#tellHomes({ type: 'nodeDoubted', isDoubtful }, out);
  }

  // --- leaving

  #leave(turn: Turn, out: Effects): void {
    if (turn.replyTo) this.#leavers.push(turn.replyTo);
    this.#takesHomes = false;
    out.tell(LEASE, { type: 'takeNoHomes' });
    this.#change(turn, out);
  }

  /** Nothing is left to hand over, or no other node may have it. */
  #reportLeft(out: Effects): void {
    const { incarnation } = this.#options;
    const isDone =
      !holders(this.#view ?? null).includes(incarnation) || this.#others.every((one) => !one.takesHomes);
    if (isDone) for (const asker of this.#leavers.splice(0)) out.reply(asker, {});
  }
}

/**
 * Processes that are over, each reported once. A process may have been here so shortly that no look shows it alive, and have
 * said something all the same.
 */
class Buried {
  #known: ReadonlySet<Incarnation> = new Set();

  has(incarnation: Incarnation): boolean {
    return this.#known.has(incarnation);
  }

  /** Those that are over since the look before, which showed `before` alive. */
  see(leases: readonly Lease[], before: readonly Incarnation[]): readonly Incarnation[] {
    const living = new Set(namesOf(leases.filter(({ isDead }) => !isDead)));
    const dead = namesOf(leases.filter(({ isDead }) => isDead));
    const gone = new Set([...dead, ...before.filter((incarnation) => !living.has(incarnation))]);
    const isNew = (incarnation: Incarnation): boolean => !this.#known.has(incarnation);
    const found = [...gone].filter(isNew);
    this.#known = gone;
    return found;
  }
}

function namesOf(leases: readonly Lease[]): readonly Incarnation[] {
  return leases.map(({ incarnation }) => incarnation);
}

export function viewBehaviour(options: ViewOptions): Behaviour<ViewKeeper, ViewMessage> {
  return {
    kind: 'view',
    mailboxMax: 64,
    supervision: 'restart',
    placement: 'node',
    start: ({ restarted }) => [new ViewKeeper(options, !restarted), []],
    step: (keeper, message, turn) => keeper.take(message, turn).effects,
  };
}
