// Who is signed in. Where the console has no accounts, everybody sees everything.

import { problemOf, type Problem } from './client';

export type Role = 'analyst' | 'clinical-engineer' | 'network-engineer' | 'ward' | 'auditor' | 'administrator';

interface Told {
  accounts: boolean;
  name: string | null;
  role: Role | null;
  zone: string | null;
}

const ADDRESS = '/api/v1/session';
/** Pages for accounts of a ward or of one zone; the API tells them nothing else. */
const OF_A_ZONE = ['devices', 'device'];

class Session {
  /** `unknown` until the console answered for the first time. */
  state = $state<'unknown' | 'open' | 'in' | 'out'>('unknown');
  name = $state('');
  role = $state<Role | null>(null);
  zone = $state<string | null>(null);

  async start(): Promise<void> {
    try {
      const response = await fetch(ADDRESS, { headers: { accept: 'application/json' } });
      if (response.ok) this.#told((await response.json()) as Told);
      else this.state = response.status === 401 ? 'out' : 'open';
    } catch {
      // The pages say that nobody answers, and go on when somebody does.
      this.state = 'open';
    }
  }

  /** The API says that nobody is signed in: the session ended. */
  expired(): void {
    if (this.state !== 'unknown') this.state = 'out';
  }

  /** What is wrong, or nothing. */
  async signIn(name: string, password: string, code: string): Promise<Problem | undefined> {
    const response = await fetch(ADDRESS, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ name, password, code: code || undefined }),
    });
    if (!response.ok) return problemOf(response);
    this.#told((await response.json()) as Told);
    return undefined;
  }

  async signOut(): Promise<void> {
    await fetch(ADDRESS, { method: 'DELETE' });
    this.state = 'out';
  }

  sees(page: string): boolean {
    const limited = this.role === 'ward' || this.zone !== null;
    return !limited || OF_A_ZONE.includes(page);
  }

  #told(told: Told): void {
    this.name = told.name ?? '';
    this.role = told.role;
    this.zone = told.zone;
    this.state = told.accounts ? 'in' : 'open';
  }
}

export const session = new Session();
