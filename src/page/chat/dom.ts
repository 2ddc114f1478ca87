/** The element of the page with this id. */
export function element(id: string): HTMLElement;
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind;
export function element(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

/** A new element. Texts of other users are set as text only, so that no name or message is parsed as HTML. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** One of eight colours, the same for a user on every screen. */
export function avatar(user: string): HTMLElement {
  let hash = 0x811c9dc5;
  for (const character of user) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  const [initial = '?'] = user;
  return make(
    'span',
    { class: `avatar hue-${(hash >>> 12) % 8}`, 'aria-hidden': 'true' },
    initial.toUpperCase(),
  );
}

/** An item of a list. It is rebuilt only when its look changes, which keeps focus and selection. */
export interface Item {
  readonly key: string;
  /** Equal as long as the item looks the same. */
  readonly look: string;
  readonly draw: () => HTMLElement;
}

/** Makes the children of an element these items, in this order. */
export function renderItems(parent: HTMLElement, items: readonly Item[]): void {
  const old = new Map([...parent.children].map((child) => [(child as HTMLElement).dataset['key'], child]));
  const wanted = items.map(({ key, look, draw }) => {
    const known = old.get(key) as HTMLElement | undefined;
    old.delete(key);
    if (known?.dataset['look'] === look) return known;
    const drawn = draw();
    drawn.dataset['key'] = key;
    drawn.dataset['look'] = look;
    known?.replaceWith(drawn);
    return drawn;
  });
  for (const gone of old.values()) gone.remove();
  let at = parent.firstElementChild;
  for (const child of wanted) {
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}
