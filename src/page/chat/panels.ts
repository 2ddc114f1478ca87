import { element } from './dom.ts';

const PANELS = [
  { panel: 'rooms-panel', button: 'show-rooms', close: 'hide-rooms' },
  { panel: 'people-panel', button: 'show-people', close: 'hide-people' },
] as const;

type Panel = (typeof PANELS)[number];

/** As in chat.css: a wider screen shows both panels beside the chat. */
const WIDE = '(min-width: 62.0625rem)';

/**
 * On a narrow screen the rooms and the people each cover the chat, one at a time. The focus moves into the open panel and
 * stays there, because the chat below is unusable. A tap outside, its button or Escape returns the focus.
 */
export function startPanels(): void {
  for (const panel of PANELS) {
    element(panel.button).addEventListener('click', () => open(panel));
    element(panel.close).addEventListener('click', leave);
  }
  element('beside').addEventListener('click', leave);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) leave();
  });
  matchMedia(WIDE).addEventListener('change', closePanels);
}

function open(panel: Panel): void {
  closePanels();
  set(panel, true);
  element(panel.close).focus();
}

function leave(): void {
  element(closePanels()?.button ?? 'draft').focus();
}

/** Returns the panel that was open. The caller decides where the focus goes. */
export function closePanels(): Panel | undefined {
  const opened = PANELS.find(({ panel }) => element(panel).classList.contains('open'));
  if (opened) set(opened, false);
  return opened;
}

function set({ panel, button }: Panel, isOpen: boolean): void {
  element(panel).classList.toggle('open', isOpen);
  element(button).setAttribute('aria-expanded', String(isOpen));
  element('beside').hidden = !isOpen;
  for (const other of element('app').children)
    if (other instanceof HTMLElement && other.id !== panel && other.id !== 'beside') other.inert = isOpen;
}
