/** What a request under way weighs against `inFlightMax`: by what its answer may put into the outbound buffer. */
export const WEIGHTS = {
  permit: 1,
  history: 64,
  presence: 16,
  roomSpent: 1,
  create: 8,
  rooms: 64,
  refresh: 8,
} as const;
