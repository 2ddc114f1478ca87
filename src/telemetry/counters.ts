import { CLOSE_CODES, ERROR_CODES, SOCKET_ERROR_CODES } from '../protocol/codes.ts';
import type { Invariant } from '../runtime/ports/telemetry.ts';
import type { HookName } from '../runtime/ports/hooks.ts';

// The counters of the core, and the metrics made from them.

/** Error codes that no HTTP answer bears. */
const IN_FRAMES_ONLY: ReadonlySet<string> = new Set(['bad_frame', 'not_joined']);

/** Each metric, its help text, and its counter. */
export const COUNTED = [
  ['vagus_messages_stored_total', 'Messages confirmed by the store', 'messages_stored'],
  ['vagus_messages_pruned_total', 'Messages removed by retention', 'messages_pruned'],
  ['vagus_rewinds_total', 'Channels whose log had lost its end', 'rewinds'],
  ['vagus_relay_gaps_read_total', 'Ranges that a relay had to read from the log', 'relay_gaps_read'],
  ['vagus_relay_restarts_total', 'Relays that continued after a crash', 'relay_restarts'],
  ['vagus_overlap_reads_total', 'Reads of what other processes have stored', 'overlap_reads'],
  ['vagus_link_holes_total', 'Times something that a peer sent was lost', 'link_holes'],
  ['vagus_links_given_up_total', 'Times what was on its way to a peer was given up', 'link_given_up'],
  ['vagus_redis_failures_total', 'Publications that Redis did not take', 'redis_failed'],
  ['vagus_slow_connections_total', 'Times a connection exceeded its outbound limit', 'slow_connections'],
  ['vagus_actor_crashes_total', 'Actors whose step threw', 'actor_crashes'],
  ['vagus_store_failures_total', 'Calls of the store that failed', 'store_failures'],
  ['vagus_breaker_opened_total', 'Times the breaker around the store opened', 'breaker_opened'],
  ['vagus_breaker_closed_total', 'Times the breaker around the store closed', 'breaker_closed'],
] as const;

/** Counters that form one metric with a label. */
export interface LabelledCounters {
  readonly metric: string;
  readonly help: string;
  readonly label: string;
  /** The prefix of the counters' names. The rest of each name is the value of the label. */
  readonly prefix: string;
  /** Each known value begins at 0: the rate of a series that starts with its first event would miss that event. */
  readonly values: readonly string[];
}

const LIMITED = [
  'messages',
  'requests',
  'signals',
  'reads',
  'control_frames',
  'fragments',
  'unfinished',
  'bytes',
  'frames',
  'pongs',
];
/** The type makes sure that none is missing. */
const INVARIANTS = {
  entries_contiguous: true,
  batches_ascend: true,
  in_flight: true,
  queue_size: true,
  epoch_rises: true,
  calls_under_way: true,
  resume_open: true,
  loans_sum: true,
  writer_state: true,
} satisfies Record<Invariant, true>;
const HOOKS: readonly HookName[] = ['authorize', 'beforeMessage'];
const ANSWER_CODES = Object.keys(ERROR_CODES);

export const LABELLED: readonly LabelledCounters[] = [
  {
    metric: 'vagus_errors_total',
    help: 'Errors sent to clients, by code',
    label: 'code',
    prefix: 'error_',
    values: SOCKET_ERROR_CODES,
  },
  {
    metric: 'vagus_closed_total',
    help: 'Connections closed by this node, by reason',
    label: 'reason',
    prefix: 'closed_',
    values: Object.keys(CLOSE_CODES),
  },
  {
    metric: 'vagus_handshakes_refused_total',
    help: 'Upgrades that were refused, by code',
    label: 'code',
    prefix: 'handshake_refused_',
    values: ANSWER_CODES.filter((code) => !IN_FRAMES_ONLY.has(code)),
  },
  {
    metric: 'vagus_http_refused_total',
    help: 'Requests over HTTP that were refused, by code',
    label: 'code',
    prefix: 'http_refused_',
    values: ANSWER_CODES.filter((code) => !IN_FRAMES_ONLY.has(code)),
  },
  {
    metric: 'vagus_invariant_violations_total',
    help: 'Failed assertions; each of them is a bug',
    label: 'name',
    prefix: 'violated_',
    values: Object.keys(INVARIANTS),
  },
  {
    metric: 'vagus_limited_total',
    help: 'Times a client exceeded a limit, by kind',
    label: 'kind',
    prefix: 'limited_',
    values: LIMITED,
  },
  {
    metric: 'vagus_hook_failures_total',
    help: 'Calls of a hook that got no answer',
    label: 'hook',
    prefix: 'hook_failed_',
    values: HOOKS,
  },
  {
    metric: 'vagus_lease_renewals_total',
    help: 'Beats of the lease of this process, by outcome',
    label: 'outcome',
    prefix: 'lease_',
    values: ['confirmed', 'failed', 'lost'],
  },
  {
    metric: 'vagus_nodes_seen_total',
    help: 'Changes of other nodes that this one has seen, by their new state',
    label: 'state',
    prefix: 'node_',
    values: ['suspect', 'alive', 'dead'],
  },
  {
    metric: 'vagus_link_refused_total',
    help: 'Texts in the inbox of this process that it did not take, by reason',
    label: 'reason',
    prefix: 'link_refused_',
    values: ['forged', 'malformed', 'version', 'misdirected', 'unknown'],
  },
  {
    metric: 'vagus_redis_probes_total',
    help: 'Times what this process sends to itself came back by Redis, or stayed away for long',
    label: 'outcome',
    prefix: 'redis_probe_',
    values: ['heard', 'missed'],
  },
  {
    metric: 'vagus_redis_remedies_total',
    help: 'What was made anew because it stayed away',
    label: 'remedy',
    prefix: 'redis_remedy_',
    values: ['subscription', 'client'],
  },
  {
    metric: 'vagus_redis_publications_total',
    help: 'Messages that other programs published by Redis for a channel of this node, by result',
    label: 'result',
    prefix: 'publication_',
    values: ['stored', 'duplicate', 'malformed', 'refused', 'unavailable', 'overflow'],
  },
  {
    metric: 'vagus_redis_announcements_total',
    help: 'Stored messages that were published by Redis for other programs, by outcome',
    label: 'outcome',
    prefix: 'announced_',
    values: ['told', 'lost'],
  },
  {
    metric: 'vagus_probes_total',
    help: 'Canary messages of the node to itself, by outcome',
    label: 'outcome',
    prefix: 'probe_',
    values: ['passed', 'failed'],
  },
  {
    metric: 'vagus_resets_total',
    help: 'Resets of a channel that connections were sent, by cause',
    label: 'reason',
    prefix: 'reset_',
    values: ['rewound', 'other_message', 'above_head', 'other_log'],
  },
];
