import type { Channel } from '../../protocol/channels.ts';
import type { SessionKey } from '../../protocol/revocation.ts';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import type { SessionFinding } from '../../runtime/ports/revocations.ts';
import type { KnownRoom } from '../messages/log.ts';
import { CoalescedReads } from './coalesced-reads.ts';

// The small reads that are gathered: their requests, and which part of a reply belongs to which asker.

export const headsRead = () =>
  new CoalescedReads({
    request: (channels: readonly Channel[]) => ({ call: 'heads', channels }),
    pick: (heads: StoreCalls['heads']['reply'], channel) => heads.get(channel) ?? 0,
  });

export const placesRead = () =>
  new CoalescedReads({
    request: (places: readonly { readonly channel: Channel; readonly seq: number }[]) => ({
      call: 'places',
      places,
    }),
    pick: (places: StoreCalls['places']['reply'], _, at) => places[at] ?? { head: 0, at: null },
  });

export const roomsRead = () =>
  new CoalescedReads({
    request: (rooms: readonly string[]) => ({ call: 'rooms', rooms }),
    pick: ({ records, losses }: StoreCalls['rooms']['reply'], room): KnownRoom => {
      return { record: records.get(room) ?? null, losses };
    },
  });

export const membershipRead = () =>
  new CoalescedReads({
    request: (pairs: readonly { readonly room: string; readonly user: string }[]) => ({
      call: 'membership',
      pairs,
    }),
    pick: (verdicts: StoreCalls['membership']['reply'], _, at) => verdicts[at] ?? false,
  });

export const bansRead = () =>
  new CoalescedReads({
    request: (pairs: readonly { readonly room: string; readonly user: string }[]) => ({
      call: 'banned',
      pairs,
    }),
    pick: (rests: StoreCalls['banned']['reply'], _, at) => rests[at] ?? Infinity,
  });

export const revocationsRead = () =>
  new CoalescedReads({
    request: (sessions: readonly SessionKey[]) => ({ call: 'revoked', sessions }),
    // As many come back as were asked for.
    pick: (findings: StoreCalls['revoked']['reply'], _, at) => findings[at] as SessionFinding,
  });
