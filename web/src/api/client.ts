// Asking the API. Whatever goes wrong becomes a Problem that says what, why and what to do next.

import { words } from '../words';
import { session } from './session.svelte';

export interface Problem {
  title: string;
  detail: string;
  nextStep: string;
  status: number;
  /** The last part of the problem's type. */
  kind: string;
}

export type Answer<T> = { ok: true; data: T } | { ok: false; problem: Problem };

type Parameter = string | number | boolean | null | undefined;

/** The address of a question; parameters that are not set are left out. */
export function address(path: string, parameters: Record<string, Parameter> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '' && value !== false) query.set(name, String(value));
  }
  const text = query.toString();
  return `/api/v1${path}${text ? `?${text}` : ''}`;
}

export async function ask<T>(url: string, signal: AbortSignal): Promise<Answer<T>> {
  try {
    const response = await fetch(url, { signal, headers: { accept: 'application/json' } });
    if (response.ok) return { ok: true, data: (await response.json()) as T };
    if (response.status === 401) session.expired();
    return { ok: false, problem: await problemOf(response) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { ok: false, problem: { ...words.problem.unreachable, status: 0, kind: 'unreachable' } };
  }
}

/** Asks for a change; whatever goes wrong becomes a Problem, too. */
export async function send<T>(path: string, method: 'GET' | 'POST', body: object | undefined): Promise<Answer<T>> {
  try {
    const headers = { accept: 'application/json', 'content-type': 'application/json' };
    const response = await fetch(address(path), { method, headers, body: method === 'POST' ? JSON.stringify(body ?? {}) : null });
    if (response.ok) return { ok: true, data: (await response.json()) as T };
    if (response.status === 401) session.expired();
    return { ok: false, problem: await problemOf(response) };
  } catch {
    return { ok: false, problem: { ...words.problem.unreachable, status: 0, kind: 'unreachable' } };
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  const told = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const text = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise);
  return {
    title: text(told.title, words.problem.other.title),
    detail: text(told.detail, `${response.status} ${response.statusText}`),
    nextStep: text(told.next_step, words.problem.other.nextStep),
    status: response.status,
    kind: text(told.type, '').split(':').pop() ?? '',
  };
}
