import { element } from './dom.ts';

const PANELS = [
  { panel: 'rooms-panel', button: 'show-rooms' },
  { panel: 'people-panel', button: 'show-people' },
] as const;

/** On a narrow screen rooms and people lie over the chat, one at a time, until Escape. */
export function startPanels(): void {
  for (const { panel, button } of PANELS) {
    element(button).addEventListener('click', () => {
      const isOpen = element(panel).classList.contains('open');
      closePanels();
      if (!isOpen) set(panel, button, true);
    });
  }
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.isComposing) return;
    const button = closePanels();
    element(button ?? 'draft').focus();
  });
}

/** Returns the button of the panel that was open. */
export function closePanels(): string | undefined {
  const open = PANELS.find(({ panel }) => element(panel).classList.contains('open'));
  if (open) set(open.panel, open.button, false);
  return open?.button;
}

function set(panel: string, button: string, isOpen: boolean): void {
  element(panel).classList.toggle('open', isOpen);
  element(button).setAttribute('aria-expanded', String(isOpen));
}
