// Listening: the server tells what was stored, and pages that show such records read them again.

export type Topic = 'device' | 'finding' | 'exposure' | 'overview' | 'sensor';
const TOPICS: Topic[] = ['device', 'finding', 'exposure', 'overview', 'sensor'];

/** Pages read again at most this often, however much is told. */
const PAUSE_MS = 1500;

class Live {
  /** Whether the stream is open. */
  state = $state<'connecting' | 'open' | 'lost'>('connecting');
  #counts = $state<Record<Topic, number>>({ device: 0, finding: 0, exposure: 0, overview: 0, sensor: 0 });
  #waiting = new Set<Topic>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  start(): () => void {
    const source = new EventSource('/api/v1/events');
    source.onopen = () => {
      // After a break everything may be old; the server tells what was missed only if it still knows.
      if (this.state === 'lost') this.#tell(TOPICS);
      this.state = 'open';
    };
    source.onerror = () => {
      this.state = 'lost';
    };
    for (const topic of TOPICS) source.addEventListener(topic, () => this.#tell([topic]));
    source.addEventListener('missed', () => this.#tell(TOPICS));
    return () => {
      source.close();
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Changes whenever a record of one of these kinds was stored. Reading it in an effect repeats the effect. */
  version(topics: Topic[]): number {
    return topics.reduce((sum, topic) => sum + this.#counts[topic], 0);
  }

  #tell(topics: Topic[]): void {
    for (const topic of topics) this.#waiting.add(topic);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const topic of this.#waiting) this.#counts[topic] += 1;
      this.#waiting.clear();
    }, PAUSE_MS);
  }
}

export const live = new Live();
