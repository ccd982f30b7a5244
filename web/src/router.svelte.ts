// Real addresses: each page and each filter has one, and the back button works.

import { matchPage, type Place } from './places';

class Router {
  #url = $state.raw(new URL(window.location.href));

  get place(): Place {
    return matchPage(this.#url.pathname);
  }

  get path(): string {
    return this.#url.pathname;
  }

  parameter(name: string): string | null {
    return this.#url.searchParams.get(name);
  }

  start(): () => void {
    const back = () => {
      this.#url = new URL(window.location.href);
    };
    const click = (event: MouseEvent) => this.#follow(event);
    window.addEventListener('popstate', back);
    document.addEventListener('click', click);
    return () => {
      window.removeEventListener('popstate', back);
      document.removeEventListener('click', click);
    };
  }

  go(href: string): void {
    const before = this.#url.pathname;
    const next = new URL(href, this.#url);
    history.pushState(null, '', next);
    this.#url = next;
    if (next.pathname !== before) {
      window.scrollTo(0, 0);
      // Who uses a screen reader or the keyboard continues at the new page's heading.
      queueMicrotask(() => requestAnimationFrame(() => document.querySelector<HTMLElement>('h1')?.focus()));
    }
  }

  /** Changes filters in the address; `null` removes one. Turning pages begins anew unless `offset` is given. */
  filter(changes: Record<string, string | number | null>, keepsHistory = false): void {
    const next = new URL(this.#url);
    if (!('offset' in changes)) next.searchParams.delete('offset');
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '' || value === 0) next.searchParams.delete(name);
      else next.searchParams.set(name, String(value));
    }
    if (keepsHistory) history.pushState(null, '', next);
    else history.replaceState(null, '', next);
    this.#url = next;
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const raw = link?.getAttribute('href');
    if (!link || !raw || link.getAttribute('target') || raw.startsWith('#') || link.hasAttribute('download')) return;
    const href = new URL(raw, window.location.href);
    if (href.origin !== window.location.origin || href.pathname.startsWith('/api/')) return;
    event.preventDefault();
    this.go(href.href);
  }
}

export const router = new Router();
