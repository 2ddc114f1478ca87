/** Channels named in one `resume`; a server takes 256. */
const COUNT_MAX = 200;

/** What a frame has around the channels, and each of them around its name: quotes, a colon, a comma, its position. */
const FRAME_BYTES = 160;
const CHANNEL_BYTES = 24;

/** Channels' names, in pieces that fit a frame of so many bytes each. */
export function slicesOf(names: readonly string[], frameBytes: number): string[][] {
  const slices: string[][] = [];
  let left = 0;
  for (const name of names) {
    const bytes = name.length + CHANNEL_BYTES;
    const last = slices.at(-1);
    if (last && last.length < COUNT_MAX && bytes <= left) last.push(name);
    else {
      slices.push([name]);
      left = frameBytes - FRAME_BYTES;
    }
    left -= bytes;
  }
  return slices;
}
