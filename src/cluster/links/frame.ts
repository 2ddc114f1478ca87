import { CROSSING_VERSION } from '../../actors/messages/crossing.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';

/** How far a receiver has come with the frames of one life of a link. */
export interface Receipt {
  readonly life: number;
  /** The receiver has all frames up to this number. */
  readonly upTo: number;
  /** It has later ones, and misses the next. */
  readonly isMissing: boolean;
}

/** What one process sends to another in one publication. */
export interface Frame {
  readonly from: Incarnation;
  readonly to: Incarnation;
  /** The life of the link from one to the other. A new one begins when the sender has given something up. */
  readonly life: number;
  /** The number within the life, from 1; 0 for a receipt alone, which needs no receipt. */
  readonly number: number;
  /** Something that was meant to be sent before this frame never will be. */
  readonly isLossy: boolean;
  /** About the link in the other direction; a life of 0: nothing has come yet. */
  readonly receipt: Receipt;
  /** One line for each message. */
  readonly lines: readonly string[];
}

/** A frame as text: a line of its own values, then its messages. */
export function frameText({ from, to, life, number, isLossy, receipt, lines }: Frame): string {
  const flags = (isLossy ? 1 : 0) + (receipt.isMissing ? 2 : 0);
  const head = `${CROSSING_VERSION} ${from} ${to} ${life} ${number} ${receipt.life} ${receipt.upTo} ${flags}`;
  return lines.length === 0 ? head : `${head}\n${lines.join('\n')}`;
}

/** Why a text is no frame for this process. */
export type NoFrame = 'malformed' | 'version';

const HEAD = /^(\d{1,6}) ([!-~]{1,100}) ([!-~]{1,100}) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15}) ([0-3])$/;

export function readFrame(text: string): Frame | NoFrame {
  const end = text.indexOf('\n');
  const head = end < 0 ? text : text.slice(0, end);
  // Only the first value has the same meaning in every version.
  if (Number.parseInt(head, 10) !== CROSSING_VERSION) return /^\d{1,6} /.test(head) ? 'version' : 'malformed';
  const found = HEAD.exec(head);
  if (!found) return 'malformed';
  const [life, number, receiptLife, upTo, flags] = found.slice(4).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    from: found[2] as string,
    to: found[3] as string,
    life,
    number,
    isLossy: (flags & 1) > 0,
    receipt: { life: receiptLife, upTo, isMissing: (flags & 2) > 0 },
    lines: end < 0 ? [] : text.slice(end + 1).split('\n'),
  };
}
