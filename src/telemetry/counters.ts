import { CLOSE_CODES, ERROR_CODES, SOCKET_ERROR_CODES } from '../protocol/codes.ts';
import type { Invariant } from '../runtime/ports/telemetry.ts';
import type { HookName } from '../runtime/ports/hooks.ts';

// What the core counts by name, and the metrics made of it.

/** Error codes that no answer over HTTP bears. */
const IN_FRAMES_ONLY: ReadonlySet<string> = new Set(['bad_frame', 'not_joined']);

/** Metric, what it says, and the counter behind it. */
export const COUNTED = [
  ['vagus_messages_stored_total', 'Messages confirmed by the store', 'messages_stored'],
  ['vagus_messages_pruned_total', 'Messages removed because they are kept no longer', 'messages_pruned'],
  ['vagus_rewinds_total', 'Channels whose log was found to have lost its end', 'rewinds'],
  ['vagus_relay_gaps_read_total', 'Ranges that a relay had to read from the log', 'relay_gaps_read'],
  ['vagus_overlap_reads_total', 'Looks at what other processes have stored', 'overlap_reads'],
  ['vagus_slow_connections_total', 'Times a connection went over its outbound limit', 'slow_connections'],
  ['vagus_actor_crashes_total', 'Actors whose step threw', 'actor_crashes'],
  ['vagus_store_failures_total', 'Calls of the store that failed', 'store_failures'],
  ['vagus_breaker_opened_total', 'Times the breaker around the store opened', 'breaker_opened'],
  ['vagus_breaker_closed_total', 'Times the breaker around the store closed', 'breaker_closed'],
] as const;

/** Counters of one metric, told apart by a label. */
export interface LabelledCounters {
  readonly metric: string;
  readonly help: string;
  readonly label: string;
  /** What the names of the counters begin with; the rest of each is the value of the label. */
  readonly prefix: string;
  /** Each value that is known beforehand begins at 0: a rate over a series that was not there misses its first event. */
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
/** The type sees to it that none is missing. */
const INVARIANTS = {
  entries_contiguous: true,
  batches_ascend: true,
  in_flight: true,
  queue_size: true,
} satisfies Record<Invariant, true>;
const HOOKS: readonly HookName[] = ['authorize', 'beforeMessage'];
const ANSWER_CODES = Object.keys(ERROR_CODES);

export const LABELLED: readonly LabelledCounters[] = [
  {
    metric: 'vagus_errors_total',
    help: 'Errors told to clients, by code',
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
    help: 'Assertions that did not hold: a bug, every one',
    label: 'name',
    prefix: 'violated_',
    values: Object.keys(INVARIANTS),
  },
  {
    metric: 'vagus_limited_total',
    help: 'Times a client went over a limit of rate or of what it may send, by kind',
    label: 'kind',
    prefix: 'limited_',
    values: LIMITED,
  },
  {
    metric: 'vagus_hook_failures_total',
    help: 'Answers of the application that could not be had',
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
    metric: 'vagus_probes_total',
    help: 'Messages of the node to itself, by whether they got through',
    label: 'outcome',
    prefix: 'probe_',
    values: ['passed', 'failed'],
  },
  {
    metric: 'vagus_resets_total',
    help: 'Connections told on a channel that the log is not what they were shown, by why',
    label: 'reason',
    prefix: 'reset_',
    values: ['rewound', 'other_message', 'above_head', 'other_log'],
  },
];
