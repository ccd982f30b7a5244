// An answer that keeps itself fresh: asked again when its address changes and when the server tells of news.

import { untrack } from 'svelte';
import { ask, type Problem } from './client';
import { live, type Topic } from './live.svelte';

export class Resource<T> {
  data = $state.raw<T | undefined>(undefined);
  problem = $state.raw<Problem | undefined>(undefined);
  /** Whether nothing can be shown yet. */
  loading = $state(true);
  #url = '';
  #asked = 0;

  /** `url` is read in an effect: what it depends on makes the question anew. `undefined` asks nothing.
   * What is costly to answer names a pause in which news do not repeat the question. */
  constructor(url: () => string | undefined, topics: Topic[], pauseMs = 0) {
    $effect(() => {
      const wanted = url();
      live.version(topics);
      if (wanted === undefined) return;
      const stop = new AbortController();
      const waitMs = wanted === this.#url ? this.#asked + pauseMs - Date.now() : 0;
      const timer = setTimeout(() => untrack(() => void this.#load(wanted, stop.signal)), Math.max(0, waitMs));
      return () => {
        clearTimeout(timer);
        stop.abort();
      };
    });
  }

  async #load(url: string, signal: AbortSignal): Promise<void> {
    // What is shown stays while the same question is asked again; another question begins empty.
    if (this.#url.split('?')[0] !== url.split('?')[0]) {
      this.data = undefined;
      this.loading = true;
    }
    this.#url = url;
    this.#asked = Date.now();
    try {
      const answer = await ask<T>(url, signal);
      if (answer.ok) {
        this.data = answer.data;
        this.problem = undefined;
      } else {
        this.problem = answer.problem;
      }
      this.loading = false;
    } catch {
      // Only an abandoned question throws; the one that replaced it answers.
    }
  }
}
